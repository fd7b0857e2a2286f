#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace target_eye {

// Thin owners of SQLite's handles. They return SQLite's own result codes; what a code means is for
// SqliteStore to decide. One thread at a time.

class SqliteStatement {
 public:
  SqliteStatement() = default;

  // Bound texts must live until the next Reset.
  void Bind(int index, std::string_view text);
  void Bind(int index, std::int64_t number);

  // SQLITE_ROW, SQLITE_DONE or an error.
  int Step();
  std::string_view Text(int column) const;
  std::int64_t Integer(int column) const;
  void Reset();

  // Step and Reset, for a statement that has no rows: SQLITE_OK or an error.
  int Run();

 private:
  friend class SqliteDatabase;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class SqliteDatabase {
 public:
  SqliteDatabase() = default;

  // Opens `path` for reading and writing; `flags` are added to these. Follows no symbolic link.
  int Open(const std::string& path, int flags);
  // Opens, for reading only, a database that nobody writes to: without its log, without a lock, and
  // without making a file.
  int OpenUnchanging(const std::string& path);
  // Without a checkpoint: what is in the write-ahead log stays there.
  void Close();
  bool is_open() const { return handle_ != nullptr; }

  int Execute(const char* sql);
  // The first number of the first row, as of a PRAGMA.
  int QueryInteger(const char* sql, std::int64_t& number);
  // The first text of the first row.
  int QueryText(const char* sql, std::string& text);
  int Prepare(std::string_view sql, SqliteStatement& statement);

  // Pages in the write-ahead log after the last commit; nothing moves them by itself.
  int log_pages() const { return *log_pages_; }
  // Rows that the last statement changed.
  int changes() const { return sqlite3_changes(handle_.get()); }
  // Whether a transaction is open.
  bool in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }
  int extended_error() const { return sqlite3_extended_errcode(handle_.get()); }
  std::string error_message() const;

 private:
  int OpenHandle(const std::string& name, int flags);

  struct CloseHandle {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  // Of its own, since the handle keeps its address.
  std::unique_ptr<int> log_pages_ = std::make_unique<int>(0);
  std::unique_ptr<sqlite3, CloseHandle> handle_;
};

}  // namespace target_eye
