#include "access/access_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "access/web_config.h"
#include "access/yaml_form.h"
#include "model/glob.h"
#include "util/ascii.h"

namespace target_eye {
namespace {

using Entry = YamlNode::Entry;
using Who = AccessFile::Who;
using May = AccessFile::May;

constexpr std::string_view kHashPrefix = "sha256:";

std::optional<Sha256Digest> ParseTokenHash(std::string_view text) {
  Sha256Digest digest;
  if (!text.starts_with(kHashPrefix)) return std::nullopt;
  text.remove_prefix(kHashPrefix.size());
  if (text.size() != 2 * digest.size()) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const int high = HexValue(text[2 * i]);
    const int low = HexValue(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    digest[i] = static_cast<unsigned char>(high * 16 + low);
  }
  return digest;
}

std::optional<AccessPage> ParsePage(std::string_view text) {
  if (text == "metrics") return AccessPage::kMetrics;
  if (text == "sd") return AccessPage::kSd;
  if (text == "reload") return AccessPage::kReload;
  return std::nullopt;
}

class Reader {
 public:
  explicit Reader(const std::string& name) : form_(name) { file_.name = name; }

  Expected<AccessFile> Read(const YamlNode& root) {
    form_.Map(root, "access file",
              {{"tokens", [this](const Entry& entry) { ReadTokens(entry.value); }},
               {"rules", [this](const Entry& entry) { ReadRules(entry); }}});
    CheckTokensOfRules();
    if (form_.error()) return std::unexpected(*form_.error());
    return std::move(file_);
  }

 private:
  using Item = YamlForm::Item;

  void ReadTokens(const YamlNode& tokens) {
    if (!form_.Expect(tokens, YamlNode::Kind::kMap, "tokens")) return;
    if (tokens.map.size() > kMaxTokens) {
      return form_.Fail(tokens.line, fmt::format("tokens: are {}, at most {} are allowed",
                                                 tokens.map.size(), kMaxTokens));
    }
    std::map<Sha256Digest, std::string> names;
    for (const Entry& entry : tokens.map) {
      const std::string what = fmt::format("tokens: {}", Quote(entry.key));
      if (!IsUserName(entry.key)) {
        form_.Fail(entry.line, fmt::format("{}: expected a name of 1 to {} bytes, without colons "
                                           "and control characters",
                                           what, kMaxUserNameBytes));
      }
      if (!form_.Expect(entry.value, YamlNode::Kind::kScalar, what)) return;
      const auto digest = ParseTokenHash(entry.value.scalar);
      if (!digest) {
        return form_.Fail(entry.value.line,
                          fmt::format("{}: expected sha256: and 64 hex digits, as from "
                                      "printf %s TOKEN | sha256sum",
                                      what));
      }
      if (const auto [same, is_new] = names.emplace(*digest, entry.key); !is_new) {
        form_.Fail(entry.line, fmt::format("{}: is the same token as {}; expected one of its own",
                                           what, Quote(same->second)));
      }
      file_.tokens.push_back({entry.key, *digest, entry.line});
    }
  }

  void ReadRules(const Entry& rules) {
    if (!form_.Expect(rules.value, YamlNode::Kind::kList, "rules")) return;
    if (rules.value.list.size() > kMaxRules) {
      return form_.Fail(rules.line, fmt::format("rules: are {}, at most {} are allowed",
                                                rules.value.list.size(), kMaxRules));
    }
    for (const YamlNode& node : rules.value.list) {
      if (form_.Expect(node, YamlNode::Kind::kMap, "rule")) ReadRule(node);
    }
  }

  void ReadRule(const YamlNode& node) {
    AccessFile::Rule rule{.who = {}, .applications = {"*"}, .environments = {"*"}, .pages = {}};
    rule.line = node.line;
    bool has_globs = false;
    const auto read_who = [&](const Entry& entry) {
      for (const Item& item : Items(entry)) rule.who.push_back(ReadWho(item));
    };
    const auto read_applications = [&](const Entry& entry) {
      rule.applications = ReadGlobs(entry);
      has_globs = true;
    };
    const auto read_environments = [&](const Entry& entry) {
      rule.environments = ReadGlobs(entry);
      has_globs = true;
    };
    const auto read_may = [&](const Entry& entry) { rule.may = ReadMay(entry); };
    const auto read_pages = [&](const Entry& entry) {
      for (const Item& item : Items(entry)) rule.pages.push_back(ReadPage(item));
    };
    // Nothing behind a colon is a slip of the pen, and must not mean everything.
    form_.Map(node, "rule",
              {{"who", read_who, true},
               {"applications", read_applications, true},
               {"environments", read_environments, true},
               {"may", read_may, true},
               {"pages", read_pages, true}});
    if (rule.who.empty()) {
      form_.Fail(rule.line,
                 "rule: says not who; expected who: user:NAME, token:NAME, certificate:GLOB, login "
                 "or anyone");
    }
    if (rule.may == May::kNothing && rule.pages.empty()) {
      form_.Fail(rule.line, "rule: allows nothing; expected may: read or write, or pages");
    }
    if (rule.may == May::kNothing && has_globs &&
        std::ranges::find(rule.pages, AccessPage::kSd) == rule.pages.end()) {
      form_.Fail(rule.line,
                 "rule: applications and environments are of no use without may; expected may: "
                 "read or write, or pages: sd");
    }
    file_.rules.push_back(std::move(rule));
  }

