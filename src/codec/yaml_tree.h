#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/error.h"

namespace target_eye {

// A YAML document as a tree, for small files that people write: each part knows its line. Scalars
// are text, whatever they look like; `~`, `null` and a value that is left out are kNull.
struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  struct Entry;

  Kind kind = Kind::kNull;
  int line = 1;
  std::string scalar;          // Of a kScalar.
  std::vector<YamlNode> list;  // Of a kList.
  std::vector<Entry> map;      // Of a kMap, in the order of the file. No key is there twice.

  // What kind this is, in words: `a list`.
  std::string_view KindName() const;
};

struct YamlNode::Entry {
  std::string key;
  int line = 1;  // Of the key.
  YamlNode value;
};

inline constexpr std::size_t kMaxYamlNodes = 200'000;

// Reads the document of `text` as ReadYaml does, and also refuses keys that are not scalars or come
// twice, and more than kMaxYamlNodes nodes. An empty document is kNull. kInvalid is `NAME:LINE:
// what`, or `NAME: what`.
Expected<YamlNode> ReadYamlTree(std::string_view text, std::string_view name);

}  // namespace target_eye
