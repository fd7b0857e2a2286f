#pragma once

#include "http/net/live_connection.h"

namespace target_eye {

// A connection before its first request: what it is to become depends on what the client sends.
class OpeningStep : public LiveConnection {
 public:
  void Respond(std::int32_t, HttpResponse) override {}
  void Drain() override {
    // A client that has begun may have a request to send; GRACEFUL_TIMEOUT bounds it.
    if (!begun_ && !transport_.HasUnread()) Close();
  }
  std::size_t Cut() override {
    Close();
    return 0;
  }

 protected:
  using LiveConnection::LiveConnection;

  SteadyTime deadline_;
  bool begun_ = false;  // Something has arrived.
};

}  // namespace target_eye
