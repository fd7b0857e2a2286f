#include "app/import.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "codec/percent.h"
#include "publish/file_sd/legacy_import.h"
#include "telemetry/log.h"
#include "util/clock.h"

namespace target_eye {
namespace {

std::string ShellQuoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

}  // namespace

std::string RenameCommand(const std::string& address, const GroupKey& key,
                          const std::string& root_path) {
  std::string curl = "curl -sSf";
  std::string base = address.contains("://") ? address : "http://" + address;
  if (address.starts_with("unix:")) {
    curl += " --unix-socket " + ShellQuoted(address.substr(5));
    base = "http://localhost";
  } else if (address.starts_with("fd:")) {
    base = "http://<address>";
  }
  base += root_path;
  const std::string from = base + GroupPath(key);
  return fmt::format(
      "{0} '{1}' | sed 's/^.//; s/.$//' | {0} -X PUT -H 'Content-Type: application/json' "
      "--data-binary @- '{2}/<application>/<environment>' && {0} -X DELETE '{1}'",
      curl, from, base);
}

Expected<bool> ImportOnFirstStart(const std::string& directory, const std::string& address,
                                  const std::string& root_path, TargetRegistry& registry) {
  auto pending = PendingImport(directory);
  if (!pending) {
    return std::unexpected(pending.error());
  }
  if (registry.counts().revision != 0) {
    return !pending->empty();
  }
  auto scan = ScanForImport(directory);
  if (!scan) {
    return std::unexpected(scan.error());
  }
  for (const auto& skipped : scan->skipped) {
    Log(LogLevel::kWarning,
        "a file was left as it is; Prometheus still reads it. Move it away if it is not wanted",
        {{"file", skipped.file_name}, {"reason", skipped.reason}});
  }
  if (scan->file_names.empty()) {
    return false;
  }
  const auto now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                          SystemClock().WallNow().time_since_epoch())
                          .count();
  std::vector<GroupWrite> writes;
  writes.reserve(scan->groups.size());
  for (const ImportedGroup& imported : scan->groups) {
    writes.push_back({.key = imported.key,
                      .group = imported.group,
                      .expected_revision = 0,
                      .changed_by = "import of " + imported.file_name,
                      .changed_at_ms = now_ms});
  }
  if (auto begun = BeginImport(directory, scan->file_names); !begun) {
    return std::unexpected(begun.error());
  }
  if (auto imported = registry.Import(writes); !imported) {
    return std::unexpected(imported.error());
  }
  for (const ImportedGroup& imported : scan->groups) {
    if (imported.key_is_a_guess) {
      Log(LogLevel::kWarning,
          "the labels of an imported group were overridden, so its application and environment "
          "were "
          "taken from them; if clients use others, rename it with the command",
          {{"application", imported.key.application},
           {"environment", imported.key.environment},
           {"file", imported.file_name},
           {"command", RenameCommand(address, imported.key, root_path)}});
    }
  }
  Log(LogLevel::kInfo, "imported",
      {{"files", scan->file_names.size()}, {"groups", scan->groups.size()}});
  return true;
}

}  // namespace target_eye
