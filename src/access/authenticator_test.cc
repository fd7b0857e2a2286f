#include "access/authenticator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <string>
#include <utility>
#include <vector>

#include "telemetry/log.h"
#include "util/testing/temp_directory.h"

namespace target_eye {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Result = Login::Result;
using std::chrono::seconds;

// Of "U*U" and "U*U*", at cost 5 (John the Ripper's test vectors).
constexpr std::string_view kHashOfAlice =
    "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
constexpr std::string_view kHashOfBob =
    "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK";

constexpr std::string_view kAlice = "Basic YWxpY2U6VSpV";           // alice:U*U
constexpr std::string_view kBob = "Basic Ym9iOlUqVSo=";             // bob:U*U*
constexpr std::string_view kAliceWrong = "Basic YWxpY2U6d3Jvbmc=";  // alice:wrong
constexpr std::string_view kNobody = "Basic bm9ib2R5OlUqVQ==";      // nobody:U*U
constexpr std::string_view kHere = "10.0.0.1:1";
constexpr std::string_view kElsewhere = "10.0.0.2:1";

class FakeClock : public Clock {
 public:
  SteadyTime Now() const override {
    return SteadyTime() + std::chrono::hours(1) + seconds(seconds_.load());
  }
  WallTime WallNow() const override { return {}; }
  void Advance(seconds by) { seconds_ += by.count(); }

 private:
  std::atomic<std::int64_t> seconds_ = 0;
};

std::string Base64(std::string_view text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string encoded;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    const auto byte = [&](std::size_t at) {
      return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
    };
    const unsigned bits = byte(i) << 16U | byte(i + 1) << 8U | byte(i + 2);
    for (unsigned digit = 0; digit < 4; ++digit) {
      encoded += i + digit > text.size() ? '=' : kDigits[bits >> (18U - 6U * digit) & 63U];
    }
  }
  return encoded;
}

std::string Basic(std::string_view user_and_password) {
  return "Basic " + Base64(user_and_password);
}

class AuthenticatorTest : public ::testing::Test {
 protected:
  AuthenticatorTest() : policy_(Policy(kHashOfAlice)) {}

  static std::shared_ptr<const AccessPolicy> Policy(std::string_view hash_of_alice) {
    WebConfig web;
    web.users = {{"alice", std::string(hash_of_alice)}, {"bob", std::string(kHashOfBob)}};
    AccessFile access;
    access.tokens = {{"ci", Sha256("secret-of-ci")}};
    return AccessPolicy::Make(&web, &access, false).value();
  }

  // Whether the answer came at once, and what it is.
  std::pair<bool, Login> Try(std::string_view authorization, std::string_view peer = kHere) {
    auto begun = authenticator_.Begin(*policy_, authorization, peer);
    if (const Login* login = std::get_if<Login>(&begun)) return {true, *login};
    std::promise<Login> answer;
    authenticator_.Finish(std::get<Authenticator::PendingPtr>(std::move(begun)),
                          [&](const Login& login) { answer.set_value(login); });
    return {false, answer.get_future().get()};
  }

  Result ResultOf(std::string_view authorization, std::string_view peer = kHere) {
    return Try(authorization, peer).second.result;
  }

  std::size_t Counted(const std::string& result) {
    const std::string text = metrics_.Render();
    const std::string series = "target_eye_logins_total{result=\"" + result + "\"} ";
    const std::size_t at = text.find(series);
    return at == std::string::npos ? 0 : std::stoul(text.substr(at + series.size()));
  }

  Metrics metrics_;
  FakeClock clock_;
  std::shared_ptr<const AccessPolicy> policy_;
  Authenticator authenticator_{metrics_, clock_};
};

TEST_F(AuthenticatorTest, RightPasswordLogsIn) {
  const Login login = Try(kAlice).second;
  EXPECT_EQ(login.result, Result::kUser);
  EXPECT_EQ(login.name, "alice");
  EXPECT_EQ(Try(kBob).second.name, "bob");
  EXPECT_EQ(Counted("success"), 2);
}

TEST_F(AuthenticatorTest, WrongPasswordAndUnknownUserAreRefusedAlike) {
  EXPECT_EQ(ResultOf(kAliceWrong), Result::kRefused);
  EXPECT_EQ(ResultOf(kNobody), Result::kRefused);
  EXPECT_EQ(ResultOf(Basic("alice:U*U*")), Result::kRefused);
  EXPECT_EQ(ResultOf(Basic("alice:")), Result::kRefused);
  EXPECT_EQ(ResultOf(Basic(":U*U")), Result::kRefused);
  EXPECT_EQ(Counted("failure"), 5);
  EXPECT_EQ(Counted("success"), 0);
}

TEST_F(AuthenticatorTest, UnknownUserCostsAComparisonAsAKnownOneDoes) {
  ResultOf(kAliceWrong);
  EXPECT_EQ(authenticator_.comparisons(), 1);
  ResultOf(kNobody);
  EXPECT_EQ(authenticator_.comparisons(), 2);
  ResultOf(Basic("nobody:U*U*"));
  EXPECT_EQ(authenticator_.comparisons(), 3);
}

