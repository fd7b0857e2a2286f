#include "http/access_log/access_log_format.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "http/wire/response_head.h"
#include "util/ascii.h"

namespace target_eye {
namespace {

void AppendEscaped(std::string_view text, std::string& out) {
  if (text.empty()) out += '-';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f || c == '"' || c == '\\') {
      fmt::format_to(std::back_inserter(out), "\\x{:02X}", byte);
    } else {
      out += c;
    }
  }
}

void AppendTime(WallTime time, std::string& out) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  std::array<char, 64> text;
  out.append(text.data(),
             std::strftime(text.data(), text.size(), "[%d/%b/%Y:%H:%M:%S %z]", &local));
}

std::string_view PathOf(std::string_view target) { return target.substr(0, target.find('?')); }

std::string_view QueryOf(std::string_view target) {
  const std::size_t question = target.find('?');
  return question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
}

void AppendRequestLine(const AccessRecord& record, std::string_view target, std::string& out) {
  AppendEscaped(record.method, out);
  out += ' ';
  AppendEscaped(target, out);
  out += ' ';
  AppendEscaped(record.version, out);
}

std::string_view FindRequestField(const AccessRecord& record, std::string_view name) {
  for (const RequestField& f : record.request_fields) {
    if (EqualsIgnoringCase(f.name, name)) return f.value;
  }
  return {};
}

std::string_view FindResponseField(std::string_view head, std::string_view name) {
  for (std::size_t at = head.find("\r\n"); at != std::string_view::npos;) {
    head.remove_prefix(at + 2);
    at = head.find("\r\n");
    const std::string_view line = head.substr(0, at);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && EqualsIgnoringCase(line.substr(0, colon), name)) {
      return TrimBlanks(line.substr(colon + 1));
    }
  }
  return {};
}

// Header fields and variables that no log may have.
bool IsSecret(std::string_view name) {
  static constexpr std::array<std::string_view, 4> kSecrets = {
      "Authorization", "Proxy-Authorization", "Cookie", "KEYFILE_PASSWORD"};
  return std::ranges::any_of(
      kSecrets, [name](std::string_view secret) { return EqualsIgnoringCase(name, secret); });
}

}  // namespace

Expected<AccessLogFormat::Atom> AccessLogFormat::ParseAtom(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, Kind>, 23> kAtoms = {{
      {"h", Kind::kPeer},    {"l", Kind::kDash},         {"u", Kind::kCaller},
      {"t", Kind::kTime},    {"r", Kind::kRequest},      {"R", Kind::kRequestWithQuery},
      {"s", Kind::kStatus},  {"st", Kind::kPhrase},      {"S", Kind::kScheme},
      {"m", Kind::kMethod},  {"U", Kind::kPath},         {"Uq", Kind::kPathAndQuery},
      {"q", Kind::kQuery},   {"H", Kind::kVersion},      {"b", Kind::kBytes},
      {"B", Kind::kBytes},   {"f", Kind::kReferer},      {"a", Kind::kUserAgent},
      {"T", Kind::kSeconds}, {"D", Kind::kMicroseconds}, {"L", Kind::kDecimalSeconds},
      {"p", Kind::kProcess}, {"i", Kind::kRequestId},
  }};
  for (const auto& [atom, kind] : kAtoms) {
    if (atom == name) return Atom{kind, {}};
  }
  const std::size_t brace = name.rfind('}');
  if (name.starts_with('{') && brace != std::string_view::npos && brace > 1) {
    const std::string inner(name.substr(1, brace - 1));
    const std::string_view what = name.substr(brace + 1);
    if (IsSecret(inner)) return Atom{Kind::kText, "<secret>"};
    if (what == "i") return Atom{Kind::kRequestField, inner};
    if (what == "o") return Atom{Kind::kResponseField, inner};
    if (what == "e") {
      const char* value = std::getenv(inner.c_str());
      Atom atom{Kind::kText, {}};
      AppendEscaped(value == nullptr ? "" : value, atom.text);
      return atom;
    }
  }
  return Invalid(fmt::format("ACCESS_LOG_FORMAT: unknown atom {}; docs/operations.md lists them",
                             Quote(name)));
}

