#include "codec/yaml_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "codec/yaml_events.h"

namespace target_eye {
namespace {

class TreeBuilder : public YamlEvents {
 public:
  Expected<void> Null(int line) override {
    if (ExpectsKey()) return Invalid("expected a key, found nothing");
    return Add(Node(YamlNode::Kind::kNull, line));
  }
  Expected<void> Scalar(int line, const std::string& value) override {
    if (!ExpectsKey()) {
      YamlNode node = Node(YamlNode::Kind::kScalar, line);
      node.scalar = value;
      return Add(std::move(node));
    }
    open_.back().key = value;
    open_.back().key_line = line;
    return {};
  }
  Expected<void> BeginList(int line) override { return Begin(YamlNode::Kind::kList, line); }
  Expected<void> EndList() override { return End(); }
  Expected<void> BeginMap(int line) override { return Begin(YamlNode::Kind::kMap, line); }
  Expected<void> EndMap() override { return End(); }

  // Once the document has ended.
  YamlNode& root() { return root_; }

 private:
  // A list or map that has not ended.
  struct Open {
    YamlNode node;
    std::optional<std::string> key = std::nullopt;  // What the next value belongs to.
    int key_line = 0;
  };

  static YamlNode Node(YamlNode::Kind kind, int line) {
    YamlNode node;
    node.kind = kind;
    node.line = line;
    return node;
  }

  bool ExpectsKey() const {
    return !open_.empty() && open_.back().node.kind == YamlNode::Kind::kMap && !open_.back().key;
  }

  Expected<void> Begin(YamlNode::Kind kind, int line) {
    if (ExpectsKey()) return Invalid("expected a key, found a list or a map");
    open_.push_back({.node = Node(kind, line)});
    return {};
  }

  Expected<void> End() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    return Add(std::move(node));
  }

  Expected<void> Add(YamlNode node) {
    if (++nodes_ > kMaxYamlNodes) {
      return Invalid(fmt::format("has more than {} values", kMaxYamlNodes));
    }
    if (open_.empty()) {
      root_ = std::move(node);
    } else if (Open& parent = open_.back(); parent.key) {
      parent.node.map.push_back({*std::move(parent.key), parent.key_line, std::move(node)});
      parent.key.reset();
    } else {
      parent.node.list.push_back(std::move(node));
    }
    return {};
  }

  YamlNode root_;
  std::vector<Open> open_;
  std::size_t nodes_ = 0;
};

std::unexpected<Error> Wrong(std::string_view name, const YamlError& error) {
  if (error.line == 0) return Invalid(fmt::format("{}: {}", name, error.error.message));
  return Invalid(fmt::format("{}:{}: {}", name, error.line, error.error.message));
}

// What comes twice in a map of `node`, or in one below it.
std::optional<YamlError> FindRepeatedKey(const YamlNode& node) {
  std::vector<const YamlNode::Entry*> entries;
  for (const YamlNode::Entry& entry : node.map) {
    entries.push_back(&entry);
    if (auto found = FindRepeatedKey(entry.value)) return found;
  }
  for (const YamlNode& item : node.list) {
    if (auto found = FindRepeatedKey(item)) return found;
  }
  std::ranges::stable_sort(entries, {}, &YamlNode::Entry::key);
  const auto twice = std::ranges::adjacent_find(entries, {}, &YamlNode::Entry::key);
  if (twice == entries.end()) return std::nullopt;
  const YamlNode::Entry& first = **twice;
  return YamlError{(*std::next(twice))->line,
                   {ErrorCode::kInvalid, fmt::format("key {}: is here twice, first in line {}",
                                                     Quote(first.key), first.line)}};
}

}  // namespace

std::string_view YamlNode::KindName() const {
  switch (kind) {
    case Kind::kScalar:
      return "text";
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a map";
    case Kind::kNull:
      break;
  }
  return "nothing";
}

Expected<YamlNode> ReadYamlTree(std::string_view text, std::string_view name) {
  TreeBuilder builder;
  if (const auto ok = ReadYaml(text, builder); !ok) return Wrong(name, ok.error());
  if (const auto twice = FindRepeatedKey(builder.root())) return Wrong(name, *twice);
  return std::move(builder.root());
}

}  // namespace target_eye