TEST_F(AuthenticatorTest, NothingAndForeignSchemesAreNobody) {
  EXPECT_EQ(ResultOf(""), Result::kNobody);
  EXPECT_EQ(ResultOf("Negotiate abc"), Result::kNobody);
  EXPECT_EQ(Counted("failure"), 0);
}

TEST_F(AuthenticatorTest, BrokenCredentialsAreAFailure) {
  EXPECT_EQ(ResultOf("Basic !"), Result::kRefused);
  EXPECT_EQ(ResultOf("Bearer"), Result::kRefused);
  EXPECT_EQ(Counted("failure"), 2);
}

TEST_F(AuthenticatorTest, TokensLogInAtOnce) {
  const auto [at_once, login] = Try("Bearer secret-of-ci");
  EXPECT_TRUE(at_once);
  EXPECT_EQ(login.result, Result::kToken);
  EXPECT_EQ(login.name, "ci");
  EXPECT_EQ(ResultOf("Bearer secret-of-c"), Result::kRefused);
  EXPECT_EQ(ResultOf("Bearer ci"), Result::kRefused);
}

TEST_F(AuthenticatorTest, RightPasswordIsComparedOnce) {
  EXPECT_FALSE(Try(kAlice).first);
  for (int i = 0; i < 100; ++i) {
    const auto [at_once, login] = Try(kAlice, kElsewhere);
    EXPECT_TRUE(at_once);
    EXPECT_EQ(login.result, Result::kUser);
  }
  EXPECT_EQ(authenticator_.comparisons(), 1);
  EXPECT_EQ(Counted("success"), 101);
}

TEST_F(AuthenticatorTest, ConcurrentLoginsWithTheSameCredentialsShareAComparison) {
  std::vector<Authenticator::PendingPtr> pending;
  for (int i = 0; i < 50; ++i) {
    pending.push_back(
        std::get<Authenticator::PendingPtr>(authenticator_.Begin(*policy_, kAlice, kHere)));
  }
  std::atomic<int> right = 0;
  std::promise<void> all;
  for (auto& one : pending) {
    authenticator_.Finish(std::move(one), [&](const Login& login) {
      EXPECT_EQ(login.result, Result::kUser);
      if (++right == 50) all.set_value();
    });
  }
  all.get_future().wait();
  EXPECT_EQ(authenticator_.comparisons(), 1);
}

TEST_F(AuthenticatorTest, PasswordIsForgottenWhenItsHashChanges) {
  ResultOf(kAlice);
  const auto old = std::exchange(policy_, Policy(kHashOfBob));
  EXPECT_EQ(ResultOf(kAlice), Result::kRefused);
  EXPECT_EQ(ResultOf(Basic("alice:U*U*")), Result::kUser);
  policy_ = Policy(kHashOfBob);
  EXPECT_TRUE(Try(Basic("alice:U*U*")).first);
}

TEST_F(AuthenticatorTest, WrongPasswordIsRememberedForAMoment) {
  EXPECT_FALSE(Try(kAliceWrong).first);
  EXPECT_TRUE(Try(kAliceWrong).first);
  EXPECT_EQ(authenticator_.comparisons(), 1);
  EXPECT_EQ(Counted("failure"), 2);
  clock_.Advance(Authenticator::kWrongFor);
  EXPECT_FALSE(Try(kAliceWrong).first);
  EXPECT_EQ(authenticator_.comparisons(), 2);
}

TEST_F(AuthenticatorTest, PasswordOver72BytesIsRefusedWithoutComparison) {
  for (const std::string user : {"alice", "nobody"}) {
    const auto [at_once, login] = Try(Basic(user + ":U*U" + std::string(70, 'x')));
    EXPECT_TRUE(at_once);
    EXPECT_EQ(login.result, Result::kRefused);
  }
  EXPECT_EQ(authenticator_.comparisons(), 0);
}

TEST_F(AuthenticatorTest, PasswordIsNotCutAtNul) {
  EXPECT_EQ(ResultOf(Basic(std::string("alice:U*U\0x", 11))), Result::kRefused);
}

TEST_F(AuthenticatorTest, TenFailuresThrottleTheAddressAndNoOther) {
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(ResultOf(Basic("user" + std::to_string(i) + ":x")), Result::kRefused);
  }
  const Login login = Try(kAlice).second;
  EXPECT_EQ(login.result, Result::kThrottled);
  EXPECT_EQ(login.retry_after, seconds(5));
  EXPECT_EQ(Counted("throttled"), 1);
  EXPECT_EQ(ResultOf(kAlice, kElsewhere), Result::kUser);
  clock_.Advance(seconds(5));
  EXPECT_EQ(ResultOf(kBob), Result::kUser);
}

