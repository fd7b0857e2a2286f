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

// For digests whose beginnings no client can choose: they are as good as a hash.
struct DigestHash {
  std::size_t operator()(const Sha256Digest& digest) const {
    std::size_t hash = 0;
    std::memcpy(&hash, digest.data(), sizeof hash);
    return hash;
  }
};

// Who the users are, how they prove it, and what they may do: the web config's users and the access
// file together. Never changed once made; at a reload another takes its place. Safe to use from any
// thread.
//
// Without an access file, everybody who logs in as a user may do everything. With one, its rules
// alone decide; a user that no rule names may do what `login` and `anyone` may do.
class AccessPolicy {
 public:
  struct User {
    std::string name;
    std::string hash;  // bcrypt's.
  };

  // Null if everything is open to everybody: no users, and no access file. Either file may be null.
  // `checks_certificates`: whether a listener checks client certificates against authorities.
  // kInvalid is `FILE:LINE: what`: a rule for a user that is not in the web config, for
  // certificates although none are checked, or for logins although nobody can log in.
  static Expected<std::shared_ptr<const AccessPolicy>> Make(const WebConfig* web,
                                                            const AccessFile* access,
                                                            bool checks_certificates);

  bool MayUseGroup(const Caller& caller, const GroupKeyView& key, GroupRight right) const;
  bool MayUsePage(const Caller& caller, AccessPage page) const;

  // What /-/sd may show the caller; empty if it may not use it at all. Never null.
  std::shared_ptr<const GroupSet> ListedGroups(const Caller& caller) const;

  // Whether the caller proved to be somebody, in a way that counts.
  bool IsLoggedIn(const Caller& caller) const;

  bool has_users() const { return !users_.empty(); }
  bool has_tokens() const { return !tokens_.empty(); }

  // Whether `caller`, who proved to be somebody under `before`, would prove it again: its user has
  // the same password, all digests of its token are still there. Certificates are checked
  // elsewhere.
  bool StillKnows(const Caller& caller, const AccessPolicy& before) const;

  // Null if there is none of that name.
  const User* FindUser(std::string_view name) const;

  // A user to compare with if there is none of that name, so that the time of an answer does not
  // tell whether a user exists. A name always gets the same one, in other processes too, as long as
  // the users stay the same. There must be users.
  const User& Decoy(std::string_view name) const;

  // The name of the token; null if there is none that has this digest.
  const std::string* FindToken(const Sha256Digest& digest) const;

 private:
  // In constant time. The look-up before it is not, but that can only tell something about digests,
  // not about tokens.
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
