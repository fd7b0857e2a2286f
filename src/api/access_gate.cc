#include "api/access_gate.h"

#include <fmt/format.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "access/credentials.h"
#include "api/route.h"
#include "codec/percent.h"
#include "http/message_body.h"
#include "telemetry/log.h"

namespace target_eye {
namespace {

HttpResponse Refusal(int status, std::string_view message) {
  return {
      .status = status, .body = EncodeMessage(message) + "\n", .headers = {}, .handler = "access"};
}

// Why credentials of which none was looked at prove nothing. They are not repeated: what stands
// where a scheme should may be a secret, and the answer goes into somebody's log.
std::string WhyNobody(const AccessPolicy& policy, std::string_view authorization) {
  if (authorization.empty()) return "a login is needed: send credentials";
  const std::string_view expected =
      !policy.has_users()    ? "`Authorization: Bearer TOKEN`"
      : !policy.has_tokens() ? "`Authorization: Basic ...`, a user and its password"
                             : "`Authorization: Bearer TOKEN` or `Authorization: Basic ...`";
  if (!LacksScheme(authorization)) {
    return fmt::format("Authorization is of a scheme that nobody can log in by here; expected {}",
                       expected);
  }
  return fmt::format(
      "Authorization has no scheme; expected {}. Prometheus 2.42 to 2.46 leaves it out in an "
      "http_sd_config with `authorization` and no `type`: write `type: Bearer` beside "
      "`credentials`",
      expected);
}

// RFC 9110 section 11.6.1: 401 says how to log in. Where there is no way but a certificate, which
// HTTP has no word for, it is 403.
HttpResponse Unauthorized(const AccessPolicy& policy, bool has_failed,
                          std::string_view authorization) {
  if (!policy.has_users() && !policy.has_tokens()) {
    return Refusal(403, "a client certificate is needed");
  }
  HttpResponse response =
      Refusal(401, has_failed ? "wrong user, password or token" : WhyNobody(policy, authorization));
  if (policy.has_users()) {
    response.headers.push_back(
        {"WWW-Authenticate", R"(Basic realm="target-eye", charset="UTF-8")"});
  }
  if (policy.has_tokens()) {
    response.headers.push_back(
        {"WWW-Authenticate", has_failed ? R"(Bearer realm="target-eye", error="invalid_token")"
                                        : R"(Bearer realm="target-eye")"});
  }
  return response;
}

HttpResponse Throttled(std::chrono::seconds retry_after) {
  HttpResponse response = Refusal(429, "too many failed logins; try again later");
  response.headers.push_back({"Retry-After", fmt::format("{}", retry_after.count())});
  return response;
}

GroupRight RightOf(std::string_view method) {
  const bool reads = method == "GET" || method == "HEAD" || method == "OPTIONS";
  return reads ? GroupRight::kRead : GroupRight::kWrite;
}

struct Verdict {
  bool allowed = false;
  std::string wanted;  // What the caller may not, for the message.
  std::shared_ptr<const GroupSet> listed_groups = nullptr;  // As HttpRequest has it.
};

Verdict JudgeList(const AccessPolicy& policy, const HttpRequest& request, const Caller& caller) {
  std::shared_ptr<const GroupSet> listed = policy.ListedGroups(caller);
  if (listed->is_all()) return {.allowed = true, .wanted = {}};
  // With credentials that prove nothing, it would take the list of anybody for its own.
  const bool is_mistaken = !caller.is_known() && !request.authorization.empty();
  const bool allowed = !listed->is_empty() && !is_mistaken;
  return {allowed, fmt::format("use {}", request.path), std::move(listed)};
}

Verdict JudgeGroup(const AccessPolicy& policy, const HttpRequest& request, const Caller& caller) {
  const auto key = ParseGroupPath(request.path);
  if (!key) return {policy.IsLoggedIn(caller), {}};
  const GroupRight right = RightOf(request.method);
  Verdict verdict{policy.MayUseGroup(caller, *key, right), {}};
  if (!verdict.allowed) {
    verdict.wanted = fmt::format("{} {}", right == GroupRight::kRead ? "read" : "write",
                                 std::string_view(GroupPath(*key)).substr(1));
  }
  return verdict;
}

Verdict VerdictOn(const AccessPolicy& policy, const HttpRequest& request, const Caller& caller) {
  const auto use_page = [&](AccessPage page) -> Verdict {
    return {policy.MayUsePage(caller, page), fmt::format("use {}", request.path)};
  };
  switch (RouteOf(request.path).right) {
    case AskedRight::kNothing:
      return {.allowed = true, .wanted = {}};
    case AskedRight::kLogin:
      return {policy.IsLoggedIn(caller), {}};
    case AskedRight::kMetrics:
      return use_page(AccessPage::kMetrics);
    case AskedRight::kReload:
      return use_page(AccessPage::kReload);
    case AskedRight::kList:
      return JudgeList(policy, request, caller);
    case AskedRight::kGroup:
      return JudgeGroup(policy, request, caller);
  }
  return {};
}

}  // namespace

AccessGate::AccessGate(HttpHandler& next, Metrics& metrics, const Clock& clock)
    : next_(next), metrics_(metrics), clock_(clock) {}

// A connection is told from others by its peer, which has the port in it; those of unix sockets are
// all one, and are looked at again each time.
struct AccessGate::Memo {
  struct Known {
    std::string peer;
    std::string authorization;
    Login login;
    SteadyTime until;
  };
  static constexpr std::size_t kConnections = 512;
  static constexpr std::size_t kAuthorizationBytes = 512;