TEST_F(AuthenticatorTest, ThrottledLoginsAreNotCompared) {
  std::atomic<int> answered = 0;
  std::promise<void> all;
  for (int i = 0; i < 50; ++i) {
    auto begun = authenticator_.Begin(*policy_, Basic("alice:" + std::to_string(i)), kHere);
    const auto done = [&](const Login&) {
      if (++answered == 50) all.set_value();
    };
    if (auto* pending = std::get_if<Authenticator::PendingPtr>(&begun)) {
      authenticator_.Finish(std::move(*pending), done);
    } else {
      done(std::get<Login>(begun));
    }
  }
  all.get_future().wait();
  EXPECT_EQ(authenticator_.comparisons(), 10);
  EXPECT_EQ(Counted("failure"), 10);
  EXPECT_EQ(Counted("throttled"), 40);
}

TEST_F(AuthenticatorTest, FailuresOfOthersBehindTheAddressDoNotThrottleAKnownLogin) {
  ResultOf(kAlice);
  for (int i = 0; i < 20; ++i) ResultOf(Basic("bob:" + std::to_string(i)));
  EXPECT_EQ(ResultOf(kBob), Result::kThrottled);
  EXPECT_EQ(ResultOf(kAlice), Result::kUser);
}

// Otherwise whoever guesses would see which guess is right, as fast as he can send.
TEST_F(AuthenticatorTest, GuessesAtAKnownLoginAreThrottledToo) {
  ResultOf(kAlice, kElsewhere);
  for (int i = 0; i < 10; ++i) ResultOf(Basic("alice:" + std::to_string(i)));
  EXPECT_EQ(ResultOf(kAliceWrong), Result::kThrottled);
  EXPECT_EQ(ResultOf(kAlice), Result::kThrottled);
  EXPECT_EQ(ResultOf(kAlice, kElsewhere), Result::kUser);
}

TEST_F(AuthenticatorTest, WrongTokensThrottleTokensAndARightOneIsStillKnown) {
  for (int i = 0; i < 10; ++i) ResultOf("Bearer wrong");
  EXPECT_EQ(ResultOf("Bearer wrong"), Result::kThrottled);
  EXPECT_EQ(ResultOf("Bearer secret-of-ci"), Result::kToken);
}

TEST_F(AuthenticatorTest, LoginsThatWaitAreBounded) {
  std::vector<Authenticator::PendingPtr> pending;
  for (std::size_t i = 0; i < 4 * Authenticator::kMaxWaiting; ++i) {
    pending.push_back(std::get<Authenticator::PendingPtr>(
        authenticator_.Begin(*policy_, Basic("alice:" + std::to_string(i)),
                             "[2001:db8:0:" + std::to_string(i) + "::]:1")));
  }
  std::atomic<std::size_t> answered = 0;
  std::atomic<std::size_t> throttled = 0;
  {
    Authenticator authenticator(metrics_, clock_);
    for (auto& one : pending) {
      authenticator.Finish(std::move(one), [&](const Login& login) {
        ++answered;
        if (login.result == Result::kThrottled) ++throttled;
      });
    }
  }
  EXPECT_EQ(answered, pending.size());
  EXPECT_GT(throttled, 2 * Authenticator::kMaxWaiting);
}

TEST(AuthenticatorLogTest, FailuresAreLoggedWithAddressAndUserAndWithoutSecrets) {
  const TempDirectory directory;
  ASSERT_EQ(SetUpLogging(LogLevel::kInfo, directory / "log"), std::nullopt);
  {
    Metrics metrics;
    FakeClock clock;
    Authenticator authenticator(metrics, clock);
    AccessFile access;
    access.tokens = {{"ci", Sha256("secret-of-ci")}};
    WebConfig web;
    web.users = {{"alice", std::string(kHashOfAlice)}};
    const auto policy = AccessPolicy::Make(&web, &access, false).value();
    authenticator.Begin(*policy, "Bearer not-this-token", kHere);
    auto begun = authenticator.Begin(*policy, Basic("eve\" x=y:not-this-word"), kElsewhere);
    std::promise<void> answered;
    authenticator.Finish(std::get<Authenticator::PendingPtr>(std::move(begun)),
                         [&](const Login&) { answered.set_value(); });
    answered.get_future().wait();
    for (int i = 0; i < 100; ++i) authenticator.Begin(*policy, "Bearer not-this-token", kHere);
    clock.Advance(seconds(1));
    authenticator.Begin(*policy, "Bearer not-this-token", kHere);
  }
  SetUpLogging(LogLevel::kInfo, "-");
  const std::string log = directory.Read("log");
  EXPECT_THAT(log, HasSubstr("level=warning msg=\"login failed"));
  EXPECT_THAT(log, HasSubstr("peer=10.0.0.1:1"));
  EXPECT_THAT(log, HasSubstr("peer=10.0.0.2:1 user=\"eve\\\" x=y\""));
  EXPECT_THAT(log, HasSubstr("left_out_before=92"));
  EXPECT_THAT(log, Not(HasSubstr("not-this")));
  EXPECT_EQ(std::ranges::count(log, '\n'), 11);
}

}  // namespace
}  // namespace target_eye
