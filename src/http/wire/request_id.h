#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string_view>

#include "http/wire/request_head.h"

namespace target_eye {

// The X-Request-Id that the client sent, if it is 1-128 bytes of [A-Za-z0-9._:/+=-] and the only
// one; empty otherwise.
std::string_view ClientRequestId(const RequestHead& head);

// By which logs of different programs know one request.
class RequestId {
 public:
  // Takes what the client sent, a view that must stay, or else makes 16 hexadecimal digits of
  // `number`.
  void Set(std::string_view from_client, std::uint64_t number) {
    from_client_ = from_client;
    if (!from_client.empty()) return;
    for (std::size_t i = made_.size(); i-- > 0; number >>= 4) {
      made_[i] = "0123456789abcdef"[number & 15];
    }
  }
  // There is none yet.
  void Clear() {
    from_client_ = {};
    made_[0] = 0;
  }

  bool empty() const { return from_client_.empty() && made_[0] == 0; }
  bool from_client() const { return !from_client_.empty(); }
  std::string_view text() const {
    if (from_client()) return from_client_;
    return made_[0] == 0 ? std::string_view() : std::string_view(made_.data(), made_.size());
  }

 private:
  std::string_view from_client_;
  std::array<char, 16> made_{};
};

// Numbers for them: a random start, so that it is next to impossible that two threads or
// processes use the same number. Used by one thread.
class RequestNumbers {
 public:
  std::uint64_t Next() { return next_++; }

 private:
  std::uint64_t next_ = [] {
    std::random_device random;
    return (std::uint64_t{random()} << 32) | random();
  }();
};

}  // namespace target_eye
