#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "access/access_policy.h"
#include "http/http_handler.h"
#include "http/response_stream.h"
#include "tls/peer_certificate.h"

namespace target_eye {

// Whom a request was from, and what it asked for: enough to judge it again once it has gone.
struct Grant {
  // By which it was let in; null: everything was open.
  std::shared_ptr<const AccessPolicy> policy;
  std::string method;
  std::string path;
  std::string user;  // As Caller has these three.
  std::string token;
  std::optional<PeerCertificate> certificate;
  std::shared_ptr<const GroupSet> listed_groups;  // As HttpRequest has it.

  Caller caller() const {
    return {.user = user, .token = token, .certificate = certificate ? &*certificate : nullptr};
  }
};

// The streams that were let in and may not be over, so that they end when their right is taken
// away. Safe to use from any thread.
class GrantedStreams {
 public:
  // Whether the stream may go on, by the policy that is in force. May change the grant.
  using Judge = std::function<bool(Grant&)>;

  // `judge` is asked at once, too: the policy may have changed since the request was let in.
  void Add(const std::shared_ptr<ResponseStream>& stream, Grant grant, const Judge& judge);
  // Ends those that may not go on.
  void JudgeAll(const Judge& judge);

 private:
  struct Granted {
    std::weak_ptr<ResponseStream> stream;
    Grant grant;
  };

  std::mutex mutex_;
  std::vector<Granted> streams_;
  std::size_t next_cleaning_ = 64;
};

}  // namespace target_eye
