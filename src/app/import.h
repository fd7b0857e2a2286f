#pragma once

#include <string>

#include "model/error.h"
#include "registry/target_registry.h"

namespace target_eye {

// On a first start (a store that was never written), commits what an earlier program left in
// `directory` and warns of what needs a person: files that were left alone, and groups whose key is
// a guess, each with the command that renames it (`address` and `root_path` are where this instance
// is reached). Also takes up an import that a crash interrupted. Between the registry's Open and
// its Start.
//
// Gives whether files wait to be put away by FinishImport once the groups are published.
Expected<bool> ImportOnFirstStart(const std::string& directory, const std::string& address,
                                  const std::string& root_path, TargetRegistry& registry);

// The shell command that, sent to `address` (as `bind` spells it, or a URL), moves what is under
// `key` to another application and environment, for a person to fill in.
std::string RenameCommand(const std::string& address, const GroupKey& key,
                          const std::string& root_path = "");

}  // namespace target_eye
