#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace target_eye {

// The bytes of a connection of HTTP/1.1 as they came, in one piece from the beginning of the
// request that is being read. Used on one thread.
class SessionInput {
 public:
  static constexpr std::size_t kIdleBytes = 4 << 10;  // What an idle connection keeps.

  SessionInput() { MakeRoom(kIdleBytes); }

  std::string_view unread() const { return {buffer_.get() + begin_, end_ - begin_}; }
  // What is kept beyond kIdleBytes.
  std::size_t extra_bytes() const { return capacity_ - kIdleBytes; }
  // How large unread() can become without more memory.
  std::size_t room() const { return capacity_ - begin_; }

  // Moves what is unread, so that it can become `bytes` large.
  void MakeRoom(std::size_t bytes);
  // Where the next bytes are to be written; there is room for at least one. Valid until the next
  // call of anything else.
  std::span<char> Free();
  // What was written there.
  void Added(std::size_t bytes) { end_ += bytes; }

  // Drops the first `bytes` of what is unread.
  void Skip(std::size_t bytes) { begin_ += bytes; }
  // Drops `bytes` of unread(), from `at` on.
  void Erase(std::size_t at, std::size_t bytes);
  // Lets go of memory that an idle connection does not keep, if nothing is unread.
  void Shrink();

 private:
  std::unique_ptr<char[]> buffer_;  // [begin_, end_) of capacity_.
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace target_eye
