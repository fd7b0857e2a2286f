#include "access/yaml_form.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

namespace target_eye {

void YamlForm::Fail(int line, std::string_view message) {
  if (error_) return;
  error_ = Error{ErrorCode::kInvalid, fmt::format("{}:{}: {}", file_, line, message)};
}

bool YamlForm::Expect(const YamlNode& node, YamlNode::Kind kind, std::string_view what) {
  if (node.kind == kind) return true;
  YamlNode expected;
  expected.kind = kind;
  Fail(node.line,
       fmt::format("{}: expected {}, found {}", what, expected.KindName(), node.KindName()));
  return false;
}

void YamlForm::Map(const YamlNode& node, std::string_view what,
                   std::initializer_list<Field> fields) {
  if (node.kind == YamlNode::Kind::kNull) return;
  if (!Expect(node, YamlNode::Kind::kMap, what)) return;
  for (const YamlNode::Entry& entry : node.map) {
    const auto field = std::ranges::find(fields, entry.key, &Field::key);
    if (field == fields.end()) {
      std::vector<std::string_view> keys;
      for (const Field& known : fields) keys.push_back(known.key);
      Fail(entry.line, fmt::format("{}: unknown key {}; expected one of {}", what, Quote(entry.key),
                                   fmt::join(keys, ", ")));
    } else if (entry.value.kind != YamlNode::Kind::kNull) {
      field->read(entry);
    } else if (field->needs_value) {
      Fail(entry.line, fmt::format("{}: expected a value, found nothing", entry.key));
    }
  }
}

std::string YamlForm::Text(const YamlNode::Entry& entry) {
  if (!Expect(entry.value, YamlNode::Kind::kScalar, entry.key)) return {};
  return entry.value.scalar;
}

bool YamlForm::Flag(const YamlNode::Entry& entry) {
  const bool is_true = entry.value.scalar == "true";
  if (entry.value.kind != YamlNode::Kind::kScalar || (!is_true && entry.value.scalar != "false")) {
    Fail(entry.value.line, fmt::format("{}: expected true or false", entry.key));
  }
  return is_true;
}

std::vector<YamlForm::Item> YamlForm::List(const YamlNode::Entry& entry) {
  std::vector<Item> items;
  if (!Expect(entry.value, YamlNode::Kind::kList, entry.key)) return items;
  for (const YamlNode& node : entry.value.list) {
    if (!Expect(node, YamlNode::Kind::kScalar, entry.key)) return {};
    items.push_back({node.scalar, node.line});
  }
  return items;
}

std::vector<YamlForm::Item> YamlForm::TextOrList(const YamlNode::Entry& entry) {
  if (entry.value.kind == YamlNode::Kind::kScalar) {
    return {{entry.value.scalar, entry.value.line}};
  }
  return List(entry);
}

Expected<std::string> ReadAccessText(const std::string& path) {
  const auto failed = [&] {
    return Invalid(fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"),
                                                             std::fclose);
  if (!file) return failed();
  struct stat before{};
  struct stat after{};
  if (fstat(fileno(file.get()), &before) != 0) return failed();
  std::string text(kAccessFileLimitBytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return failed();
  if (text.size() > kAccessFileLimitBytes) {
    return Invalid(fmt::format("{}: is larger than the {} bytes that are allowed", path,
                               kAccessFileLimitBytes));
  }
  // Half of a file may well be one that is right, and says less.
  if (fstat(fileno(file.get()), &after) != 0) return failed();
  const bool is_whole = std::cmp_equal(text.size(), after.st_size) &&
                        before.st_mtim.tv_sec == after.st_mtim.tv_sec &&
                        before.st_mtim.tv_nsec == after.st_mtim.tv_nsec;
  if (S_ISREG(after.st_mode) && !is_whole) {
    return Invalid(fmt::format("{}: changed while it was read; try again", path));
  }
  return text;
}

}  // namespace target_eye
