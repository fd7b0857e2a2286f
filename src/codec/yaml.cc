#include "codec/yaml.h"

#include <string>
#include <string_view>
#include <utility>

#include "codec/group_reader.h"
#include "codec/yaml_events.h"

namespace target_eye {
namespace {

class GroupEvents : public YamlEvents {
 public:
  explicit GroupEvents(GroupReader& reader) : reader_(reader) {}

  Expected<void> Null(int) override { return Told(reader_.Other("null")); }
  Expected<void> Scalar(int, const std::string& value) override {
    return Told(reader_.expects_key() ? reader_.Key(value) : reader_.String(value));
  }
  Expected<void> BeginList(int) override { return Told(reader_.BeginList()); }
  Expected<void> EndList() override { return Told(reader_.EndList()); }
  Expected<void> BeginMap(int) override { return Told(reader_.BeginMap()); }
  Expected<void> EndMap() override { return Told(reader_.EndMap()); }

 private:
  Expected<void> Told(bool ok) {
    if (!ok) return std::unexpected(*reader_.error());
    return {};
  }

  GroupReader& reader_;
};

}  // namespace

Expected<GroupData> DecodeYaml(std::string_view body, const GroupLimits& limits) {
  GroupReader reader(GroupReader::Document::kRequest, GroupReader::Trust::kChecked, limits);
  GroupEvents events(reader);
  const auto has_document = ReadYaml(body, events);
  if (!has_document) return Invalid("body: " + has_document.error().error.message);
  if (!*has_document) return Invalid("body: expected one YAML document, found none");
  return std::move(reader.groups().front());
}

}  // namespace target_eye