  // A list that is there says something.
  std::vector<Item> Items(const Entry& entry) {
    std::vector<Item> items = form_.TextOrList(entry);
    if (items.empty()) {
      form_.Fail(entry.line, fmt::format("{}: is an empty list; expected at least one", entry.key));
    } else if (items.size() > kMaxRuleItems) {
      form_.Fail(entry.line, fmt::format("{}: are {}, at most {} are allowed in one rule",
                                         entry.key, items.size(), kMaxRuleItems));
      items.clear();
    }
    return items;
  }

  std::vector<std::string> ReadGlobs(const Entry& entry) {
    std::vector<std::string> globs;
    for (Item& item : Items(entry)) {
      CheckPattern(item.line, entry.key, item.text);
      globs.push_back(std::move(item.text));
    }
    return globs;
  }

  void CheckPattern(int line, std::string_view what, std::string_view pattern) {
    if (pattern.empty()) {
      form_.Fail(line,
                 fmt::format("{}: \"\" matches nothing; expected a glob such as web-*", what));
    }
    if (auto ok = Glob::Parse(pattern); !ok) {
      form_.Fail(line, fmt::format("{}: {}", what, ok.error().message));
    }
  }

  Who ReadWho(const Item& item) {
    if (item.text == "anyone") return {Who::Kind::kAnyone, {}, item.line};
    if (item.text == "login") return {Who::Kind::kLogin, {}, item.line};
    const std::size_t colon = item.text.find(':');
    const std::string kind = item.text.substr(0, colon);
    const std::string text = colon == std::string::npos ? "" : item.text.substr(colon + 1);
    if (kind == "user" && !text.empty()) return {Who::Kind::kUser, text, item.line};
    if (kind == "token" && !text.empty()) return {Who::Kind::kToken, text, item.line};
    if (kind == "certificate" && !text.empty()) {
      CheckPattern(item.line, "who: certificate", text);
      return {Who::Kind::kCertificate, text, item.line};
    }
    form_.Fail(item.line, fmt::format("who: {}; expected user:NAME, token:NAME, certificate:GLOB, "
                                      "login or anyone",
                                      Quote(item.text)));
    return {};
  }

  May ReadMay(const Entry& entry) {
    const std::string text = form_.Text(entry);
    if (text == "read") return May::kRead;
    if (text == "write") return May::kWrite;
    form_.Fail(entry.value.line, fmt::format("may: {}; expected read or write", Quote(text)));
    return May::kNothing;
  }

  AccessPage ReadPage(const Item& item) {
    const auto page = ParsePage(item.text);
    if (!page) {
      form_.Fail(item.line,
                 fmt::format("pages: {}; expected metrics, sd or reload", Quote(item.text)));
    }
    return page.value_or(AccessPage::kMetrics);
  }

  void CheckTokensOfRules() {
    std::set<std::string_view> names;
    for (const AccessFile::Token& token : file_.tokens) names.insert(token.name);
    for (const AccessFile::Rule& rule : file_.rules) {
      for (const Who& who : rule.who) {
        if (who.kind != Who::Kind::kToken || names.contains(who.text)) continue;
        form_.Fail(who.line, fmt::format("who: token {}: there is none; expected one of tokens",
                                         Quote(who.text)));
      }
    }
  }

  YamlForm form_;
  AccessFile file_;
};

}  // namespace

Expected<AccessFile> ParseAccessFile(std::string_view text, const std::string& name) {
  const auto root = ReadYamlTree(text, name);
  if (!root) return std::unexpected(root.error());
  return Reader(name).Read(*root);
}

Expected<AccessFile> LoadAccessFile(const std::string& path) {
  const auto text = ReadAccessText(path);
  if (!text) return std::unexpected(text.error());
  return ParseAccessFile(*text, path);
}

}  // namespace target_eye
