#pragma once

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/yaml_tree.h"
#include "model/error.h"

namespace target_eye {

// Reads a YAML tree as a form whose fields are known. The first thing that does not fit is error(),
// with its file and line; reading goes on with something empty, so that the caller looks at error()
// once, at the end. One thread at a time.
class YamlForm {
 public:
  struct Field {
    std::string_view key;
    std::function<void(const YamlNode::Entry&)> read;  // Not called for a value that is left out.
    bool needs_value = false;                          // To leave it out is an error.
  };
  struct Item {
    std::string text;
    int line = 1;
  };

  // `file`: its name, for messages.
  explicit YamlForm(std::string_view file) : file_(file) {}

  // `what` names what is read, for messages. A key that is not among the fields is an error.
  void Map(const YamlNode& node, std::string_view what, std::initializer_list<Field> fields);

  std::string Text(const YamlNode::Entry& entry);
  bool Flag(const YamlNode::Entry& entry);
  std::vector<Item> List(const YamlNode::Entry& entry);
  // The same, but a text alone is a list of one.
  std::vector<Item> TextOrList(const YamlNode::Entry& entry);

  // Whether `node` is of `kind`. If not, that is an error: `what: expected a list, found a map`.
  bool Expect(const YamlNode& node, YamlNode::Kind kind, std::string_view what);

  void Fail(int line, std::string_view message);

  const std::optional<Error>& error() const { return error_; }

 private:
  std::string_view file_;
  std::optional<Error> error_;
};

inline constexpr std::size_t kAccessFileLimitBytes = 1 << 20;

// The text of the file at `path`. kInvalid, which names it, if it cannot be read or has more than
// kAccessFileLimitBytes.
Expected<std::string> ReadAccessText(const std::string& path);

}  // namespace target_eye
