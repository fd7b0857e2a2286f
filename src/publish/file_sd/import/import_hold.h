#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.h"
#include "model/target_group.h"

namespace target_eye {

// What keeps a start without a state from publishing: files with names of ours that could not be
// taken over whole. Until a person has decided, Prometheus keeps what it has.
//
// `.target-eye/held` is written, durably, before anything is taken over, and stays until somebody
// has decided. To accept the loss is one rename, to `.target-eye/accepted`; otherwise the files are
// repaired (the next start looks at them again) or moved away. Errors are kIo.

struct HeldFile {
  std::string name;
  // The SHA-256 in hex of what it held then; empty if it could not be read.
  std::string digest;
  // Why it could not be taken over whole, for a person.
  std::string reason;
  // Where in the hidden folder a copy of it is kept; empty if none could be made.
  std::string kept;

  friend bool operator==(const HeldFile&, const HeldFile&) = default;
};

struct ImportHold {
  std::vector<HeldFile> files;
  // ContentDigest of the groups that were taken over, so that a later start does not bring back one
  // that was removed or changed since.
  std::set<std::string, std::less<>> taken;

  bool Has(std::string_view name) const;
};

// A digest of the targets and labels, whatever the key.
std::string ContentDigest(const TargetGroup& group);

std::string EncodeHold(const ImportHold& hold);
// Lines that cannot be read are skipped.
ImportHold DecodeHold(std::string_view text);

// Of `directory`; has no files if nothing is held.
Expected<ImportHold> ReadHold(const std::string& directory);
Expected<void> WriteHold(const std::string& directory, const ImportHold& hold);
Expected<void> RemoveHold(const std::string& directory);

// The files whose loss a person has accepted, and that are not yet put aside.
Expected<ImportHold> ReadAccepted(const std::string& directory);

// Copies `name` to `.target-eye/aside`; returns the copy's path in the hidden folder.
Expected<std::string> KeepHeldCopy(const std::string& directory, const std::string& name);

// A person's decision: what could not be taken over of the held files is given up, and publication
// goes on, within a second if the service runs. The files themselves are kept in
// `.target-eye/aside`. Durable when it returns. Returns the files; none if nothing is held.
// kInvalid if `directory` is not one that target-eye publishes to.
Expected<std::vector<HeldFile>> AcceptLoss(const std::string& directory);

// For the log and `/-/ready`: what is held, why, and what a person can do.
std::string HoldMessage(const std::string& directory, const std::vector<HeldFile>& files);

}  // namespace target_eye