Expected<AccessLogFormat> AccessLogFormat::Compile(std::string_view text) {
  if (text.empty()) text = kDefault;
  AccessLogFormat format;
  if (text == "json" || text == "logfmt") {
    format.form_ = text == "json" ? LogFormat::kJson : LogFormat::kLogfmt;
    return format;
  }
  std::string literal;
  const auto end_literal = [&] {
    if (!literal.empty()) format.atoms_.push_back({Kind::kText, std::exchange(literal, {})});
  };
  while (!text.empty()) {
    if (text.front() != '%') {
      literal += text.front();
      text.remove_prefix(1);
      continue;
    }
    if (text.starts_with("%%")) {
      literal += '%';
      text.remove_prefix(2);
      continue;
    }
    const std::size_t close = text.find(")s");
    if (!text.starts_with("%(") || close == std::string_view::npos) {
      return Invalid(fmt::format(
          "ACCESS_LOG_FORMAT: {} has a `%` that begins no atom such as %(h)s; write %% for one",
          Quote(text)));
    }
    auto atom = ParseAtom(text.substr(2, close - 2));
    if (!atom) return std::unexpected(atom.error());
    end_literal();
    format.atoms_.push_back(*std::move(atom));
    text.remove_prefix(close + 2);
  }
  end_literal();
  return format;
}

void AccessLogFormat::AppendAtom(const Atom& atom, const AccessRecord& record, std::string& out) {
  using std::chrono::duration_cast;
  const auto number = [&out](auto value) { fmt::format_to(std::back_inserter(out), "{}", value); };
  switch (atom.kind) {
    case Kind::kText:
      out += atom.text;
      break;
    case Kind::kPeer:
      AppendEscaped(record.peer, out);
      break;
    case Kind::kDash:
      out += '-';
      break;
    case Kind::kCaller:
      AppendEscaped(record.caller, out);
      break;
    case Kind::kTime:
      AppendTime(record.time, out);
      break;
    case Kind::kRequest:
      AppendRequestLine(record, PathOf(record.target), out);
      break;
    case Kind::kRequestWithQuery:
      AppendRequestLine(record, record.target, out);
      break;
    case Kind::kStatus:
      number(record.status);
      break;
    case Kind::kPhrase:
      out += StatusPhrase(record.status);
      break;
    case Kind::kScheme:
      AppendEscaped(record.scheme, out);
      break;
    case Kind::kMethod:
      AppendEscaped(record.method, out);
      break;
    case Kind::kPath:
      AppendEscaped(PathOf(record.target), out);
      break;
    case Kind::kPathAndQuery:
      AppendEscaped(record.target, out);
      break;
    case Kind::kQuery:
      AppendEscaped(QueryOf(record.target), out);
      break;
    case Kind::kVersion:
      AppendEscaped(record.version, out);
      break;
    case Kind::kBytes:
      number(record.body_bytes);
      break;
    case Kind::kReferer:
      AppendEscaped(FindRequestField(record, "Referer"), out);
      break;
    case Kind::kUserAgent:
      AppendEscaped(FindRequestField(record, "User-Agent"), out);
      break;
    case Kind::kSeconds:
      number(duration_cast<std::chrono::seconds>(record.took).count());
      break;
    case Kind::kMicroseconds:
      number(duration_cast<std::chrono::microseconds>(record.took).count());
      break;
    case Kind::kDecimalSeconds:
      fmt::format_to(std::back_inserter(out), "{:.6f}",
                     duration_cast<std::chrono::duration<double>>(record.took).count());
      break;
    case Kind::kProcess:
      number(::getpid());
      break;
    case Kind::kRequestId:
      AppendEscaped(record.request_id, out);
      break;
    case Kind::kRequestField:
      AppendEscaped(FindRequestField(record, atom.text), out);
      break;
    case Kind::kResponseField:
      AppendEscaped(FindResponseField(record.response_head, atom.text), out);
      break;
  }
}

void AccessLogFormat::AppendLine(LogFormat form, const AccessRecord& record, std::string& out) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(record.time);
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(record.time - seconds).count();
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(record.took).count();
  const std::string time =
      fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                  fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)), milliseconds);
  const std::array fields = {
      LogField("peer", record.peer),
      LogField("caller", record.caller),
      LogField("method", record.method),
      LogField("target", record.target),
      LogField("version", record.version),
      LogField("scheme", record.scheme),
      LogField("status", record.status),
      LogField("bytes", record.body_bytes),
      LogField("microseconds", took),
      LogField("referer", FindRequestField(record, "Referer")),
      LogField("user_agent", FindRequestField(record, "User-Agent")),
      LogField("request_id", record.request_id),
  };
  const std::string line = FormatLogLine(form, LogLevel::kInfo, "request", fields);
  if (form == LogFormat::kJson) {
    fmt::format_to(std::back_inserter(out), R"({{"ts":"{}",{}}})", time, line);
  } else {
    fmt::format_to(std::back_inserter(out), "ts={} {}", time, line);
  }
}

void AccessLogFormat::Append(const AccessRecord& record, std::string& out) const {
  if (form_) AppendLine(*form_, record, out);
  for (const Atom& atom : atoms_) AppendAtom(atom, record, out);
  out += '\n';
}

}  // namespace target_eye
