#include <sys/syscall.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>

#include "publish/file_sd/testing/publisher_fixture.h"

namespace target_eye {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

// A file system that stands still while it is closed: renaming waits, as it would in the kernel.
class Gate {
 public:
  void Set(bool closed) {
    const std::lock_guard lock(mutex_);
    closed_ = closed;
    changed_.notify_all();
  }
  void Pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !closed_; });
    --waiting_;
  }
  void AwaitSomebody() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_ > 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool closed_ = false;
  int waiting_ = 0;
};

Gate& TheGate() {
  static Gate gate;
  return gate;
}

}  // namespace
}  // namespace target_eye

// In place of the C library's, for this whole test program.
extern "C" int renameat(int from, const char* old_name, int to, const char* new_name) noexcept {
  target_eye::TheGate().Pass();
  return static_cast<int>(::syscall(SYS_renameat2, from, old_name, to, new_name, 0));
}

namespace target_eye {
namespace {

const GroupKey kA{"a", "x"};
const GroupKey kB{"b", "x"};

class PublisherHangTest : public FileSdPublisherTest {
 protected:
  void SetUp() override {
    OpenWith({.directory = root_.path(),
              .patience = milliseconds(50),
              .stalled_after = milliseconds(200)},
             leaping_);
    Snapshot({MakeStored(kA, {"h:1"})});
  }
  void TearDown() override {
    TheGate().Set(false);
    FileSdPublisherTest::TearDown();
  }
};

TEST_F(PublisherHangTest, NoLaterAnswerIsHeldAndTheStatusSaysSo) {
  TheGate().Set(true);
  const Answer held = Change(kA, {"h:2"});
  TheGate().AwaitSomebody();
  EXPECT_TRUE(Eventually([&] { return IsSent(Change(kB, {"h:3"})); }));
  EXPECT_FALSE(IsSent(held));
  EXPECT_TRUE(Failed());
  EXPECT_THAT(publisher_->status().failure,
              AllOf(HasSubstr("publishing has taken 0 s so far: is the file system of "),
                    HasSubstr(root_.path())));
  EXPECT_THAT(metrics_.Render(),
              HasSubstr("target_eye_publication_running_seconds{publisher=\"file_sd\"} 0."));
  TheGate().Set(false);
  EXPECT_TRUE(WaitFor(held));
  EXPECT_TRUE(Published());
  EXPECT_TRUE(Eventually([&] { return publisher_->status().failure.empty(); }));
  EXPECT_THAT(root_.Read("targets.json"), HasSubstr("h:3"));
  EXPECT_TRUE(publisher_->Stop());
}

TEST_F(PublisherHangTest, AStopGivesUpAndTheThreadEndsByItselfWhenItCan) {
  TheGate().Set(true);
  const Answer held = Change(kA, {"h:2"});
  TheGate().AwaitSomebody();
  EXPECT_FALSE(publisher_->Stop());
  EXPECT_FALSE(publisher_->Stop());
  publisher_.reset();
  EXPECT_FALSE(IsSent(held));
  TheGate().Set(false);
  EXPECT_TRUE(WaitFor(held));
  EXPECT_THAT(root_.Read("targets.json"), HasSubstr("h:2"));
}

}  // namespace
}  // namespace target_eye
