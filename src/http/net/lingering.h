#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "http/net/connection.h"
#include "http/net/io_thread.h"
#include "http/net/transport.h"
#include "util/clock.h"

namespace target_eye {

// A connection on which everything is said: the answer and the end of what we send are on their
// way. What the client still sends is read and dropped, so that it hears the answer. Without that,
// the system would answer those bytes with a reset, and a client that meets the reset while it is
// sending never looks at what it was told.
//
// It ends with the client's end of input, after kPause in which fewer than kProgressBytes came (a
// body that is sent is more than that, and who only drips is not waited for), after kTotal, or
// after kBytes. It counts as a connection until then, but holds no memory besides this object, and
// no share of any budget for bodies. A server that stops gives it kTotalAtStop.
//
// Lives on one IoThread, and is used on it only. It keeps itself alive until it is closed.
class Lingering final : public Connection {
 public:
  static constexpr std::chrono::seconds kPause{2};
  static constexpr std::size_t kProgressBytes = 512;
  static constexpr std::chrono::seconds kTotal{30};
  static constexpr std::size_t kBytes = 64 << 20;
  static constexpr std::chrono::milliseconds kTotalAtStop{200};

  // `slot`: the connection's, which it keeps to its end.
  Lingering(std::shared_ptr<IoThread> thread, ConnectionSlot slot);

  // Takes over a connection whose EndSending has been called, and on which nothing waits.
  void Start(Transport transport);

  void Respond(std::int32_t, HttpResponse) override {}
  void CheckDeadline(SteadyTime now) override;
  void Drain() override;
  std::size_t Cut() override;

 private:
  void Drop();
  void Close();

  const std::shared_ptr<IoThread> thread_;
  ConnectionSlot slot_;
  Transport transport_;
  std::shared_ptr<Connection> self_;  // While it is open.
  SteadyTime pause_deadline_;
  SteadyTime deadline_;
  std::size_t dropped_bytes_ = 0;
  std::size_t progress_at_ = kProgressBytes;  // Dropped bytes at which it may pause again.
};

}  // namespace target_eye
