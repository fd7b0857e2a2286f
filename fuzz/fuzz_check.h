#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "http/message_body.h"
#include "model/change_request.h"
#include "model/utf8.h"

namespace target_eye {

inline std::string_view AsText(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Ends the program as a finding where `ok` is false: `claim` is what was to hold.
inline void Require(bool ok, const char* claim) {
  if (ok) return;
  std::fprintf(stderr, "does not hold: %s\n", claim);
  std::abort();
}

// An error is one that a client may be shown.
inline void RequireGoodError(const Error& error) {
  constexpr std::size_t kMaxMessageBytes = 2000;
  Require(!error.message.empty(), "an error has a message");
  Require(error.message.size() <= kMaxMessageBytes, "a message is short");
  Require(IsValidUtf8(EncodeMessage(error.message)), "an encoded message is UTF-8");
}

// What a decoder let pass is valid in itself.
inline void RequireGoodData(const GroupData& data) {
  if (data.targets) {
    for (const Target& target : *data.targets) {
      Require(Target::Parse(target.text()).has_value(), "an accepted target is a target");
    }
  }
  if (data.labels) {
    for (const auto& [name, value] : *data.labels) {
      Require(CheckLabelName(name).has_value(), "an accepted label name is one");
      Require(CheckLabelValue(name, value).has_value(), "an accepted label value is one");
    }
  }
}

// In double quotes, as JSON, YAML and TOML take it.
inline std::string Quoted(std::string_view text) {
  constexpr std::string_view kBefore = R"({"message":)";
  constexpr std::string_view kAfter = "}";
  const std::string json = EncodeMessage(text);
  std::string quoted;
  for (const char c : json.substr(kBefore.size(), json.size() - kBefore.size() - kAfter.size())) {
    quoted += c == '\x7f' ? "\\u007f" : std::string(1, c);
  }
  return quoted;
}

// In square brackets, the same.
inline std::string QuotedList(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) list += (list.empty() ? "" : ", ") + Quoted(text);
  return "[" + list + "]";
}

// In what pieces bytes come.
class Pieces {
 public:
  // Each of so many bytes, at least 1.
  explicit Pieces(std::size_t bytes) : bytes_(bytes) {}

  // Of 1 to 64 bytes; the end of the input says which, so that the fuzzer can look for those that
  // matter.
  static Pieces ChosenBy(std::string_view input) {
    Pieces pieces(0);
    for (const char c : input.substr(input.size() - std::min<std::size_t>(2, input.size()))) {
      pieces.state_ = pieces.state_ * 256 + static_cast<unsigned char>(c);
    }
    return pieces;
  }

  std::size_t Next() {
    if (bytes_ > 0) return bytes_;
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return 1 + (state_ >> 33) % 64;
  }

 private:
  std::size_t bytes_;
  std::uint64_t state_ = 0;
};

inline TargetGroup ToGroup(const GroupData& data) {
  return {data.targets.value_or(std::vector<Target>()), data.labels.value_or(Labels())};
}

}  // namespace target_eye