  static bool Fits(const HttpRequest& request) {
    return !request.authorization.empty() && request.authorization.size() <= kAuthorizationBytes &&
           request.peer.contains(':');
  }
  Known& Of(std::string_view peer) {
    return known[std::hash<std::string_view>()(peer) % kConnections];
  }

  std::uint64_t generation = 0;
  PolicyPtr policy;
  std::vector<Known> known;
};

void AccessGate::Use(std::shared_ptr<const AccessPolicy> policy) {
  static std::atomic<std::uint64_t> generations = 0;
  std::unique_lock lock(mutex_);
  if (policy && !authenticator_) authenticator_ = std::make_unique<Authenticator>(metrics_, clock_);
  policy_ = std::move(policy);
  generation_ = ++generations;
  is_open_ = policy_ == nullptr;
  lock.unlock();
  streams_.JudgeAll([this](Grant& grant) { return MayGoOn(grant); });
}

bool AccessGate::MayGoOn(Grant& grant) const {
  PolicyPtr policy;
  {
    const std::lock_guard lock(mutex_);
    policy = policy_;
  }
  // Open to all: its own policy is still the one that it has to be compared with later.
  if (policy == nullptr || policy == grant.policy) return true;
  const PolicyPtr before = std::exchange(grant.policy, policy);
  const Caller caller = grant.caller();
  if (before != nullptr && !policy->StillKnows(caller, *before)) return false;
  const HttpRequest request{.method = grant.method,
                            .target = grant.path,
                            .path = grant.path,
                            .query = {},
                            .content_type = {},
                            .body = {},
                            .peer = {}};
  const Verdict verdict = VerdictOn(*policy, request, caller);
  const auto text = [](const std::shared_ptr<const GroupSet>& groups) {
    return groups ? std::string_view(groups->text()) : std::string_view();
  };
  return verdict.allowed && text(verdict.listed_groups) == text(grant.listed_groups);
}

// While a request of `caller` is handed on, by `policy`.
class AccessGate::Watch : public StreamWatch {
 public:
  Watch(AccessGate& gate, const PolicyPtr& policy, const Caller& caller)
      : gate_(gate), policy_(policy), caller_(caller) {}

  void OnStream(const HttpRequest& request,
                const std::shared_ptr<ResponseStream>& stream) override {
    Grant grant{.policy = policy_,
                .method = std::string(request.method),
                .path = std::string(request.path),
                .user = std::string(caller_.user),
                .token = std::string(caller_.token),
                .certificate = std::nullopt,
                .listed_groups = request.listed_groups};
    if (caller_.certificate != nullptr) grant.certificate = *caller_.certificate;
    gate_.streams_.Add(stream, std::move(grant),
                       [this](Grant& added) { return gate_.MayGoOn(added); });
  }

