#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "model/error.h"
#include "util/atomic_file.h"

namespace target_eye {

// Lets a thread sleep until it is woken, or until something happens in a directory. It hears of
// that by inotify, and by the list of mounts, since inotify does not tell of a mount over a file.
// It tells what to look at, not what is wrong; the program's own renames are reported, too.
//
// Wake may be called from any thread; the rest is for the one that sleeps.
class DirectoryWatch {
 public:
  // kIo if the system has no descriptor left for Wake. Not every system can watch every directory:
  // see `hears`.
  static Expected<std::unique_ptr<DirectoryWatch>> Make();

  // Listens to the directory `path` from now on, and to no other.
  void Watch(const std::string& path);

  // Whether everything that happens in the directory is heard of. False on file systems that other
  // machines change, and if the system has no watch left.
  bool hears() const { return hears_; }

  // Ends the present sleep or, if there is none, the next one.
  void Wake();

  // Sleeps for `time`, or without end if that is absent. Wake ends the sleep early. If `listening`,
  // so does something that happens; then it returns true, and does so again at once until Take is
  // called.
  bool Sleep(std::optional<std::chrono::nanoseconds> time, bool listening);

  struct Heard {
    std::set<std::string, std::less<>> touched;  // Names that something happened to.
    std::set<std::string, std::less<>> written;  // Those of them whose bytes may have changed.
    bool anything = false;                       // Something happened to who knows what.
  };

  // What happened since the last call. Bounded by what the kernel keeps (16,384 events by default);
  // `anything` stands for what is beyond.
  Heard Take();

 private:
  explicit DirectoryWatch(UniqueFd wake);
  void Read(Heard& heard);

  const UniqueFd wake_;
  UniqueFd inotify_;
  UniqueFd mounts_;
  int watch_ = -1;
  bool hears_ = false;
  bool mounts_changed_ = false;
};

}  // namespace target_eye
