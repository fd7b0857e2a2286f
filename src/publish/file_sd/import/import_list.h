#pragma once

#include <string>
#include <vector>

#include "model/error.h"
#include "util/sha256.h"

namespace target_eye {

// The two steps around the commit of an import, so that a crash between them loses nothing and
// shows Prometheus no group twice for longer than a restart.
//
// BeginImport writes the names to `.target-eye/importing`, durably, before the commit.
// FinishImport, after the groups are published, moves each named file of `directory` that is still
// there, and that the publication has not replaced by a file of ours, to `.target-eye/imported/`
// (never over a file that is there: `.1`, `.2`, ... are added), then removes the list.
// PendingImport returns the names of an import that was begun and not finished; empty if there is
// none. Errors are kIo. Each may be repeated.
Expected<void> BeginImport(const std::string& directory, const std::vector<std::string>& names);
Expected<std::vector<std::string>> PendingImport(const std::string& directory);
Expected<void> FinishImport(const std::string& directory);

// Puts a copy of the file `name` of `directory` into the folder `imported` of `hidden`, as
// FinishImport would move it, unless the same bytes are there under that name. For a file that is
// about to be replaced. Returns the digest of what it held.
Expected<Sha256Digest> KeepImportedCopy(int directory, int hidden, int staging,
                                        const std::string& name);

}  // namespace target_eye
