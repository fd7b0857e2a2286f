#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "access/access_policy.h"
#include "telemetry/metrics.h"
#include "util/clock.h"

namespace target_eye {

// What became of the credentials of one request.
struct Login {
  enum class Result {
    kNobody,     // There were none, or of a scheme that nobody can log in by.
    kUser,       // `name` is that of the user.
    kToken,      // `name` is that of the token.
    kRefused,    // They are wrong.
    kThrottled,  // Not looked at: too many failures, or too many at once.
  };
  Result result = Result::kNobody;
  std::string_view name;                // Of the policy's; good as long as that is.
  std::chrono::seconds retry_after{0};  // Of kThrottled; at least one.
};

// Finds out who sent a request, by its Authorization. bcrypt runs on one thread of this object and
// nowhere else.
//
// - A right password is remembered, as a keyed hash with a key of this process, together with the
//   hash that it was compared with. Until that hash changes, the next logins cost no bcrypt.
//   Requests with the same credentials that come while bcrypt runs share its result.
// - A wrong one is remembered for kWrongFor: a client that tries it again in a loop costs no
//   bcrypt.
// - The time of an answer does not tell whether a user exists: known and unknown users are treated
//   alike, and the password of an unknown one is compared with the hash of another.
// - Failures are limited for each address, and for each address and user: see LoginLimits. Too many
//   failures of others from the address do not keep a remembered password from being looked at; too
//   many failures as the same user from there do: otherwise right guesses could be told from wrong
//   ones at any speed. Tokens are too long to be guessed, and are always looked at.
// - The thread rests for as long as it worked while most of what it compares is wrong: guessing
//   takes at most half a core.
// - Each failure is counted, and logged with its address and user, up to a line a second, the
//   rest in sum. Passwords and tokens are never logged.
//
// Every method may be called from any thread.
class Authenticator {
 public:
  static constexpr std::chrono::seconds kWrongFor{10};
  static constexpr std::size_t kMaxWaiting = 1024;  // Logins that wait for bcrypt.

  // A login that has to wait for bcrypt. Destroying it gives it up.
  class Pending;
  struct DeletePending {
    void operator()(Pending* pending) const;
  };
  using PendingPtr = std::unique_ptr<Pending, DeletePending>;
  using Done = std::move_only_function<void(Login)>;

  Authenticator(Metrics& metrics, const Clock& clock);

  // Answers what waits as throttled.
  ~Authenticator();

  // What is known at once, or what Finish has to find out. Does not block. `peer` is the client's
  // address, as HttpRequest has it.
  std::variant<Login, PendingPtr> Begin(const AccessPolicy& policy, std::string_view authorization,
                                        std::string_view peer);

  // Calls `done` exactly once: on this object's thread or, if too many wait, inside Finish. `done`
  // must not block. The policy that `pending` was begun with must live until then.
  void Finish(PendingPtr pending, Done done);

  // How often bcrypt has run.
  std::size_t comparisons() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace target_eye
