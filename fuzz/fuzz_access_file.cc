#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "access/access_policy.h"
#include "fuzz_check.h"
#include "model/glob.h"

namespace target_eye {
namespace {

std::string EncodeWho(const AccessFile::Who& who) {
  using Kind = AccessFile::Who::Kind;
  switch (who.kind) {
    case Kind::kAnyone:
      return "anyone";
    case Kind::kLogin:
      return "login";
    case Kind::kUser:
      return "user:" + who.text;
    case Kind::kToken:
      return "token:" + who.text;
    case Kind::kCertificate:
      return "certificate:" + who.text;
  }
  return {};
}

std::string EncodeRule(const AccessFile::Rule& rule) {
  std::vector<std::string> who;
  for (const AccessFile::Who& one : rule.who) who.push_back(EncodeWho(one));
  std::string text = "  - who: " + QuotedList(who) + "\n";
  // Patterns narrow what may be done, and the page of Prometheus; else they are refused.
  const bool has_may = rule.may != AccessFile::May::kNothing;
  if (has_may || std::ranges::find(rule.pages, AccessPage::kSd) != rule.pages.end()) {
    text += "    applications: " + QuotedList(rule.applications) +
            "\n    environments: " + QuotedList(rule.environments) + "\n";
  }
  if (has_may) {
    text += rule.may == AccessFile::May::kRead ? "    may: read\n" : "    may: write\n";
  }
  std::vector<std::string> pages;
  for (const AccessPage page : rule.pages) {
    pages.emplace_back(page == AccessPage::kMetrics ? "metrics"
                       : page == AccessPage::kSd    ? "sd"
                                                    : "reload");
  }
  if (!pages.empty()) text += "    pages: " + QuotedList(pages) + "\n";
  return text;
}

std::string Encode(const AccessFile& file) {
  std::string text = "tokens: {}\n";
  if (!file.tokens.empty()) text = "tokens:\n";
  for (const AccessFile::Token& token : file.tokens) {
    text += "  " + Quoted(token.name) + ": sha256:";
    for (const unsigned char byte : token.digest) text += fmt::format("{:02x}", byte);
    text += "\n";
  }
  text += file.rules.empty() ? "rules: []\n" : "rules:\n";
  for (const AccessFile::Rule& rule : file.rules) text += EncodeRule(rule);
  return text;
}

bool AreSame(const AccessFile& a, const AccessFile& b) {
  const auto same_token = [](const AccessFile::Token& x, const AccessFile::Token& y) {
    return x.name == y.name && x.digest == y.digest;
  };
  const auto same_who = [](const AccessFile::Who& x, const AccessFile::Who& y) {
    return x.kind == y.kind && x.text == y.text;
  };
  const auto same_rule = [&](const AccessFile::Rule& x, const AccessFile::Rule& y) {
    return std::ranges::equal(x.who, y.who, same_who) && x.applications == y.applications &&
           x.environments == y.environments && x.may == y.may && x.pages == y.pages;
  };
  return std::ranges::equal(a.tokens, b.tokens, same_token) &&
         std::ranges::equal(a.rules, b.rules, same_rule);
}

void Run(std::string_view text) {
  const auto file = ParseAccessFile(text, "access.yml");
  if (!file) {
    RequireGoodError(file.error());
    return Require(file.error().message.starts_with("access.yml:"), "an error names the file");
  }
  const auto again = ParseAccessFile(Encode(*file), "access.yml");
  Require(again && AreSame(*file, *again), "an access file written anew says the same");
  const AccessRules rules(*file);
  const Caller anyone;
  const Caller user{.user = "alice", .token = {}};
  for (const AccessFile::Rule& rule : file->rules) {
    Require(!rule.who.empty(), "an accepted rule says who");
    for (const std::string& glob : rule.applications) {
      Require(Glob::Parse(glob).has_value(), "an accepted glob is one");
      const GroupKeyView key{.application = glob, .environment = "prod"};
      Require(!rules.MayUseGroup(anyone, key, GroupRight::kWrite) ||
                  rules.MayUseGroup(user, key, GroupRight::kRead),
              "what anyone may write a user may read");
    }
  }
}

}  // namespace
}  // namespace target_eye

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target_eye::Run(target_eye::AsText(data, size));
  return 0;
}
