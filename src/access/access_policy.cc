#include "access/access_policy.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

namespace target_eye {
namespace {

using Who = AccessFile::Who;

// Why the rule can never apply to `who`; empty if it can.
std::string WhyNever(const Who& who, const WebConfig* web, bool has_logins,
                     bool checks_certificates) {
  switch (who.kind) {
    case Who::Kind::kUser: {
      const bool exists = web != nullptr && std::ranges::binary_search(web->users, who.text, {},
                                                                       &WebConfig::User::name);
      if (exists) return {};
      return fmt::format("who: user {}: there is none; expected one of basic_auth_users of {}",
                         Quote(who.text), web == nullptr ? "a web config" : web->name);
    }
    case Who::Kind::kCertificate:
      if (checks_certificates) return {};
      return fmt::format(
          "who: certificate {}: no client certificates are checked; expected client_ca_file and "
          "client_auth_type in the web config, or CA_CERTS and VERIFY_MODE",
          Quote(who.text));
    case Who::Kind::kLogin:
      if (has_logins) return {};
      return "who: login: nobody can log in; expected users, tokens or client certificates";
    case Who::Kind::kToken:
    case Who::Kind::kAnyone:
      break;
  }
  return {};
}

}  // namespace

Expected<std::shared_ptr<const AccessPolicy>> AccessPolicy::Make(const WebConfig* web,
                                                                 const AccessFile* access,
                                                                 bool checks_certificates) {
  const bool has_users = web != nullptr && !web->users.empty();
  if (access == nullptr && !has_users) return nullptr;
  if (access != nullptr) {
    const bool has_logins = has_users || !access->tokens.empty() || checks_certificates;
    for (const AccessFile::Rule& rule : access->rules) {
      for (const Who& who : rule.who) {
        const std::string why = WhyNever(who, web, has_logins, checks_certificates);
        if (!why.empty()) return Invalid(fmt::format("{}:{}: {}", access->name, who.line, why));
      }
    }
  }
  return std::shared_ptr<const AccessPolicy>(new AccessPolicy(web, access));
}

AccessPolicy::AccessPolicy(const WebConfig* web, const AccessFile* access) {
  if (web != nullptr) {
    std::string hashes;
    for (const WebConfig::User& user : web->users) {
      users_.push_back({user.name, user.hash});
      hashes += user.hash;
    }
    const Sha256Digest key = Sha256(hashes);
    decoy_key_.assign(key.begin(), key.end());
  }
  if (access != nullptr) {
    for (const AccessFile::Token& token : access->tokens) {
      tokens_.emplace(token.digest, token.name);
    }
    rules_.emplace(*access);
  }
}

bool AccessPolicy::MayUseGroup(const Caller& caller, const GroupKeyView& key,
                               GroupRight right) const {
  return rules_ ? rules_->MayUseGroup(caller, key, right) : IsLoggedIn(caller);
}

bool AccessPolicy::MayUsePage(const Caller& caller, AccessPage page) const {
  return rules_ ? rules_->MayUsePage(caller, page) : IsLoggedIn(caller);
}

std::shared_ptr<const GroupSet> AccessPolicy::ListedGroups(const Caller& caller) const {
  static const auto all =
      std::make_shared<const GroupSet>(std::vector<GroupSet::Rule>{{{"*"}, {"*"}}});
  static const auto none = std::make_shared<const GroupSet>(std::vector<GroupSet::Rule>());
  if (rules_) return rules_->ListedGroups(caller);
  return IsLoggedIn(caller) ? all : none;
}

bool AccessPolicy::IsLoggedIn(const Caller& caller) const {
  return rules_ ? caller.is_known() : !caller.user.empty();
}

bool AccessPolicy::StillKnows(const Caller& caller, const AccessPolicy& before) const {
  if (!caller.user.empty()) {
    const User* const now = FindUser(caller.user);
    const User* const then = before.FindUser(caller.user);
    return now != nullptr && then != nullptr && now->hash == then->hash;
  }
  if (caller.token.empty()) return true;
  return std::ranges::all_of(before.tokens_, [&](const auto& token) {
    if (token.second != caller.token) return true;
    const auto found = tokens_.find(token.first);
    return found != tokens_.end() && found->second == caller.token;
  });
}

const AccessPolicy::User* AccessPolicy::FindUser(std::string_view name) const {
  const auto it = std::ranges::lower_bound(users_, name, {}, &User::name);
  return it != users_.end() && it->name == name ? &*it : nullptr;
}

const AccessPolicy::User& AccessPolicy::Decoy(std::string_view name) const {
  const Sha256Digest digest = Sha256(decoy_key_ + std::string(name));
  return users_[DigestHash()(digest) % users_.size()];
}

const std::string* AccessPolicy::FindToken(const Sha256Digest& digest) const {
  const auto it = tokens_.find(digest);
  return it == tokens_.end() ? nullptr : &it->second;
}

bool AccessPolicy::SameDigest::operator()(const Sha256Digest& a, const Sha256Digest& b) const {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace target_eye
