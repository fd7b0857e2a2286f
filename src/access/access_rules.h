#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "access/access_file.h"
#include "model/glob.h"
#include "model/group_key.h"
#include "model/group_set.h"
#include "tls/peer_certificate.h"

namespace target_eye {

// Who a request proved to be from; a client may prove several of these at once. Owns nothing.
struct Caller {
  std::string_view user = {};   // By its password; empty: none.
  std::string_view token = {};  // The name of the token; empty: none.
  const PeerCertificate* certificate = nullptr;

  bool is_known() const { return !user.empty() || !token.empty() || certificate != nullptr; }

  // The first that applies of `user:alice`, `token:ci` and `certificate:CN=ci,O=Example`, cut to
  // 256 bytes; empty for nobody. A certificate's name may hold any bytes.
  std::string Name() const;
};

enum class GroupRight : std::uint8_t { kRead, kWrite };

// The rules of an access file, ready to be asked: what one of them allows is allowed, all else is
// refused. A question looks only at the rules that name the caller, `login` or `anyone`; for a
// certificate, also at every rule that names certificates by a glob. Never changed once made; safe
// to use from any thread.
//
// `certificate:` is a glob that one of these has to match: the subject as RFC 2253 writes it
// (`CN=ci,O=Example`), `CN=` with the common name, or `DNS:`, `URI:`, `email:` or `IP:` with a
// subject alternative name. A common name that RFC 2253 would write with an escape is only matched
// as part of the subject, so that it cannot look like somebody else's whole subject.
class AccessRules {
 public:
  explicit AccessRules(const AccessFile& file);

  bool MayUseGroup(const Caller& caller, const GroupKeyView& key, GroupRight right) const;
  bool MayUsePage(const Caller& caller, AccessPage page) const;

  // What /-/sd may show the caller: the groups of the rules that open the page `sd` to it and, if
  // it is known, of those that let it read. (If it is not, what `anyone` may read is left out: a
  // caller whose login is missing has to hear of that, and must not get a short list.) Never null.
  // Callers with the same rules share one set, of which kMaxSets are kept.
  std::shared_ptr<const GroupSet> ListedGroups(const Caller& caller) const;

  static constexpr std::size_t kMaxSets = 64;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  struct Rule {
    GlobSet applications;
    GlobSet environments;
    AccessFile::May may;
    std::uint8_t pages;  // A bit each.
  };
  using RuleIds = std::vector<std::uint32_t>;
  using RulesByName = std::unordered_map<std::string, RuleIds, Hash, std::equal_to<>>;

  void Add(const AccessFile::Who& who, std::uint32_t id);

  // Whether `allows` is true of a rule that applies to the caller.
  template <typename Allows>
  bool AnyRule(const Caller& caller, const Allows& allows) const;
  template <typename Allows>
  bool AnyRuleOfCertificate(const PeerCertificate& certificate, const Allows& allows) const;

  std::vector<Rule> rules_;
  std::vector<GroupSet::Rule> groups_;  // Of each rule, as the file has them.
  RuleIds of_anyone_;
  RuleIds of_login_;
  RulesByName of_user_;
  RulesByName of_token_;
  RulesByName of_certificate_;  // By what a certificate says.
  std::vector<std::pair<Glob, RuleIds>> of_certificate_glob_;

  mutable std::mutex mutex_;
  mutable std::map<RuleIds, std::shared_ptr<const GroupSet>> sets_;
};

}  // namespace target_eye
