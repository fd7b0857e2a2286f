#include "codec/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <cstdint>
#include <string>
#include <utility>

#include "codec/group_reader.h"
#include "model/utf8.h"

namespace target_eye {
namespace {

namespace json = boost::json;
using json::error_code;

// Boost.JSON's events for GroupReader. A string comes in parts where it holds escapes.
class Handler {
 public:
  // NOLINTBEGIN(readability-identifier-naming): the names that Boost.JSON calls.
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);

  explicit Handler(GroupReader& reader) : reader_(reader) {}

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code& ec) { return Told(reader_.BeginMap(), ec); }
  bool on_object_end(std::size_t, error_code& ec) { return Told(reader_.EndMap(), ec); }
  bool on_array_begin(error_code& ec) { return Told(reader_.BeginList(), ec); }
  bool on_array_end(std::size_t, error_code& ec) { return Told(reader_.EndList(), ec); }
  bool on_key_part(json::string_view part, std::size_t, error_code&) { return AddPart(part); }
  bool on_key(json::string_view part, std::size_t, error_code& ec) {
    const bool ok = reader_.Key(Whole(part));
    parts_.clear();
    return Told(ok, ec);
  }
  bool on_string_part(json::string_view part, std::size_t, error_code&) { return AddPart(part); }
  bool on_string(json::string_view part, std::size_t, error_code& ec) {
    const bool ok = reader_.String(Whole(part));
    parts_.clear();
    return Told(ok, ec);
  }
  bool on_number_part(json::string_view, error_code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, error_code& ec) { return Number(ec); }
  bool on_uint64(std::uint64_t, json::string_view, error_code& ec) { return Number(ec); }
  bool on_double(double, json::string_view, error_code& ec) { return Number(ec); }
  bool on_bool(bool, error_code& ec) { return Told(reader_.Other("a boolean"), ec); }
  bool on_null(error_code& ec) { return Told(reader_.Other("null"), ec); }
  bool on_comment_part(json::string_view, error_code&) { return true; }
  bool on_comment(json::string_view, error_code&) { return true; }
  // NOLINTEND(readability-identifier-naming)

 private:
  static bool Told(bool ok, error_code& ec) {
    // Any code ends the parse; the reader keeps the reason.
    if (!ok) ec = json::error::syntax;
    return ok;
  }

  bool Number(error_code& ec) { return Told(reader_.Other("a number"), ec); }

  bool AddPart(json::string_view part) {
    parts_.append(part.data(), part.size());
    return true;
  }

  std::string_view Whole(json::string_view last) {
    if (parts_.empty()) return {last.data(), last.size()};
    parts_.append(last.data(), last.size());
    return parts_;
  }

  GroupReader& reader_;
  std::string parts_;
};

// Lines and columns count from 1, columns in code points.
std::unexpected<Error> NotJson(std::string_view text, std::size_t at, std::string_view what) {
  const std::string_view before = text.substr(0, at);
  const auto line = 1 + std::ranges::count(before, '\n');
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0.
  const auto is_start = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; };
  const auto column = 1 + std::ranges::count_if(before.substr(line_start), is_start);
  const std::string_view rest = text.substr(at);
  const std::string found =
      rest.empty() ? "the end"
                   : Quote(rest.substr(0, std::max<std::size_t>(1, Utf8CodePointBytes(rest))));
  return Invalid(
      fmt::format("not valid JSON: line {}, column {}: {}, found {}", line, column, what, found));
}

}  // namespace

Expected<void> ReadJson(std::string_view text, GroupReader& reader) {
  text = SkipByteOrderMark(text);
  json::parse_options options;
  options.max_depth = kMaxNesting;
  json::basic_parser<Handler> parser(options, reader);
  error_code ec;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), ec);
  if (const auto& refused = reader.error()) return std::unexpected(*refused);
  if (ec) return NotJson(text, used, ec.message());
  if (used < text.size()) return NotJson(text, used, "expected nothing after the document");
  return {};
}

Expected<GroupData> DecodeJson(std::string_view body, const GroupLimits& limits) {
  GroupReader reader(GroupReader::Document::kRequest, GroupReader::Trust::kChecked, limits);
  if (auto ok = ReadJson(body, reader); !ok) {
    return Invalid("body: " + ok.error().message);
  }
  return std::move(reader.groups().front());
}

}  // namespace target_eye
