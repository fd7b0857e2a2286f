#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "model/error.h"
#include "util/atomic_file.h"

namespace target_eye {

// A thread's sleep that ends when it is woken, and when somebody does something in a directory: by
// inotify, and by the list of mounts, since a mount over a file is nothing that inotify tells. It
// says of what to take a look, not what is wrong; the program's own renames are among it.
//
// Wake may be called from any thread; the rest is for the one that sleeps.
class DirectoryWatch {
 public:
  // kIo where the system has no descriptor left for Wake. What is to be heard of a directory is not
  // to be had everywhere: see `hears`.
  static Expected<std::unique_ptr<DirectoryWatch>> Make();

  // Listens to the directory `path` from now on, and to no other.
  void Watch(const std::string& path);

  // Whether all that happens in the directory is heard of. False on file systems that other
  // machines change, and where the system has no watch left to give.
  bool hears() const { return hears_; }

  // Ends the sleep that is, or the next one.
  void Wake();

  // Sleeps for `time`, or for good; less where it is woken or, if `listening`, where something has
  // happened: then it gives true, and again until Take was called.
  bool Sleep(std::optional<std::chrono::nanoseconds> time, bool listening);

  struct Heard {
    std::set<std::string, std::less<>> touched;  // Names that something happened to.
    std::set<std::string, std::less<>> written;  // Those of them whose bytes may have changed.
    bool anything = false;                       // Something happened to who knows what.
  };

  // What happened since the last call; bounded by what the kernel keeps (16,384 events by default),
  // with `anything` for what is beyond.
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
