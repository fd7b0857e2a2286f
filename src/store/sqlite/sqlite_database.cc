#include "store/sqlite/sqlite_database.h"

#include <cerrno>
#include <cstring>

namespace target_eye {

void SqliteStatement::Bind(int index, std::string_view text) {
  sqlite3_bind_text64(statement_.get(), index, text.data(), text.size(), SQLITE_STATIC,
                      SQLITE_UTF8);
}

void SqliteStatement::Bind(int index, std::int64_t number) {
  sqlite3_bind_int64(statement_.get(), index, number);
}

int SqliteStatement::Step() { return sqlite3_step(statement_.get()); }

std::string_view SqliteStatement::Text(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return {static_cast<const char*>(data), static_cast<std::size_t>(size)};
}

std::int64_t SqliteStatement::Integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

void SqliteStatement::Reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

int SqliteStatement::Run() {
  const int result = Step();
  Reset();
  return result == SQLITE_DONE || result == SQLITE_ROW ? SQLITE_OK : result;
}

int SqliteDatabase::Open(const std::string& path, int flags) {
  return OpenHandle(path, SQLITE_OPEN_READWRITE | flags);
}

int SqliteDatabase::OpenUnchanging(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    switch (c) {
      case '%':
        uri += "%25";
        break;
      case '?':
        uri += "%3f";
        break;
      case '#':
        uri += "%23";
        break;
      default:
        uri += c;
    }
  }
  return OpenHandle(uri + "?immutable=1", SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
}

int SqliteDatabase::OpenHandle(const std::string& name, int flags) {
  sqlite3* handle = nullptr;
  const int result = sqlite3_open_v2(name.c_str(), &handle,
                                     SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX | flags, nullptr);
  handle_.reset(handle);
  if (handle == nullptr) {
    return SQLITE_NOMEM;
  }
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  // In the place of SQLite's own, which makes a checkpoint inside of a commit.
  *log_pages_ = 0;
  const auto note = [](void* log_pages, sqlite3*, const char*, int pages) {
    *static_cast<int*>(log_pages) = pages;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(handle, note, log_pages_.get());
  return result;
}

void SqliteDatabase::Close() { handle_.reset(); }

int SqliteDatabase::Execute(const char* sql) {
  return sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
}

int SqliteDatabase::QueryInteger(const char* sql, std::int64_t& number) {
  SqliteStatement statement;
  if (const int result = Prepare(sql, statement); result != SQLITE_OK) {
    return result;
  }
  const int result = statement.Step();
  if (result == SQLITE_ROW) {
    number = statement.Integer(0);
    return SQLITE_OK;
  }
  return result;
}

int SqliteDatabase::QueryText(const char* sql, std::string& text) {
  SqliteStatement statement;
  if (const int result = Prepare(sql, statement); result != SQLITE_OK) {
    return result;
  }
  const int result = statement.Step();
  if (result == SQLITE_ROW) {
    text = statement.Text(0);
    return SQLITE_OK;
  }
  return result;
}

int SqliteDatabase::Prepare(std::string_view sql, SqliteStatement& statement) {
  sqlite3_stmt* prepared = nullptr;
  const int result = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
  statement.statement_.reset(prepared);
  return result;
}

std::string SqliteDatabase::error_message() const {
  std::string message = sqlite3_errmsg(handle_.get());
  const int system = sqlite3_system_errno(handle_.get());
  if (system != 0) {
    message += " (";
    message += std::strerror(system);  // NOLINT(concurrency-mt-unsafe): glibc's is
    message += ")";
  }
  return message;
}

}  // namespace target_eye
