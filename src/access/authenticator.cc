#include "access/authenticator.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <bitset>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "access/bcrypt.h"
#include "access/credentials.h"
#include "access/keyed_hash.h"
#include "access/login_limits.h"
#include "access/login_log.h"
#include "util/ip_address.h"
#include "util/thread.h"

namespace target_eye {
namespace {

constexpr std::size_t kMaxRemembered = 2 * kMaxUsers;
constexpr std::size_t kMaxWrong = 4096;
constexpr std::size_t kRecentResults = 16;

constexpr std::string_view kWrong = "login failed: wrong user, password or token";
constexpr std::string_view kThrottledMessage =
    "login refused: too many failures or too many at once";

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};

// Whose failures count against each other.
struct Origin {
  std::string address;
  std::string address_and_user;  // Empty if there is no user.
};

}  // namespace

class Authenticator::Pending {
 public:
  Pending() = default;
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;
  ~Pending() { OPENSSL_cleanse(password.data(), password.size()); }

  Sha256Digest digest = {};  // Of the user, the password and the hash.
  std::string hash;
  std::string password;
  const std::string* user = nullptr;  // The policy's name of it; null for one that there is not.
  std::string presented_user;
  std::string peer;
  Origin origin;
  Done done;
};

class Authenticator::Impl {
 public:
  Impl(Metrics& metrics, const Clock& clock) : metrics_(metrics), clock_(clock) {
    worker_ = StartThread("logins", [this] { Run(); });
  }

