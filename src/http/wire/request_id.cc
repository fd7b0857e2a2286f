#include "http/wire/request_id.h"

#include <algorithm>

#include "util/ascii.h"

namespace target_eye {
namespace {

constexpr std::string_view kName = "X-Request-Id";
constexpr std::size_t kMostBytes = 128;

bool IsRequestId(std::string_view text) {
  const auto allowed = [](char c) {
    return IsAlpha(c) || IsDigit(c) || std::string_view("._:/+=-").contains(c);
  };
  return !text.empty() && text.size() <= kMostBytes && std::ranges::all_of(text, allowed);
}

}  // namespace

std::string_view ClientRequestId(const RequestHead& head) {
  std::string_view found;
  int count = 0;
  for (const RequestField& f : head.fields) {
    if (f.name.size() != kName.size() || f.id != boost::beast::http::field::unknown ||
        !EqualsIgnoringCase(f.name, kName)) {
      continue;
    }
    found = f.value;
    ++count;
  }
  return count == 1 && IsRequestId(found) ? found : std::string_view();
}

}  // namespace target_eye
