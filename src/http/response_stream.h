#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>

namespace target_eye {

class AnswerBudget;
class StreamReader;

// An answer without an end: its maker adds bytes whenever there is news, for as long as the client
// stays. The bytes are shared, so that what thousands are sent is in memory once.
//
// It is over when its maker or the server ends it, when the client goes, or when the client falls
// behind: more than kMostUnsentBytes wait for it, or the server's budget of answers has no room for
// them. A client that fell behind is cut off, so that it does not take what it has for everything.
//
// This is the maker's end; the other end goes into HttpResponse::stream. Safe to use from any
// thread.
class ResponseStream {
 public:
  using Bytes = std::shared_ptr<const std::string>;
  static constexpr std::size_t kMostUnsentBytes = 1 << 20;

  // Use MakeStream (http_handler.h), so that whoever let the request in knows of it.
  static std::pair<std::shared_ptr<ResponseStream>, StreamReader> Make();

  ~ResponseStream();
  ResponseStream(const ResponseStream&) = delete;
  ResponseStream& operator=(const ResponseStream&) = delete;

  // Adds bytes behind those before; never blocks. Returns false, and adds nothing, if it is over.
  bool Send(Bytes bytes);
  // Ends it in order, after what was added.
  void End();
  bool is_over() const;
  // Calls `tell` once, when it is over; at once if it is already. From any thread, without a lock.
  // Only one can be told.
  void OnOver(std::move_only_function<void()> tell);

 private:
  friend class StreamReader;
  using Lock = std::unique_lock<std::mutex>;
  enum class State {
    kOpen,
    kEnded,   // Nothing more comes.
    kBroken,  // The client fell behind.
  };

  ResponseStream() = default;

  bool Hold(const Bytes& bytes);
  void DropQueue();
  // Each lets go of the lock.
  void Wake(Lock lock);
  void BeOver(Lock lock, State state);

  mutable std::mutex mutex_;
  AnswerBudget* budget_ = nullptr;
  std::function<void()> wake_;
  std::move_only_function<void()> tell_;
  State state_ = State::kOpen;
  bool reader_waits_ = true;
  std::deque<Bytes> queue_;
  std::size_t read_ = 0;  // Of the first in the queue.
  std::size_t unsent_ = 0;
};

// The session's end of a stream. If it is destroyed, the stream is over. One thread at a time.
class StreamReader {
 public:
  using State = ResponseStream::State;
  struct Piece {
    std::size_t bytes = 0;
    State state = State::kOpen;  // After these bytes.
  };

  StreamReader() = default;  // Of no stream.
  explicit StreamReader(std::shared_ptr<ResponseStream> stream) : stream_(std::move(stream)) {}
  StreamReader(StreamReader&&) noexcept = default;
  StreamReader& operator=(StreamReader&& other) noexcept;
  ~StreamReader() { Close(); }

  explicit operator bool() const { return stream_ != nullptr; }

  // `wake` is called, from any thread, when there is something for Read after a Read that found
  // too little. It must not use the stream. `budget` must outlive this.
  void Attach(AnswerBudget& budget, std::function<void()> wake);

  // Moves bytes into `room`. If it is not full, there are no more for the moment.
  Piece Read(std::span<char> room);

  // Ends it in order, after what was added.
  void End() { stream_->End(); }
  // The client has gone, or is to hear nothing more. There is no stream after this.
  void Close();

 private:
  std::shared_ptr<ResponseStream> stream_;
};

}  // namespace target_eye
