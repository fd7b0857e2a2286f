#include "http/session/session_output.h"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <span>
#include <utility>

namespace target_eye {
namespace {

namespace asio = boost::asio;

// A body of more than this is sent from where it is, a smaller one is copied behind its header.
constexpr std::size_t kCopiedBodyBytes = 16 << 10;
// Answers to pipelined requests are gathered up to this.
constexpr std::size_t kGatheredBytes = 64 << 10;
constexpr std::size_t kKeptBytes = 16 << 10;  // Memory that is kept for the next answer.

}  // namespace

void SessionOutput::AddBody(HttpResponse response) {
  if (const std::string_view bytes = BodyOf(response); bytes.size() <= kCopiedBodyBytes) {
    text_ += bytes;
  } else if (response.shared_body) {
    shared_body_ = std::move(response.shared_body);
  } else {
    body_ = std::move(response.body);
  }
}

bool SessionOutput::TakesMore() const { return body().empty() && text_.size() < kGatheredBytes; }

SessionOutput::Progress SessionOutput::Send(Transport& transport, bool& moved) {
  const std::string_view body = this->body();
  while (sent_ < text_.size() + body.size()) {
    boost::system::error_code error;
    const std::size_t head = std::min(sent_, text_.size());
    const std::array<asio::const_buffer, 2> parts = {
        asio::buffer(text_.data() + head, text_.size() - head),
        asio::buffer(body.data() + (sent_ - head), body.size() - (sent_ - head))};
    const std::size_t n = transport.Write(std::span(parts).first(body.empty() ? 1 : 2), error);
    sent_ += n;
    moved = moved || n > 0;
    if (error == asio::error::would_block) return Progress::kBlocked;
    if (error) return Progress::kFailed;
  }
  if (sent_ > 0) {
    sent_ = 0;
    text_.clear();
    if (text_.capacity() > kKeptBytes) text_.shrink_to_fit();
    body_ = {};
    shared_body_.reset();
  }
  return Progress::kAll;
}

}  // namespace target_eye
