#include "http/wire/request_parser.h"

#include <boost/beast/http/basic_parser.hpp>

namespace target_eye {
namespace {

namespace beast = boost::beast;
using beast::error_code;

std::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

// Beast's parser with fields that point into the input instead of copies. Only ever given a header:
// bodies are read by the session, chunks by ChunkDecoder.
class HeadParser final : public beast::http::basic_parser<true> {
 public:
  explicit HeadParser(RequestHead& head) : head_(head) {}

 private:
  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target,
                       int version, error_code&) override {
    head_.method = View(method);
    head_.target = View(target);
    head_.version = version;
  }
  void on_response_impl(int, beast::string_view, int, error_code&) override {}
  void on_field_impl(beast::http::field id, beast::string_view name, beast::string_view value,
                     error_code&) override {
    head_.fields.push_back({id, View(name), View(value)});
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(beast::string_view body, error_code&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, error_code&) override {
    return body.size();
  }
  void on_finish_impl(error_code&) override {}

  RequestHead& head_;
};

}  // namespace

std::optional<Refusal> ParseRequestHead(std::string_view bytes, RequestHead& head) {
  head.Clear();
  HeadParser parser(head);
  parser.header_limit(static_cast<std::uint32_t>(bytes.size() + 1));
  parser.body_limit(boost::none);
  error_code error;
  const std::size_t parsed = parser.put({bytes.data(), bytes.size()}, error);
  if (error) return Refusal{400, "malformed request: " + error.message()};
  if (parsed != bytes.size() || !parser.is_header_done()) {
    return Refusal{400, "malformed request"};
  }
  return std::nullopt;
}

}  // namespace target_eye
