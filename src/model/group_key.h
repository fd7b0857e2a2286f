#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <string_view>

#include "model/error.h"

namespace target_eye {

inline constexpr std::size_t kMaxKeyPartBytes = 1024;

// A GroupKey that owns nothing, for look-ups.
struct GroupKeyView {
  std::string_view application;
  std::string_view environment;

  friend auto operator<=>(const GroupKeyView&, const GroupKeyView&) = default;
};

// What names a group: an application in an environment. Ordered by application, then environment,
// byte by byte.
struct GroupKey {
  std::string application;
  std::string environment;

  // The key, or kInvalid: each part must be 1-1,024 bytes of valid UTF-8 without control characters
  // (U+0000-U+001F, U+007F), and the application must not be `-`, which is the service's own.
  static Expected<GroupKey> Make(std::string_view application, std::string_view environment);

  // NOLINTNEXTLINE(google-explicit-constructor): a view of it is what every look-up takes.
  operator GroupKeyView() const { return {application, environment}; }

  friend auto operator<=>(const GroupKey&, const GroupKey&) = default;
};

struct GroupKeyHash {
  using is_transparent = void;
  std::size_t operator()(const GroupKeyView& key) const noexcept;
};

struct GroupKeyEqual {
  using is_transparent = void;
  bool operator()(const GroupKeyView& a, const GroupKeyView& b) const noexcept { return a == b; }
};

struct GroupKeyLess {
  using is_transparent = void;
  bool operator()(const GroupKeyView& a, const GroupKeyView& b) const noexcept { return a < b; }
};

}  // namespace target_eye