  ~Impl() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    worker_.join();
    for (auto& [digest, waiting] : waiting_) {
      for (PendingPtr& pending : waiting) pending->done(Throttled(std::chrono::seconds(1)));
    }
  }

  std::variant<Login, PendingPtr> Begin(const AccessPolicy& policy, std::string_view authorization,
                                        std::string_view peer) {
    Credentials credentials = ParseAuthorization(authorization);
    switch (credentials.kind) {
      case Credentials::Kind::kNone:
        break;
      case Credentials::Kind::kToken:
        if (policy.has_tokens()) return ByToken(policy, credentials.secret, peer);
        break;
      case Credentials::Kind::kPassword:
        if (policy.has_users()) return ByPassword(policy, credentials, peer);
        break;
      case Credentials::Kind::kBroken: {
        const std::lock_guard lock(mutex_);
        return FailAtOnce({ClientKeyOf(peer), {}}, peer, {});
      }
    }
    return Login{};
  }

  std::size_t comparisons() const {
    const std::lock_guard lock(mutex_);
    return comparisons_;
  }

  void Finish(PendingPtr pending, Done done) {
    {
      const std::lock_guard lock(mutex_);
      if (waiting_count_ < kMaxWaiting && !stopping_) {
        pending->done = std::move(done);
        ++waiting_count_;
        std::vector<PendingPtr>& same = waiting_[pending->digest];
        if (same.empty()) queue_.push_back(pending->digest);
        same.push_back(std::move(pending));
        wake_.notify_all();
        return;
      }
      Report(Login::Result::kThrottled, *pending);
    }
    done(Throttled(std::chrono::seconds(1)));
  }

 private:
  static Login Throttled(std::chrono::seconds wait) {
    return {.result = Login::Result::kThrottled,
            .name = {},
            .retry_after = std::max(wait, std::chrono::seconds(1))};
  }

  Login ByToken(const AccessPolicy& policy, std::string_view token, std::string_view peer) {
    if (const std::string* name = policy.FindToken(Sha256(token))) {
      metrics_.ObserveLogin("success");
      return {.result = Login::Result::kToken, .name = *name};
    }
    const std::lock_guard lock(mutex_);
    return FailAtOnce({ClientKeyOf(peer), {}}, peer, {});
  }

  std::variant<Login, PendingPtr> ByPassword(const AccessPolicy& policy, Credentials& credentials,
                                             std::string_view peer) {
    const bool can_be = IsUserName(credentials.user) &&
                        credentials.secret.size() <= kMaxPasswordBytes &&
                        credentials.secret.find('\0') == std::string::npos;
    Origin origin{ClientKeyOf(peer), {}};
    if (!can_be) {
      const std::lock_guard lock(mutex_);
      return FailAtOnce(origin, peer, credentials.user);
    }
    // Both looked for, and one of them taken, whether there is such a user or not.
    const AccessPolicy::User* const user = policy.FindUser(credentials.user);
    const AccessPolicy::User& decoy = policy.Decoy(credentials.user);
    const std::string& hash = user != nullptr ? user->hash : decoy.hash;
    // No address holds a space.
    origin.address_and_user = origin.address + ' ' + credentials.user;

    const std::lock_guard lock(mutex_);
    const Sha256Digest digest = hash_({credentials.user, hash, credentials.secret});
    const SteadyTime now = clock_.Now();
    const auto remembered = Remembered(credentials.user, digest);
    if (user != nullptr && remembered == true &&
        limits_.Wait(origin.address_and_user, now).count() == 0) {
      metrics_.ObserveLogin("success");
      return Login{.result = Login::Result::kUser, .name = user->name};
    }
    if (remembered == false || Wait(origin, now).count() > 0) {
      return FailAtOnce(origin, peer, credentials.user);
    }
    PendingPtr pending(new Pending);
    pending->digest = digest;
    pending->hash = hash;
    pending->password = std::move(credentials.secret);
    pending->user = user != nullptr ? &user->name : nullptr;
    pending->presented_user = std::move(credentials.user);
    pending->peer = peer;
    pending->origin = std::move(origin);
    return pending;
  }

  // The following hold the lock.

  std::chrono::seconds Wait(const Origin& origin, SteadyTime now) const {
    const auto wait = limits_.Wait(origin.address, now);
    if (origin.address_and_user.empty()) return wait;
    return std::max(wait, limits_.Wait(origin.address_and_user, now));
  }

  Login FailAtOnce(const Origin& origin, std::string_view peer, std::string_view user) {
    const SteadyTime now = clock_.Now();
    const auto wait = Wait(origin, now);
    if (wait.count() > 0) {
      metrics_.ObserveLogin("throttled");
      log_.Failed(kThrottledMessage, peer, user, now);
      return Throttled(wait);
    }
    Fail(origin, peer, user, now);
    return {.result = Login::Result::kRefused, .name = {}};
  }

  void Fail(const Origin& origin, std::string_view peer, std::string_view user, SteadyTime now) {
    limits_.Fail(origin.address, now);
    if (!origin.address_and_user.empty()) limits_.Fail(origin.address_and_user, now);
    metrics_.ObserveLogin("failure");
    log_.Failed(kWrong, peer, user, now);
  }

  void Report(Login::Result result, const Pending& pending) {
    const SteadyTime now = clock_.Now();
    if (result == Login::Result::kUser) {
      metrics_.ObserveLogin("success");
    } else if (result == Login::Result::kThrottled) {
      metrics_.ObserveLogin("throttled");
      log_.Failed(kThrottledMessage, pending.peer, pending.presented_user, now);
    } else {
      Fail(pending.origin, pending.peer, pending.presented_user, now);
    }
  }

  void RememberWrong(const Sha256Digest& digest, SteadyTime now) {
    if (wrong_until_.size() >= kMaxWrong) {
      std::erase_if(wrong_until_, [&](const auto& entry) { return entry.second <= now; });
      if (wrong_until_.size() >= kMaxWrong) wrong_until_.clear();
    }
    wrong_until_[digest] = now + kWrongFor;
  }

  void RememberRight(const std::string& user, const Sha256Digest& digest) {
    // More than there are users: most are of an earlier policy.
    if (right_.size() >= kMaxRemembered) right_.clear();
    right_[user] = digest;
  }

  void Run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      const Sha256Digest digest = queue_.front();
      queue_.pop_front();
      Answer(digest, lock);
    }
  }

  // What is remembered of a comparison; nothing if it has to be made.
  std::optional<bool> Remembered(std::string_view user, const Sha256Digest& digest) const {
    const auto right = right_.find(user);
    if (right != right_.end() &&
        CRYPTO_memcmp(right->second.data(), digest.data(), digest.size()) == 0) {
      return true;
    }
    const auto wrong = wrong_until_.find(digest);
    if (wrong != wrong_until_.end() && clock_.Now() < wrong->second) return false;
    return std::nullopt;
  }

  // Answers what waits for `digest`; compares, and rests, where that is not known by now.
  void Answer(const Sha256Digest& digest, std::unique_lock<std::mutex>& lock) {
    DropThrottled(digest, lock);
    const auto found = waiting_.find(digest);
    if (found == waiting_.end()) return;
    const std::string name = found->second.front()->presented_user;
    const auto remembered = Remembered(name, digest);
    std::chrono::steady_clock::duration took{0};
    const bool matches = remembered ? *remembered : Compare(*found->second.front(), took, lock);
    // Those that came meanwhile are among them.
    std::vector<PendingPtr> answered = Take(digest);
    const auto result = [&](const Pending& pending) {
      return matches && pending.user != nullptr ? Login::Result::kUser : Login::Result::kRefused;
    };
    bool is_right = false;
    for (const PendingPtr& pending : answered) {
      Report(result(*pending), *pending);
      is_right = is_right || result(*pending) == Login::Result::kUser;
    }
    if (!remembered) {
      if (is_right) {
        RememberRight(name, digest);
      } else {
        RememberWrong(digest, clock_.Now());
      }
      recent_failures_ <<= 1;
      recent_failures_[0] = !is_right;
    }
    lock.unlock();
    for (const PendingPtr& pending : answered) {
      Login login{.result = result(*pending), .name = {}};
      if (login.result == Login::Result::kUser) login.name = *pending->user;
      pending->done(login);
    }
    answered.clear();
    lock.lock();
    if (recent_failures_.count() > kRecentResults / 2) {
      wake_.wait_for(lock, took, [this] { return stopping_; });
    }
  }

  // Lets the lock go meanwhile.
  bool Compare(const Pending& pending, std::chrono::steady_clock::duration& took,
               std::unique_lock<std::mutex>& lock) {
    const std::string hash = pending.hash;
    std::string password = pending.password;
    ++comparisons_;
    lock.unlock();
    const auto begin = std::chrono::steady_clock::now();
    const bool matches = BcryptMatches(hash, password);
    took = std::chrono::steady_clock::now() - begin;
    OPENSSL_cleanse(password.data(), password.size());
    lock.lock();
    return matches;
  }

  // Those whose client has failed too often since they began to wait.
  void DropThrottled(const Sha256Digest& digest, std::unique_lock<std::mutex>& lock) {
    std::vector<PendingPtr> rest;
    std::vector<std::pair<PendingPtr, Login>> dropped;
    for (PendingPtr& pending : Take(digest)) {
      const auto wait = Wait(pending->origin, clock_.Now());
      if (wait.count() == 0) {
        rest.push_back(std::move(pending));
      } else {
        Report(Login::Result::kThrottled, *pending);
        dropped.emplace_back(std::move(pending), Throttled(wait));
      }
    }
    if (!rest.empty()) {
      waiting_count_ += rest.size();
      waiting_[digest] = std::move(rest);
    }
    if (dropped.empty()) return;
    lock.unlock();
    for (auto& [pending, login] : dropped) pending->done(login);
    dropped.clear();
    lock.lock();
  }

  // May be none: those that came for it while no lock was held have been answered with others.
  std::vector<PendingPtr> Take(const Sha256Digest& digest) {
    const auto found = waiting_.find(digest);
    if (found == waiting_.end()) return {};
    std::vector<PendingPtr> taken = std::move(found->second);
    waiting_.erase(found);
    waiting_count_ -= taken.size();
    return taken;
  }

  Metrics& metrics_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  KeyedHash hash_;
  LoginLimits limits_;
  LoginLog log_;
  // By user; the digest holds the hash that it was compared with.
  std::unordered_map<std::string, Sha256Digest, StringHash, std::equal_to<>> right_;
  std::unordered_map<Sha256Digest, SteadyTime, DigestHash> wrong_until_;
  std::deque<Sha256Digest> queue_;  // Of waiting_, in their order.
  std::unordered_map<Sha256Digest, std::vector<PendingPtr>, DigestHash> waiting_;
  std::size_t waiting_count_ = 0;
  std::bitset<kRecentResults> recent_failures_;
  std::size_t comparisons_ = 0;
  std::thread worker_;
};

void Authenticator::DeletePending::operator()(Pending* pending) const { delete pending; }

Authenticator::Authenticator(Metrics& metrics, const Clock& clock)
    : impl_(std::make_unique<Impl>(metrics, clock)) {}

Authenticator::~Authenticator() = default;

std::variant<Login, Authenticator::PendingPtr> Authenticator::Begin(const AccessPolicy& policy,
                                                                    std::string_view authorization,
                                                                    std::string_view peer) {
  return impl_->Begin(policy, authorization, peer);
}

void Authenticator::Finish(PendingPtr pending, Done done) {
  impl_->Finish(std::move(pending), std::move(done));
}

std::size_t Authenticator::comparisons() const { return impl_->comparisons(); }

}  // namespace target_eye
