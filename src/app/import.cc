#include "app/import.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "codec/group_json.h"
#include "codec/percent.h"
#include "publish/file_sd/import/import_hold.h"
#include "publish/file_sd/import/import_list.h"
#include "publish/file_sd/import/legacy_import.h"
#include "telemetry/log.h"
#include "util/clock.h"
#include "util/shell_quoted.h"

namespace target_eye {

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
      "{0} '{1}' | {0} -X PUT -H 'Content-Type: application/json' "
      "--data-binary @- '{2}/<application>/<environment>' && {0} -X DELETE '{1}'",
      curl, from, base);
}

namespace {

// Leaves of what was scanned what is new since the hold: of the held files, groups that were not
// taken over before, under keys that nobody has registered meanwhile.
void LeaveWhatIsNew(ImportScan& scan, const ImportHold& hold, const TargetRegistry& registry) {
  std::erase_if(scan.held, [&](const HeldFile& file) { return !hold.Has(file.name); });
  std::erase_if(scan.file_names, [&](const std::string& name) { return !hold.Has(name); });
  std::erase_if(scan.groups, [&](const ImportedGroup& group) {
    return !hold.Has(group.file_name) || hold.taken.contains(ContentDigest(group.group)) ||
           registry.Find(group.key) != nullptr;
  });
  scan.skipped.clear();
}

bool IsAccepted(const HeldFile& file, const ImportHold& accepted) {
  return std::ranges::any_of(accepted.files, [&](const HeldFile& other) {
    return other.name == file.name && other.digest == file.digest;
  });
}

void KeepCopies(const std::string& directory, ImportScan& scan) {
  for (HeldFile& file : scan.held) {
    auto kept = KeepHeldCopy(directory, file.name);
    if (kept) {
      file.kept = *std::move(kept);
    } else {
      // It stays where it is, and is moved when its loss is accepted.
      Log(LogLevel::kWarning, "a file that could not be taken over whole cannot be copied either",
          {{"file", file.name}, {"reason", kept.error().message}});
    }
  }
}

void LogHeld(const std::string& directory, const ImportScan& scan) {
  for (const HeldFile& file : scan.held) {
    Log(LogLevel::kError,
        "a file could not be taken over whole; it stays as it is, and nothing is published before "
        "somebody decides",
        {{"file", fmt::format("{}/{}", directory, file.name)},
         {"reason", file.reason},
         {"copy",
          file.kept.empty() ? "none" : fmt::format("{}/.target-eye/{}", directory, file.kept)}});
  }
}

void LogSkipped(const ImportScan& scan) {
  for (const auto& skipped : scan.skipped) {
    Log(LogLevel::kWarning,
        "a file was left as it is; Prometheus still reads it. Move it away if it is not wanted",
        {{"file", skipped.file_name}, {"reason", skipped.reason}});
  }
}

void LogImported(const ImportScan& scan, const ImportAdvice& advice) {
  for (const ImportedGroup& imported : scan.groups) {
    if (imported.key_is_a_guess) {
      Log(LogLevel::kWarning,
          "the labels of an imported group were overridden, so its application and environment "
          "were taken from them; if clients use others, rename it with the command",
          {{"application", imported.key.application},
           {"environment", imported.key.environment},
           {"file", imported.file_name},
           {"command", RenameCommand(advice.address, imported.key, advice.root_path)}});
    }
    const std::size_t bytes = EncodeGroup(imported.group).size();
    if (bytes > advice.body_limit_bytes) {
      Log(LogLevel::kWarning,
          "an imported group is larger than BODY_LIMIT, so that no client can send it whole; raise "
          "BODY_LIMIT above its size where one must",
          {{"application", imported.key.application},
           {"environment", imported.key.environment},
           {"bytes", bytes},
           {"body_limit", advice.body_limit_bytes}});
    }
  }
  Log(LogLevel::kInfo, "imported",
      {{"files", scan.file_names.size()}, {"groups", scan.groups.size()}});
}

Expected<void> Commit(const ImportScan& scan, TargetRegistry& registry) {
  const auto now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                          SystemClock().WallNow().time_since_epoch())
                          .count();
  std::vector<GroupWrite> writes;
  writes.reserve(scan.groups.size());
  for (const ImportedGroup& imported : scan.groups) {
    writes.push_back({.key = imported.key,
                      .group = GroupText(imported.group),
                      .before = nullptr,
                      .origin = {.who = "import of " + imported.file_name,
                                 .when_ms = now_ms,
                                 .cause = Cause::kImport}});
  }
  return registry.Import(std::move(writes));
}

}  // namespace

Expected<ImportOutcome> ImportOnFirstStart(const std::string& directory, const ImportAdvice& advice,
                                           TargetRegistry& registry) {
  auto pending = PendingImport(directory);
  if (!pending) return std::unexpected(pending.error());
  auto hold = ReadHold(directory);
  if (!hold) return std::unexpected(hold.error());
  const auto accepted = ReadAccepted(directory);
  if (!accepted) return std::unexpected(accepted.error());
  const bool is_first = registry.is_new();
  const bool was_held = !hold->files.empty();
  if (!is_first && !was_held) return ImportOutcome{!pending->empty(), false};

  auto scan = ScanForImport(directory);
  if (!scan) return std::unexpected(scan.error());
  if (!is_first) LeaveWhatIsNew(*scan, *hold, registry);
  if (std::ranges::all_of(scan->held,
                          [&](const auto& file) { return IsAccepted(file, *accepted); })) {
    scan->held.clear();
  }
  const bool held = !scan->held.empty();
  KeepCopies(directory, *scan);
  LogSkipped(*scan);
  LogHeld(directory, *scan);

  // Before the commit on a first start, since the next start is none then; after it on another, so
  // that nothing is noted as taken that is not committed.
  const auto note_hold = [&]() -> Expected<void> {
    if (!held) return was_held ? RemoveHold(directory) : Expected<void>();
    ImportHold now{scan->held, is_first ? decltype(hold->taken)() : hold->taken};
    for (const ImportedGroup& group : scan->groups) now.taken.insert(ContentDigest(group.group));
    return WriteHold(directory, now);
  };
  if (is_first && held) {
    if (auto noted = note_hold(); !noted) return std::unexpected(noted.error());
  }
  // What an interrupted start noted counts only where its commit came to be.
  std::vector<std::string> names = is_first ? std::vector<std::string>() : *pending;
  names.insert(names.end(), scan->file_names.begin(), scan->file_names.end());
  if (names != *pending) {
    if (auto begun = BeginImport(directory, names); !begun) {
      return std::unexpected(begun.error());
    }
  }
  if (!scan->file_names.empty() || !scan->groups.empty()) {
    if (auto imported = Commit(*scan, registry); !imported) {
      return std::unexpected(imported.error());
    }
    LogImported(*scan, advice);
  }
  if (!is_first || !held) {
    if (auto noted = note_hold(); !noted) return std::unexpected(noted.error());
  }
  return ImportOutcome{!names.empty(), held};
}

}  // namespace target_eye
