#include "access/access_rules.h"

#include <algorithm>

namespace target_eye {
namespace {

constexpr std::size_t kMaxNameBytes = 256;

// Whether RFC 2253 (section 2.4) writes it as it is.
bool IsPlainCommonName(std::string_view name) {
  return !name.empty() && name.find_first_of(",+\"\\<>;=") == std::string_view::npos &&
         !name.starts_with('#') && !name.starts_with(' ') && !name.ends_with(' ') &&
         std::ranges::none_of(
             name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

std::vector<std::string> NamesOf(const PeerCertificate& certificate) {
  std::vector<std::string> names;
  const auto add = [&](std::string_view kind, const std::vector<std::string>& values) {
    for (const std::string& value : values) names.push_back(std::string(kind) + value);
  };
  if (!certificate.subject.empty()) names.push_back(certificate.subject);
  if (IsPlainCommonName(certificate.common_name)) {
    names.push_back("CN=" + certificate.common_name);
  }
  add("DNS:", certificate.dns_names);
  add("URI:", certificate.uris);
  add("email:", certificate.emails);
  add("IP:", certificate.addresses);
  return names;
}

std::uint8_t PageBit(AccessPage page) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(page));
}

}  // namespace

std::string Caller::Name() const {
  std::string name;
  if (!user.empty()) {
    name = "user:" + std::string(user);
  } else if (!token.empty()) {
    name = "token:" + std::string(token);
  } else if (certificate != nullptr) {
    name = "certificate:" + certificate->subject;
  }
  if (name.size() > kMaxNameBytes) name.resize(kMaxNameBytes);
  return name;
}

AccessRules::AccessRules(const AccessFile& file) {
  for (const AccessFile::Rule& rule : file.rules) {
    std::uint8_t pages = 0;
    for (const AccessPage page : rule.pages) pages |= PageBit(page);
    const auto id = static_cast<std::uint32_t>(rules_.size());
    rules_.push_back({GlobSet(rule.applications), GlobSet(rule.environments), rule.may, pages});
    groups_.push_back({rule.applications, rule.environments});
    for (const AccessFile::Who& who : rule.who) Add(who, id);
  }
}

void AccessRules::Add(const AccessFile::Who& who, std::uint32_t id) {
  switch (who.kind) {
    case AccessFile::Who::Kind::kAnyone:
      of_anyone_.push_back(id);
      break;
    case AccessFile::Who::Kind::kLogin:
      of_login_.push_back(id);
      break;
    case AccessFile::Who::Kind::kUser:
      of_user_[who.text].push_back(id);
      break;
    case AccessFile::Who::Kind::kToken:
      of_token_[who.text].push_back(id);
      break;
    case AccessFile::Who::Kind::kCertificate:
      // One that is no glob was refused with the file, and matches nothing.
      if (auto glob = Glob::Parse(who.text); !glob) {
        break;
      } else if (glob->is_name()) {
        of_certificate_[glob->name()].push_back(id);
      } else {
        of_certificate_glob_.emplace_back(*std::move(glob), RuleIds{id});
      }
      break;
  }
}

template <typename Allows>
bool AccessRules::AnyRule(const Caller& caller, const Allows& allows) const {
  const auto any_of = [&](const RuleIds& ids) {
    return std::ranges::any_of(ids, [&](std::uint32_t id) { return allows(rules_[id]); });
  };
  const auto any_of_name = [&](const RulesByName& rules, std::string_view name) {
    if (name.empty()) return false;
    const auto it = rules.find(name);
    return it != rules.end() && any_of(it->second);
  };
  return any_of(of_anyone_) || (caller.is_known() && any_of(of_login_)) ||
         any_of_name(of_user_, caller.user) || any_of_name(of_token_, caller.token) ||
         (caller.certificate != nullptr && AnyRuleOfCertificate(*caller.certificate, allows));
}

template <typename Allows>
bool AccessRules::AnyRuleOfCertificate(const PeerCertificate& certificate,
                                       const Allows& allows) const {
  if (of_certificate_.empty() && of_certificate_glob_.empty()) return false;
  const auto any_of = [&](const RuleIds& ids) {
    return std::ranges::any_of(ids, [&](std::uint32_t id) { return allows(rules_[id]); });
  };
  for (const std::string& name : NamesOf(certificate)) {
    const auto it = of_certificate_.find(name);
    if (it != of_certificate_.end() && any_of(it->second)) return true;
    for (const auto& [glob, ids] : of_certificate_glob_) {
      if (glob.Matches(name) && any_of(ids)) return true;
    }
  }
  return false;
}

bool AccessRules::MayUseGroup(const Caller& caller, const GroupKeyView& key,
                              GroupRight right) const {
  const auto least = right == GroupRight::kWrite ? AccessFile::May::kWrite : AccessFile::May::kRead;
  return AnyRule(caller, [&](const Rule& rule) {
    return rule.may >= least && rule.applications.Matches(key.application) &&
           rule.environments.Matches(key.environment);
  });
}

bool AccessRules::MayUsePage(const Caller& caller, AccessPage page) const {
  return AnyRule(caller, [&](const Rule& rule) { return (rule.pages & PageBit(page)) != 0; });
}

std::shared_ptr<const GroupSet> AccessRules::ListedGroups(const Caller& caller) const {
  RuleIds ids;
  AnyRule(caller, [&](const Rule& rule) {
    const auto id = static_cast<std::uint32_t>(&rule - rules_.data());
    const bool opens_page = (rule.pages & PageBit(AccessPage::kSd)) != 0;
    if (opens_page || (caller.is_known() && rule.may >= AccessFile::May::kRead)) ids.push_back(id);
    return false;
  });
  std::ranges::sort(ids);
  const auto repeated = std::ranges::unique(ids);
  ids.erase(repeated.begin(), repeated.end());
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = sets_.find(ids); found != sets_.end()) return found->second;
  }
  std::vector<GroupSet::Rule> rules;
  rules.reserve(ids.size());
  for (const std::uint32_t id : ids) rules.push_back(groups_[id]);
  auto set = std::make_shared<const GroupSet>(std::move(rules));
  const std::lock_guard lock(mutex_);
  if (sets_.size() >= kMaxSets) sets_.clear();
  return sets_.emplace(std::move(ids), std::move(set)).first->second;
}

}  // namespace target_eye
