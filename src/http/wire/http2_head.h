#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/wire/framing_gate.h"
#include "http/wire/request_head.h"

namespace target_eye {

// A request's header as it comes in HTTP/2, field by field, made into the RequestHead that
// PlanRequest judges: what must hold of HTTP/1.1's bytes must hold here (RFC 9113 section 8).
class Http2Head {
 public:
  // `limits`: bytes as RFC 9113 section 6.5.2 reckons them, 32 more for each field.
  explicit Http2Head(const HeadLimits& limits) : limits_(limits) {}

  // Copies the field; once something is wrong, nothing more is kept.
  void Add(std::string_view name, std::string_view value);
  // Remembers why the request is to be refused, unless there is a reason already.
  void Refuse(Refusal refusal);

  // Lets go of all that was kept.
  void Clear();
  // What it takes up in memory.
  std::size_t kept_bytes() const { return bytes_.capacity() + fields_.capacity() * sizeof(Field); }

  // After the last field. `head` gets views into this object, whatever comes of it: `:authority`
  // as the first field, Host, and no other pseudo header field. Returns why it is refused.
  std::optional<Refusal> Finish(RequestHead& head);

 private:
  struct Span {
    std::size_t begin = 0;
    std::size_t size = 0;
    bool set = false;
  };
  struct Field {
    Span name;
    Span value;
  };

  Span Keep(std::string_view text);
  std::string_view View(Span span) const { return {bytes_.data() + span.begin, span.size}; }
  void AddPseudo(std::string_view name, std::string_view value);

  const HeadLimits& limits_;
  std::string bytes_;
  std::vector<Field> fields_;
  Span method_;
  Span scheme_;
  Span authority_;
  Span path_;
  std::size_t size_ = 0;
  std::optional<Refusal> refusal_;
};

}  // namespace target_eye
