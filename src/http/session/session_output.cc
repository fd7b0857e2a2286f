#include "http/session/session_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <functional>
#include <iterator>
#include <span>
#include <utility>

#include "http/session/request_steps.h"

namespace target_eye {
namespace {

namespace asio = boost::asio;

// Answers to pipelined requests are gathered up to this.
constexpr std::size_t kGatheredBytes = 64 << 10;

// Of a stream, sent at once.
constexpr std::size_t kChunkBytes = 16 << 10;
constexpr std::string_view kChunkHead = "0000\r\n";  // With its size in place of the zeros.
constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace

void SessionOutput::AddBody(HttpResponse response) {
  if (response.shared_body && response.shared_body->size() > kLargeAnswerBytes) {
    body_ = std::move(response.shared_body);
  } else {
    text_ += BodyOf(response);
  }
}

void SessionOutput::AddStream(HttpResponse response, bool chunked, std::function<void()> wake) {
  stream_ = std::move(response.stream);
  chunked_ = chunked;
  if (const std::size_t size = BodyOf(response).size(); size > 0) {
    if (chunked) fmt::format_to(std::back_inserter(text_), "{:x}\r\n", size);
    in_chunk_ = chunked;
    AddBody(std::move(response));
  }
  stream_.Attach(budget_, std::move(wake));
}

bool SessionOutput::TakesMore() const {
  return !body_ && !stream_ && text_.size() < kGatheredBytes;
}

void SessionOutput::EndStream() {
  if (stream_) stream_.End();
}

SessionOutput::Progress SessionOutput::Send(Transport& transport, std::size_t& written) {
  bool failed = false;
  while (SendAll(transport, written, failed)) {
    Sent();
    if (!stream_) return Progress::kAll;
    if (const Progress found = TakeFromStream(); found != Progress::kAll) return found;
  }
  if (failed) return Progress::kFailed;
  // Other clients must have room, too.
  return charge_.Set(text_.size()) ? Progress::kBlocked : Progress::kDropped;
}

bool SessionOutput::SendAll(Transport& transport, std::size_t& written, bool& failed) {
  const std::string_view body = this->body();
  while (sent_ < text_.size() + body.size()) {
    boost::system::error_code error;
    const std::size_t head = std::min(sent_, text_.size());
    const std::array<asio::const_buffer, 2> parts = {
        asio::buffer(text_.data() + head, text_.size() - head),
        asio::buffer(body.data() + (sent_ - head), body.size() - (sent_ - head))};
    const std::size_t n = transport.Write(std::span(parts).first(body.empty() ? 1 : 2), error);
    sent_ += n;
    written += n;
    if (error == asio::error::would_block) return false;
    failed = static_cast<bool>(error);
    if (failed) return false;
  }
  return true;
}

SessionOutput::Progress SessionOutput::TakeFromStream() {
  std::string_view chunk_end = chunked_ ? "\r\n" : "";
  if (std::exchange(in_chunk_, false)) text_ += chunk_end;
  const std::size_t begin = text_.size() + (chunked_ ? kChunkHead.size() : 0);
  text_.resize(begin + kChunkBytes);
  const StreamReader::Piece piece = stream_.Read(std::span(text_).subspan(begin));
  if (piece.state == StreamReader::State::kBroken) return Progress::kDropped;
  if (piece.bytes > 0) {
    text_.resize(begin + piece.bytes);
    if (chunked_)
      fmt::format_to(text_.data() + begin - kChunkHead.size(), "{:04x}\r\n", piece.bytes);
    text_ += chunk_end;
  } else {
    text_.resize(begin - (chunked_ ? kChunkHead.size() : 0));
  }
  if (piece.state == StreamReader::State::kEnded) {
    if (chunked_) text_ += kLastChunk;
    stream_.Close();
  }
  return text_.empty() && stream_ ? Progress::kWaiting : Progress::kAll;
}

void SessionOutput::Sent() {
  if (sent_ == 0) return;
  sent_ = 0;
  text_.clear();
  if (text_.capacity() > kIdleBytes) text_.shrink_to_fit();
  body_.reset();
  charge_.Set(0);
  body_charge_.Release();
}

void SessionOutput::Clear() {
  stream_.Close();
  sent_ = 1;
  Sent();
}

}  // namespace target_eye
