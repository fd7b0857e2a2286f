#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "model/error.h"

namespace target_eye {

// What a YAML document says, event by event, in its order. An error that one of these returns ends
// the reading. `line` counts from 1.
class YamlEvents {
 public:
  virtual ~YamlEvents() = default;
  virtual Expected<void> Null(int line) = 0;
  // A key or a value.
  virtual Expected<void> Scalar(int line, const std::string& value) = 0;
  virtual Expected<void> BeginList(int line) = 0;
  virtual Expected<void> EndList() = 0;
  virtual Expected<void> BeginMap(int line) = 0;
  virtual Expected<void> EndMap() = 0;
};

struct YamlError {
  int line = 0;  // Where it is; 0 if that is the text as a whole.
  Error error;
};

// Reads the one document of `text`, which may be hostile, and returns whether there is one. It is
// an error, kInvalid, if the text is not UTF-8 or not YAML; has anchors, aliases or tags, which
// could make a small document large or mean another type than text; has a second document; has more
// than 131,072 of `[`, `{` and `,` together; or nests deeper than kMaxNesting. So is what `events`
// returns as an error. `events` has to bound how many there are, and to refuse keys that come
// twice. Time and memory are linear in the text. Pure, except for what `events` does.
std::expected<bool, YamlError> ReadYaml(std::string_view text, YamlEvents& events);

}  // namespace target_eye
