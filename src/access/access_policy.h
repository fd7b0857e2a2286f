#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "access/access_file.h"
#include "access/access_rules.h"
#include "access/web_config.h"
#include "model/error.h"

namespace target_eye {

// A digest that no client can choose, or whose beginning tells nothing, is a hash already.
struct DigestHash {
  std::size_t operator()(const Sha256Digest& digest) const {
    std::size_t hash = 0;
    std::memcpy(&hash, digest.data(), sizeof hash);
    return hash;
  }
};

// Who there is, how they prove it, and what they may do: the web config's users and the access file
// together. Never changed once made, so that another takes its place at a reload; safe to use from
// any thread.
//
// Without an access file everybody who logs in as a user may do everything. With one, its rules
// alone decide; a user that no rule names may do what `login` and `anyone` may.
class AccessPolicy {
 public:
  struct User {
    std::string name;
    std::string hash;  // bcrypt's.
  };

  // Null where everything is open to everybody: no users, and no access file. Either file may be
  // null. `checks_certificates`: whether a listener checks client certificates against authorities.
  // kInvalid is `FILE:LINE: what`: a rule for a user that is not in the web config, for
  // certificates where none are checked, or for logins where nobody can log in.
  static Expected<std::shared_ptr<const AccessPolicy>> Make(const WebConfig* web,
                                                            const AccessFile* access,
                                                            bool checks_certificates);

  bool MayUseGroup(const Caller& caller, const GroupKeyView& key, GroupRight right) const;
  bool MayUsePage(const Caller& caller, AccessPage page) const;

  // What /-/sd may show the caller; empty where it may not use it at all. Never null.
  std::shared_ptr<const GroupSet> ListedGroups(const Caller& caller) const;

  // Whether the caller proved to be somebody, in a way that counts.
  bool IsLoggedIn(const Caller& caller) const;

  bool has_users() const { return !users_.empty(); }
  bool has_tokens() const { return !tokens_.empty(); }

  // Null where there is none of that name.
  const User* FindUser(std::string_view name) const;

  // Whose hash to work on where there is no user of that name, so that nobody can tell from the
  // time. The same name gets the same one for as long as the users stay the same, in another
  // process too. There must be users.
  const User& Decoy(std::string_view name) const;

  // The name of the token; null where there is none that has this digest.
  const std::string* FindToken(const Sha256Digest& digest) const;

 private:
  // Looking in the table stops at the first difference, which tells about digests, not tokens; that
  // the last comparison takes the same time is for those who check such things.
  struct SameDigest {
    bool operator()(const Sha256Digest& a, const Sha256Digest& b) const;
  };

  AccessPolicy(const WebConfig* web, const AccessFile* access);

  std::vector<User> users_;  // Sorted by name.
  std::unordered_map<Sha256Digest, std::string, DigestHash, SameDigest> tokens_;
  std::optional<AccessRules> rules_;
  std::string decoy_key_;
};

}  // namespace target_eye
