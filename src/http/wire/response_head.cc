#include "http/wire/response_head.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "util/ascii.h"

namespace target_eye {
namespace {

struct Status {
  int code;
  std::string_view phrase;
};
// RFC 9110 section 15.
constexpr std::array kStatuses = {
    Status{200, "OK"},
    Status{201, "Created"},
    Status{202, "Accepted"},
    Status{204, "No Content"},
    Status{304, "Not Modified"},
    Status{400, "Bad Request"},
    Status{401, "Unauthorized"},
    Status{403, "Forbidden"},
    Status{404, "Not Found"},
    Status{405, "Method Not Allowed"},
    Status{406, "Not Acceptable"},
    Status{408, "Request Timeout"},
    Status{409, "Conflict"},
    Status{413, "Content Too Large"},
    Status{414, "URI Too Long"},
    Status{415, "Unsupported Media Type"},
    Status{417, "Expectation Failed"},
    Status{421, "Misdirected Request"},
    Status{429, "Too Many Requests"},
    Status{431, "Request Header Fields Too Large"},
    Status{500, "Internal Server Error"},
    Status{501, "Not Implemented"},
    Status{503, "Service Unavailable"},
    Status{505, "HTTP Version Not Supported"},
};

void AppendNumber(std::size_t number, std::string& out) {
  std::array<char, 20> digits;
  const auto [end, error] = std::to_chars(digits.begin(), digits.end(), number);
  out.append(digits.data(), end);
}

}  // namespace

std::string_view StatusPhrase(int status) {
  const auto* found = std::ranges::find(kStatuses, status, &Status::code);
  return found == kStatuses.end() ? "Unknown" : found->phrase;
}

void StandardFields::Set(std::string_view date_and_server,
                         std::span<const ResponseField> configured) {
  static const std::vector<ResponseField> defaults = {{"X-Content-Type-Options", "nosniff"},
                                                      {"Cache-Control", "no-store"}};
  own = date_and_server;
  others.clear();
  const auto add = [&](const ResponseField& field) {
    others.push_back({field.name, field.name + ": " + field.value + "\r\n"});
  };
  for (const ResponseField& field : defaults) {
    const bool configured_too = std::ranges::any_of(configured, [&](const ResponseField& other) {
      return EqualsIgnoringCase(other.name, field.name);
    });
    if (!configured_too) add(field);
  }
  for (const ResponseField& field : configured) add(field);
  all = own;
  for (const Line& line : others) all += line.line;
}

void AppendResponseHead(const HttpResponse& response, const StandardFields& standard,
                        ConnectionHeader connection, std::string_view request_id,
                        std::string& out) {
  if (response.status == 200) {
    out += "HTTP/1.1 200 OK\r\n";
  } else {
    out += "HTTP/1.1 ";
    AppendNumber(static_cast<std::size_t>(response.status), out);
    out += ' ';
    out += StatusPhrase(response.status);
    out += "\r\n";
  }
  if (response.headers.empty()) {
    out += standard.all;
  } else {
    out += standard.own;
    for (const StandardFields::Line& line : standard.others) {
      const bool set_by_response = std::ranges::any_of(
          response.headers,
          [&](const HttpHeader& header) { return EqualsIgnoringCase(header.name, line.name); });
      if (!set_by_response) out += line.line;
    }
  }
  if (response.status != 204 && response.status != 304) {
    if (!response.content_type.empty()) {
      out += "Content-Type: ";
      out += response.content_type;
      out += "\r\n";
    }
    if (!response.stream) {
      out += "Content-Length: ";
      AppendNumber(BodyOf(response).size(), out);
      out += "\r\n";
    }
  }
  for (const HttpHeader& header : response.headers) {
    out += header.name;
    out += ": ";
    out += header.value;
    out += "\r\n";
  }
  if (!request_id.empty()) {
    out += "X-Request-Id: ";
    out += request_id;
    out += "\r\n";
  }
  switch (connection) {
    case ConnectionHeader::kNone:
      break;
    case ConnectionHeader::kClose:
      out += "Connection: close\r\n";
      break;
    case ConnectionHeader::kKeepAlive:
      out += "Connection: keep-alive\r\n";
      break;
    case ConnectionHeader::kCloseAfterChunks:
      out += "Transfer-Encoding: chunked\r\nConnection: close\r\n";
      break;
  }
  out += "\r\n";
}

}  // namespace target_eye
