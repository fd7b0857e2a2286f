#pragma once

#include <boost/beast/http/field.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace target_eye {

// One line of a request's header; the value is without the white space around it.
struct RequestField {
  boost::beast::http::field id = boost::beast::http::field::unknown;
  std::string_view name;
  std::string_view value;
};

// The request line and header, as views into the bytes that they were parsed from.
struct RequestHead {
  std::string_view method;
  std::string_view target;
  int version = 11;  // 10 or 11 (HTTP/1.0 or 1.1), 20 for HTTP/2.
  std::vector<RequestField> fields;

  // Keeps the memory, for the next request.
  void Clear() {
    method = {};
    target = {};
    version = 11;
    fields.clear();
  }
};

// Why a request is not served. The connection is closed after the answer, since what follows cannot
// be trusted, or was never read.
struct Refusal {
  int status = 400;
  std::string message;
  std::string_view allow = {};  // For 405: the value of Allow.
};

}  // namespace target_eye
