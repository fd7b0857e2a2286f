#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "codec/group_json.h"
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

inline TargetGroup ToGroup(const GroupData& data) {
  return {data.targets.value_or(std::vector<Target>()), data.labels.value_or(Labels())};
}

}  // namespace target_eye
