#pragma once

#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "codec/group_json.h"
#include "store/store.h"
#include "util/atomic_file.h"
#include "util/clock.h"
#include "util/testing/file_size_limit.h"
#include "util/testing/temp_directory.h"

namespace target_eye {

// The visible names in a directory, sorted.
inline std::vector<std::string> FilesOf(const TempDirectory& root) {
  std::error_code error;
  const UniqueFd directory = OpenDirectory(root.path(), error);
  std::vector<std::string> names = ListDirectory(directory.get(), error);
  std::erase(names, ".target-eye");
  return names;
}

// Counts the events in a directory that Prometheus's file watcher asks for.
class EventCounter {
 public:
  explicit EventCounter(const std::string& path)
      : inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    constexpr auto kWatched = IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_ATTRIB | IN_MODIFY |
                              IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF;
    EXPECT_GE(inotify_add_watch(inotify_.get(), path.c_str(), kWatched), 0);
  }

  // What came since the last call: `moved-to NAME`, `delete NAME`, and so on, in order.
  std::vector<std::string> Take() {
    std::vector<std::string> events;
    alignas(inotify_event) char buffer[65536];
    for (;;) {
      const ssize_t bytes = read(inotify_.get(), buffer, sizeof buffer);
      if (bytes <= 0) return events;
      for (ssize_t at = 0; at < bytes;) {
        inotify_event event{};
        std::memcpy(&event, buffer + at, sizeof event);
        const char* name = event.len > 0 ? buffer + at + sizeof event : "";
        events.push_back(NameOf(event.mask) + " " + name);
        at += static_cast<ssize_t>(sizeof event + event.len);
      }
    }
  }

 private:
  static std::string NameOf(std::uint32_t mask) {
    if ((mask & IN_MOVED_TO) != 0) return "moved-to";
    if ((mask & IN_DELETE) != 0) return "delete";
    if ((mask & IN_CREATE) != 0) return "create";
    if ((mask & IN_MODIFY) != 0) return "modify";
    if ((mask & IN_ATTRIB) != 0) return "attrib";
    return "other";
  }

  UniqueFd inotify_;
};

// Stands still until Advance is called or, with a `step`, goes on by it each time it is asked.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(std::chrono::seconds step = std::chrono::seconds(0)) : step_(step) {}
  SteadyTime Now() const override {
    ++reads_;
    return SteadyTime(std::chrono::seconds(seconds_.fetch_add(step_.count())));
  }
  WallTime WallNow() const override { return {}; }
  void Advance(std::chrono::seconds by) { seconds_ += by.count(); }
  int reads() const { return reads_; }

 private:
  const std::chrono::seconds step_;
  mutable std::atomic<std::int64_t> seconds_{1'000'000};
  mutable std::atomic<int> reads_{0};
};

inline StoredGroupPtr MakeStored(const GroupKey& key, const std::vector<std::string>& targets,
                                 Revision revision = 1) {
  TargetGroup group{{}, {{"env", key.environment}, {"job", key.application}}};
  for (const std::string& target : targets) group.targets.push_back(Target::FromStored(target));
  return MakeStoredGroup(key, GroupText(group), revision, {});
}

// The same group, with these labels where it does not have them.
inline StoredGroupPtr WithLabels(const StoredGroupPtr& stored, const Labels& labels) {
  TargetGroup group = stored->text.Decode();
  group.labels.insert(labels.begin(), labels.end());
  return MakeStoredGroup(stored->key, GroupText(group), stored->revision, stored->origin);
}

// Waits for what comes from another thread; false only if something hangs.
inline bool Eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 6000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace target_eye
