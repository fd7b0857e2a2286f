#include "codec/yaml_events.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <spanstream>
#include <string>
#include <string_view>
#include <utility>

#include "codec/group_reader.h"
#include "model/utf8.h"

namespace target_eye {
namespace {

// yaml-cpp's scanner keeps all tokens of a flow collection that may still turn out to be a key,
// about 250 bytes each, before the first event. The limit keeps that below some 50 MB; block style
// and JSON are not held up by it.
constexpr std::size_t kMaxFlowMarks = 131'072;

// Thrown through yaml-cpp to end the parse.
struct Refused {
  YamlError error;
};

// Hands yaml-cpp's events on. What could make a small document large or mean another type than text
// (anchors, aliases, tags) is refused.
class Handler : public YAML::EventHandler {
 public:
  // `text` is what is parsed: a mark's `pos` counts its bytes.
  Handler(std::string_view text, YamlEvents& events) : text_(text), events_(events) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (std::exchange(has_document_, true)) {
      Told(mark, Invalid("expected one YAML document, found two"));
    }
  }
  void OnDocumentEnd() override {}
  void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
    Told(mark, Invalid(fmt::format("anchor {}: anchors are not allowed", Quote(name))));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Told(mark, Invalid("aliases are not allowed"));
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    Told(mark, events_.Null(Line(mark)));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    if (tag == kNotPlainTag) {
      last_not_plain_ = text_.substr(static_cast<std::size_t>(mark.pos));
      last_not_plain_line_ = Line(mark);
      if (last_not_plain_.starts_with('!')) RefuseTag(mark, tag);
    } else {
      CheckTag(mark, tag);
    }
    Told(mark, events_.Scalar(Line(mark), value));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    CheckTag(mark, tag);
    Told(mark, events_.BeginList(Line(mark)));
    Deeper(mark);
  }
  void OnSequenceEnd() override {
    --depth_;
    Told({}, events_.EndList());
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    CheckTag(mark, tag);
    Told(mark, events_.BeginMap(Line(mark)));
    Deeper(mark);
  }
  void OnMapEnd() override {
    --depth_;
    Told({}, events_.EndMap());
  }

  bool has_document() const { return has_document_; }

  // The text from the last scalar that is not plain on; empty if there was none.
  std::string_view last_not_plain() const { return last_not_plain_; }
  int last_not_plain_line() const { return last_not_plain_line_; }

 private:
  // yaml-cpp's tags for what has none, and for a scalar that is not plain (or is tagged so).
  static constexpr std::string_view kNoTag = "?";
  static constexpr std::string_view kNotPlainTag = "!";

  static int Line(const YAML::Mark& mark) { return mark.line + 1; }

  static void Told(const YAML::Mark& mark, Expected<void> ok) {
    if (!ok) throw Refused{{Line(mark), std::move(ok.error())}};
  }

  static void CheckTag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != kNoTag) RefuseTag(mark, tag);
  }

  static void RefuseTag(const YAML::Mark& mark, const std::string& tag) {
    Told(mark, Invalid(fmt::format("tag {}: tags are not allowed", Quote(tag))));
  }

  void Deeper(const YAML::Mark& mark) {
    if (++depth_ > kMaxNesting) {
      Told(mark, Invalid(fmt::format("nested deeper than {} levels", kMaxNesting)));
    }
  }

  const std::string_view text_;
  YamlEvents& events_;
  int depth_ = 0;
  bool has_document_ = false;
  std::string_view last_not_plain_;
  int last_not_plain_line_ = 0;
};

// Whether `text` begins with a quoted scalar that has no end. yaml-cpp takes one that the end of
// the input cuts off after a line end.
bool IsCutOff(std::string_view text) {
  if (!text.starts_with('"') && !text.starts_with('\'')) return false;
  const char quote = text.front();
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      const bool is_doubled = quote == '\'' && text.substr(i + 1).starts_with(quote);
      if (!is_doubled) return false;
      ++i;
    }
  }
  return true;
}

// YAML's c-printable (YAML 1.2 section 5.1). `code_point` is well-formed UTF-8.
bool IsPrintable(std::string_view code_point) {
  const auto first = static_cast<unsigned char>(code_point[0]);
  if (code_point.size() == 1) {
    return (first >= 0x20 && first != 0x7F) || first == '\t' || first == '\n' || first == '\r';
  }
  const bool is_c1 =
      code_point >= "\xC2\x80" && code_point <= "\xC2\x9F" && code_point != "\xC2\x85";
  return !is_c1 && code_point != "\xEF\xBF\xBE" && code_point != "\xEF\xBF\xBF";
}

// What yaml-cpp lets pass or cannot bear.
Expected<void> CheckText(std::string_view text) {
  std::size_t flow_marks = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t bytes = Utf8CodePointBytes(text.substr(at));
    if (bytes == 0) return Invalid(fmt::format("must be valid UTF-8: byte {} is not", at));
    const std::string_view code_point = text.substr(at, bytes);
    if (!IsPrintable(code_point)) {
      return Invalid(
          fmt::format("not valid YAML: control character {} at byte {}", Quote(code_point), at));
    }
    const char c = code_point[0];
    if (c == '[' || c == '{' || c == ',') ++flow_marks;
    at += bytes;
  }
  if (flow_marks > kMaxFlowMarks) {
    return Invalid(
        fmt::format("too large: YAML may have at most {} of \"[\", \"{{\" and \",\"; expected "
                    "JSON for as much as that",
                    kMaxFlowMarks));
  }
  return {};
}

}  // namespace

std::expected<bool, YamlError> ReadYaml(std::string_view text, YamlEvents& events) {
  const auto wrong = [](int line, std::string message) {
    return std::unexpected(YamlError{line, {ErrorCode::kInvalid, std::move(message)}});
  };
  if (auto ok = CheckText(text); !ok) return wrong(0, std::move(ok.error().message));
  text = SkipByteOrderMark(text);
  Handler handler(text, events);
  try {
    std::ispanstream in(text);
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(handler)) {
    }
  } catch (const Refused& refused) {
    return std::unexpected(refused.error);
  } catch (const YAML::Exception& e) {
    return wrong(e.mark.line + 1, fmt::format("not valid YAML: line {}, column {}: {}",
                                              e.mark.line + 1, e.mark.column + 1, Quote(e.msg)));
  }
  if (IsCutOff(handler.last_not_plain())) {
    return wrong(handler.last_not_plain_line(), "not valid YAML: a quoted string has no end");
  }
  return handler.has_document();
}

}  // namespace target_eye
