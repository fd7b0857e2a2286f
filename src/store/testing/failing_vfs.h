#pragma once

#include <sqlite3.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <new>

namespace target_eye {

// For tests: while it lives, SQLite's files are opened through it, and the operation that Fail
// names fails, once. It has no shared memory, which the store does not use.
class FailingVfs {
 public:
  enum class Operation { kOpen, kRead, kWrite, kSync, kTruncate };

  FailingVfs() {
    system_ = sqlite3_vfs_find(nullptr);
    vfs_ = *system_;
    vfs_.zName = "failing";
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + system_->szOsFile;
    vfs_.xOpen = Open;
    current_ = this;
    sqlite3_vfs_register(&vfs_, 1);
  }
  ~FailingVfs() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(system_, 1);
    current_ = nullptr;
  }
  FailingVfs(const FailingVfs&) = delete;
  FailingVfs& operator=(const FailingVfs&) = delete;

  // The `number`th `operation` from now on, counted from 1, returns `result`.
  void Fail(Operation operation, int number, int result) {
    operation_ = operation;
    left_ = number;
    result_ = result;
  }

  // In its place the process is killed, as if it had crashed in that moment.
  void Kill(Operation operation, int number) {
    Fail(operation, number, SQLITE_OK);
    kills_ = true;
  }

  // Whether it came to that; afterwards nothing fails.
  bool TakeFailed() {
    const bool failed = left_ == 0;
    left_ = -1;
    return failed;
  }

 private:
  struct File {
    sqlite3_file base;
    sqlite3_file* real;
  };

  static sqlite3_file* Real(sqlite3_file* file) { return reinterpret_cast<File*>(file)->real; }

  static int Open(sqlite3_vfs*, const char* name, sqlite3_file* opened, int flags, int* out_flags) {
    auto* const file = reinterpret_cast<File*>(opened);
    file->real = reinterpret_cast<sqlite3_file*>(file + 1);
    file->base.pMethods = nullptr;
    const auto open = [&] {
      return current_->system_->xOpen(current_->system_, name, file->real, flags, out_flags);
    };
    int result = Count(Operation::kOpen, open);
    if (result == SQLITE_READONLY) {
      flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
      result = open();
    }
    if (file->real->pMethods != nullptr) file->base.pMethods = &kMethods;
    return result;
  }

  // The failure's result if it is this operation's turn, else what `go_on` returns.
  template <typename GoOn>
  static int Count(Operation operation, GoOn go_on) {
    if (current_->left_ > 0 && operation == current_->operation_ && --current_->left_ == 0) {
      if (current_->kills_) kill(getpid(), SIGKILL);
      return current_->result_;
    }
    return go_on();
  }

  static constexpr sqlite3_io_methods kMethods = {
      .iVersion = 1,
      .xClose = [](sqlite3_file* f) { return Real(f)->pMethods->xClose(Real(f)); },
      .xRead =
          [](sqlite3_file* f, void* to, int n, sqlite3_int64 at) {
            return Count(Operation::kRead,
                         [=] { return Real(f)->pMethods->xRead(Real(f), to, n, at); });
          },
      .xWrite =
          [](sqlite3_file* f, const void* from, int n, sqlite3_int64 at) {
            return Count(Operation::kWrite,
                         [=] { return Real(f)->pMethods->xWrite(Real(f), from, n, at); });
          },
      .xTruncate =
          [](sqlite3_file* f, sqlite3_int64 size) {
            return Count(Operation::kTruncate,
                         [=] { return Real(f)->pMethods->xTruncate(Real(f), size); });
          },
      .xSync =
          [](sqlite3_file* f, int flags) {
            return Count(Operation::kSync,
                         [=] { return Real(f)->pMethods->xSync(Real(f), flags); });
          },
      .xFileSize = [](sqlite3_file* f,
                      sqlite3_int64* size) { return Real(f)->pMethods->xFileSize(Real(f), size); },
      .xLock = [](sqlite3_file* f, int lock) { return Real(f)->pMethods->xLock(Real(f), lock); },
      .xUnlock = [](sqlite3_file* f,
                    int lock) { return Real(f)->pMethods->xUnlock(Real(f), lock); },
      .xCheckReservedLock =
          [](sqlite3_file* f, int* out) {
            return Real(f)->pMethods->xCheckReservedLock(Real(f), out);
          },
      .xFileControl =
          [](sqlite3_file* f, int what, void* with) {
            return Real(f)->pMethods->xFileControl(Real(f), what, with);
          },
      .xSectorSize = [](sqlite3_file* f) { return Real(f)->pMethods->xSectorSize(Real(f)); },
      .xDeviceCharacteristics =
          [](sqlite3_file* f) { return Real(f)->pMethods->xDeviceCharacteristics(Real(f)); },
      .xShmMap = nullptr,
      .xShmLock = nullptr,
      .xShmBarrier = nullptr,
      .xShmUnmap = nullptr,
      .xFetch = nullptr,
      .xUnfetch = nullptr,
  };

  static inline FailingVfs* current_ = nullptr;

  sqlite3_vfs* system_ = nullptr;
  sqlite3_vfs vfs_{};
  Operation operation_{};
  int left_ = -1;
  int result_ = SQLITE_OK;
  bool kills_ = false;
};

}  // namespace target_eye
