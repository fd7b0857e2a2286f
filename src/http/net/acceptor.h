#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>
#include <span>

#include "http/net/io_thread.h"

namespace target_eye {

// Accepts from one listening socket, on the first of `threads`, and deals the connections out to
// all of them in turn, so that they are spread evenly. Used on that thread only.
class Acceptor {
 public:
  // `listener` stays the caller's. `may_be_tls`: connections are TLS while the context has any.
  Acceptor(int listener, bool may_be_tls, std::span<const std::shared_ptr<IoThread>> threads);
  ~Acceptor();

  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  void Start();
  // Called every tick: tries again after the system had no descriptors or memory left.
  void Resume();
  // Leaves the listening socket alone from here on. The acceptor must live as long as the thread
  // runs.
  void Stop();

 private:
  void Wait();
  void AcceptAll();
  // Returns false when there is nothing more to accept.
  bool AcceptOne();

  const int listener_;
  const bool may_be_tls_;
  const std::span<const std::shared_ptr<IoThread>> threads_;
  boost::asio::posix::stream_descriptor descriptor_;
  std::size_t next_ = 0;
  bool paused_ = false;
  bool warned_ = false;
};

}  // namespace target_eye
