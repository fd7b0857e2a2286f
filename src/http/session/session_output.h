#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "http/http_handler.h"
#include "http/net/answer_budget.h"
#include "http/net/transport.h"
#include "http/response_stream.h"

namespace target_eye {

// What is to be sent on a connection of HTTP/1.1: headers and small bodies, gathered, and behind
// them at most one large body, which is sent from where it is, or a stream. Used on one thread.
class SessionOutput {
 public:
  static constexpr std::size_t kIdleBytes = 4 << 10;  // At most what it keeps for the next answer.

  explicit SessionOutput(AnswerBudget& budget)
      : budget_(budget), charge_(budget.own()), body_charge_(budget) {}

  enum class Progress {
    kAll,      // Everything is sent.
    kBlocked,  // The transport takes no more for the moment.
    kWaiting,  // Everything that the stream has is sent; more will come.
    kFailed,   // The connection is of no more use.
    kDropped,  // Nor is it, since the client is too slow for the room that there is.
  };

  // What is gathered: headers are appended to it.
  std::string& text() { return text_; }
  // For a body that HoldAnswer made room for.
  AnswerCharge& body_charge() { return body_charge_; }
  // Behind its header.
  void AddBody(HttpResponse response);
  // Behind its header; the bytes that the response has come first. `chunked`: by the framing of RFC
  // 9112 section 7.1, otherwise the end of the connection is its end. `wake` as StreamReader has
  // it.
  void AddStream(HttpResponse response, bool chunked, std::function<void()> wake);
  // Whether another answer may be gathered before this is sent.
  bool TakesMore() const;

  // Ends the stream, if there is one, after what was added to it.
  void EndStream();

  // Sends what the transport takes; `written` is how many bytes that were.
  Progress Send(Transport& transport, std::size_t& written);

  // Lets go of everything.
  void Clear();

 private:
  std::string_view body() const { return body_ ? std::string_view(*body_) : std::string_view(); }
  // The next bytes of the stream become the text. Returns whether there are any.
  Progress TakeFromStream();
  bool SendAll(Transport& transport, std::size_t& written, bool& failed);
  void Sent();

  AnswerBudget& budget_;
  ByteCharge charge_;  // For the text, while it cannot be sent.
  AnswerCharge body_charge_;
  // Sent from sent_ on; first text_, then body().
  std::string text_;
  std::shared_ptr<const std::string> body_;
  std::size_t sent_ = 0;
  StreamReader stream_;
  bool chunked_ = false;
  bool in_chunk_ = false;  // The body was a chunk, whose end is still to be sent.
};

}  // namespace target_eye
