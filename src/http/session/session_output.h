#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "http/http_handler.h"
#include "http/net/transport.h"

namespace target_eye {

// What is to be sent on a connection of HTTP/1.1: headers and small bodies, gathered, and behind
// them at most one large body, which is sent from where it is. Used on one thread.
class SessionOutput {
 public:
  enum class Progress {
    kAll,      // Everything is sent.
    kBlocked,  // The transport takes no more for the moment.
    kFailed,   // The connection is of no more use.
  };

  // What is gathered: headers are appended to it.
  std::string& text() { return text_; }
  // Behind its header.
  void AddBody(HttpResponse response);
  // Whether another answer may be gathered before this is sent.
  bool TakesMore() const;

  // Sends what the transport takes; sets `moved` where it takes anything.
  Progress Send(Transport& transport, bool& moved);

 private:
  std::string_view body() const { return shared_body_ ? *shared_body_ : body_; }

  // Sent from sent_ on; first text_, then body().
  std::string text_;
  std::string body_;
  std::shared_ptr<const std::string> shared_body_;
  std::size_t sent_ = 0;
};

}  // namespace target_eye
