#pragma once

#include <string>

#include "model/error.h"
#include "registry/target_registry.h"

namespace target_eye {

struct ImportOutcome {
  // Files wait to be put away by FinishImport once the groups are published.
  bool pending = false;
  // Publication is held (publish/file_sd/import_hold.h).
  bool held = false;
};

// How a person reaches the instance, and the largest body it takes; for messages.
struct ImportAdvice {
  std::string address;
  std::string root_path;
  std::size_t body_limit_bytes = 0;
};

// On a first start (a store that was never written), commits what an earlier program left in
// `directory` and warns of what needs a person: files that were left alone, and groups whose key is
// a guess, each with the command that renames it. Files with names of ours that could not be taken
// over whole hold publication; a later start takes over what was repaired meanwhile. Also finishes
// an import that a crash interrupted. To be called between the registry's Open and its Start.
Expected<ImportOutcome> ImportOnFirstStart(const std::string& directory, const ImportAdvice& advice,
                                           TargetRegistry& registry);

// The shell command that, sent to `address` (as `bind` spells it, or a URL), moves what is under
// `key` to another application and environment, for a person to fill in.
std::string RenameCommand(const std::string& address, const GroupKey& key,
                          const std::string& root_path = "");

}  // namespace target_eye
