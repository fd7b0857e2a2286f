#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>

#include "access/access_policy.h"
#include "access/authenticator.h"
#include "api/granted_streams.h"
#include "http/http_handler.h"
#include "telemetry/metrics.h"
#include "util/clock.h"
#include "util/seldom.h"

namespace target_eye {

// Stands before another handler and hands on what the policy allows, with HttpRequest::caller set,
// and HttpResponse::caller in the answer.
// What it does not hand on: 401 to whoever proved nothing, or something wrong; 403, counted, to a
// known caller who may not; 429 to whoever failed to log in too often. None of them tells whether
// the group that was asked for exists.
//
// Which right is asked is in kRoutes; a path that names neither a group nor a page is handed on for
// whoever is logged in, and the next handler has to refuse it.
//
// Credentials without a scheme prove nothing. The log warns of them, once a minute: the Prometheus
// that sends them shows nobody the answer.
//
// A connection that sends the same credentials again, as clients do, is known by them for
// kKnownFor without another look: a reload of the policy ends that at once.
//
// A stream that it let in ends when another policy takes its right away, or changes the groups that
// it may show, or the secret that its caller logged in with.
//
// Safe to use from any thread. A login that has to wait for bcrypt is handed on by a thread of the
// gate, not by the one that called Handle: the next handler must bear that.
class AccessGate : public HttpHandler {
 public:
  static constexpr std::chrono::seconds kKnownFor{1};

  // `next`, `metrics` and `clock` must outlive this.
  AccessGate(HttpHandler& next, Metrics& metrics, const Clock& clock);

  // From now on; requests that are under way keep the policy they began with. Null: everything is
  // open, and the gate costs nothing.
  void Use(std::shared_ptr<const AccessPolicy> policy);

  void Handle(const HttpRequest& request, Respond respond) override;
  // What would not be handed on is refused before its body is asked for.
  void HandleHead(const HttpRequest& request, Respond respond) override;
  PathRules RulesOf(std::string_view path) const override { return next_.RulesOf(path); }

 private:
  using PolicyPtr = std::shared_ptr<const AccessPolicy>;

  // What a thread of requests remembers.
  struct Memo;
  class Watch;

  // The calling thread's, with the policy as it is now; null where everything is open.
  Memo* memo() const;
  // Handle or HandleHead, of the next handler.
  using Next = void (HttpHandler::*)(const HttpRequest&, Respond);
  void Judge(const HttpRequest& request, Respond respond, Next next);
  void Decide(const PolicyPtr& policy, const HttpRequest& request, const Login& login,
              Respond respond, Next next);

  // Hands the request on; of streams that are made for it, it is told.
  void HandOn(const PolicyPtr& policy, const Caller& caller, HttpRequest request, Respond respond,
              Next next);
  // Whether a stream may go on, by the policy as it is now.
  bool MayGoOn(Grant& grant) const;

  void WarnOfScheme(const AccessPolicy& policy, const HttpRequest& request);

  HttpHandler& next_;
  Metrics& metrics_;
  const Clock& clock_;
  std::atomic<bool> is_open_ = true;
  // Of the policy; differs from that of every other gate and time.
  std::atomic<std::uint64_t> generation_ = 0;
  mutable std::mutex mutex_;
  PolicyPtr policy_;
  GrantedStreams streams_;
  Seldom warned_{std::chrono::minutes(1)};
  // From the first policy on. The last member: what it answers at the end uses the others.
  std::unique_ptr<Authenticator> authenticator_;
};

}  // namespace target_eye
