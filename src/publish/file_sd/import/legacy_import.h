#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/error.h"
#include "model/group_key.h"
#include "model/target_group.h"
#include "publish/file_sd/import/import_hold.h"
#include "util/sha256.h"

namespace target_eye {

// A group from a file of another program, or from one that an earlier state of ours published.
struct ImportedGroup {
  GroupKey key;
  TargetGroup group;
  std::string file_name;
  // The file's name shows that `job` or `env` were overridden: the key, which is taken from these
  // labels, is not the one that clients use.
  bool key_is_a_guess = false;
};

struct ImportScan {
  std::vector<ImportedGroup> groups;
  // The files that were taken over whole, to be put away once their groups are published.
  std::vector<std::string> file_names;
  // Files with names of ours that could not be taken over whole; what could be read of them is in
  // `groups`. Their `kept` is empty.
  std::vector<HeldFile> held;
  // Files of other names that were left alone, with the reason.
  struct Skipped {
    std::string file_name;
    std::string reason;
  };
  std::vector<Skipped> skipped;
};

// What can be taken over from `directory` on a first start: the `.json` files of the Python
// Target-eye, `<md5>.json` with one group each, named by the MD5 of application + environment with
// nothing between. The key is taken from the labels `job` and `env`. If two files have the same
// key, it goes to the one whose name fits it, otherwise to the first by name; another is kept apart
// under the environment `<env>-<first 8 digits of its name>`, as a guess. Such a file is taken
// whole or left whole: one that contains anything that could not be registered is named in
// `skipped`, as is every other `.json` file that is not ours.
//
// And, if the state was lost or put aside, what this program published itself. The key of a group
// is in the name of <application>@<environment>.json; in targets.json it is in the meta labels if
// there are any (EncodeWithMetaLabels; they are then not labels of the group), otherwise in `job`
// and `env`. A group that was already taken with the same content is not taken twice, and one whose
// key is taken goes to `<env>-imported`, as a guess. Every group that can be read is taken
// (DecodeFileSdParts); if that is not the whole file, or the file cannot be read at all (over 64
// MiB, a symbolic link, a mode that keeps us out), it is in `held`, too.
//
// Only reads: no file is changed, and no symbolic link is followed. A missing directory has nothing
// to take over. If a file cannot be read because of the disk or the system, that is an error (kIo),
// and nothing is taken.
Expected<ImportScan> ScanForImport(const std::string& directory);

}  // namespace target_eye
