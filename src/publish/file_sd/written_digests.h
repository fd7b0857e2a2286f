#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "publish/file_sd/published_names.h"
#include "util/atomic_file.h"
#include "util/sha256.h"

namespace target_eye {

// Which bytes in our files may be replaced without a loss: those that this program wrote, and those
// of which it has kept a copy. For each file it has the digests of two such texts, the one that is
// there and the one that is about to take its place, since a crash may leave either. Kept in
// `.target-eye/written`, a line a text, written before the file is renamed into place. Not safe for
// concurrent calls.
//
// The list is not synced, and may be unreadable. What it lacks is taken for somebody else's bytes:
// at worst a copy is kept that nobody needs.
class WrittenDigests {
 public:
  struct Written {
    std::string_view name;
    Sha256Digest digest;
  };

  // Reads the list in `hidden`, in place of what was known, and rewrites it with only what is about
  // `names`.
  void Load(const PublishedNames::Names& names, int hidden, int staging);

  // Notes what is about to be written.
  void Add(std::span<const Written> written, int hidden, int staging);

  // It is there now.
  void Confirm(std::span<const Written> written);

  // The file is gone.
  void Forget(std::string_view name) { texts_.erase(NameOf(name)); }

  bool Has(std::string_view name, const Sha256Digest& digest) const;

 private:
  // The first half of a SHA-256; of a name, the first eighth of it.
  using Digest = std::array<unsigned char, 16>;
  using Name = std::uint64_t;

  static Name NameOf(std::string_view name);
  static Digest Half(const Sha256Digest& digest);
  static void AppendLine(std::string& text, Name name, const Digest& digest);
  void Note(Name name, const Digest& digest, std::string& lines);
  void Rewrite(int hidden, int staging);

  // All are equal while nothing is about to be written. After Load it is not known which of the
  // last two texts is there: `other` is the later one.
  struct Texts {
    Digest there;
    Digest other;
    Digest next;
  };

  std::unordered_map<Name, Texts> texts_;
  UniqueFd file_;
  std::size_t bytes_ = 0;  // Of the list.
};

}  // namespace target_eye