 private:
  AccessGate& gate_;
  const PolicyPtr& policy_;
  const Caller& caller_;
};

void AccessGate::HandOn(const PolicyPtr& policy, const Caller& caller, HttpRequest request,
                        Respond respond, Next next) {
  Watch watch(*this, policy, caller);
  request.stream_watch = &watch;
  (next_.*next)(request, std::move(respond));
}

AccessGate::Memo* AccessGate::memo() const {
  if (is_open_) return nullptr;
  thread_local Memo memo;
  if (memo.generation != generation_) {
    const std::lock_guard lock(mutex_);
    memo.generation = generation_;
    memo.policy = policy_;
    memo.known.assign(Memo::kConnections, {});
  }
  return memo.policy ? &memo : nullptr;
}

void AccessGate::Handle(const HttpRequest& request, Respond respond) {
  Judge(request, std::move(respond), &HttpHandler::Handle);
}

void AccessGate::HandleHead(const HttpRequest& request, Respond respond) {
  Judge(request, std::move(respond), &HttpHandler::HandleHead);
}

void AccessGate::Judge(const HttpRequest& request, Respond respond, Next next) {
  Memo* const memo = this->memo();
  if (memo == nullptr || RouteOf(request.path).right == AskedRight::kNothing) {
    return HandOn(nullptr, {.certificate = request.certificate}, request, std::move(respond), next);
  }
  // Held for this request: the next one on this thread may find another.
  const PolicyPtr policy = memo->policy;
  const bool fits = Memo::Fits(request);
  Memo::Known& known = memo->Of(request.peer);
  const SteadyTime now = clock_.Now();
  if (fits && now < known.until && known.peer == request.peer &&
      known.authorization == request.authorization) {
    metrics_.ObserveLogin("success");
    return Decide(policy, request, known.login, std::move(respond), next);
  }
  auto begun = authenticator_->Begin(*policy, request.authorization, request.peer);
  if (const Login* login = std::get_if<Login>(&begun)) {
    if (fits && (login->result == Login::Result::kUser || login->result == Login::Result::kToken)) {
      known = {.peer = std::string(request.peer),
               .authorization = std::string(request.authorization),
               .login = *login,
               .until = now + kKnownFor};
    }
    return Decide(policy, request, *login, std::move(respond), next);
  }
  authenticator_->Finish(
      std::get<Authenticator::PendingPtr>(std::move(begun)),
      [this, policy, request, next, respond = std::move(respond)](const Login& login) mutable {
        Decide(policy, request, login, std::move(respond), next);
      });
}

void AccessGate::Decide(const PolicyPtr& policy, const HttpRequest& request, const Login& login,
                        Respond respond, Next next) {
  if (login.result == Login::Result::kThrottled) return respond(Throttled(login.retry_after));
  if (login.result == Login::Result::kRefused) return respond(Unauthorized(*policy, true, {}));
  Caller caller;
  caller.certificate = request.certificate;
  if (login.result == Login::Result::kUser) caller.user = login.name;
  if (login.result == Login::Result::kToken) caller.token = login.name;
  Verdict verdict = VerdictOn(*policy, request, caller);
  std::string name = caller.Name();
  if (verdict.allowed) {
    HttpRequest named = request;
    named.listed_groups = std::move(verdict.listed_groups);
    if (name.empty()) return HandOn(policy, caller, std::move(named), std::move(respond), next);
    named.caller = name;
    return HandOn(
        policy, caller, std::move(named),
        [name, respond = std::move(respond)](HttpResponse response) mutable {
          response.caller = std::move(name);
          respond(std::move(response));
        },
        next);
  }
  if (!policy->IsLoggedIn(caller)) {
    if (LacksScheme(request.authorization)) WarnOfScheme(*policy, request);
    return respond(Unauthorized(*policy, false, request.authorization));
  }
  metrics_.AccessDenied();
  HttpResponse refusal = Refusal(403, fmt::format("{} may not {}", name, verdict.wanted));
  refusal.caller = std::move(name);
  respond(std::move(refusal));
}

void AccessGate::WarnOfScheme(const AccessPolicy& policy, const HttpRequest& request) {
  const auto left_out = warned_.Take(clock_.Now());
  if (!left_out) return;
  Log(LogLevel::kWarning, WhyNobody(policy, request.authorization),
      {{"peer", request.peer}, {"path", request.path}, {"left_out_before", *left_out}});
}

}  // namespace target_eye
