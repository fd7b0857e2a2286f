#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "model/error.h"

namespace target_eye {

// What a YAML document says, event by event, in its order. Each gives whether to go on, or what is
// wrong, which ends the reading. `line` counts from 1.
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
  int line = 0;  // Where it is; 0 where that is the text as a whole.
  Error error;
};

// Reads the document of `text`, of others' making, and gives whether there is one. kInvalid where
// it is no UTF-8 or no YAML, or has what could make a small document large or mean another type
// than text (anchors, aliases, tags), a second document, more than 131,072 of `[`, `{` and `,`, or
// nests deeper than kMaxNesting; and what `events` gives. `events` has to bound how many there are,
// and to refuse keys that come twice. Takes time and memory that are linear in the text. Pure but
// for `events`.
std::expected<bool, YamlError> ReadYaml(std::string_view text, YamlEvents& events);

}  // namespace target_eye
