#include "store/sqlite/state_schema.h"

#include <fmt/format.h>

#include <array>
#include <cstddef>

namespace target_eye {
namespace {

constexpr std::array<const char*, StateSchema::kVersion> kSteps = {
    // To version 1.
    R"sql(
  CREATE TABLE state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    revision INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE target_group (
    application TEXT NOT NULL,
    environment TEXT NOT NULL,
    json TEXT NOT NULL,
    revision INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at_ms INTEGER NOT NULL,
    PRIMARY KEY (application, environment)
  ) STRICT, WITHOUT ROWID;
)sql",
    // To version 2: why a group changed. Until then only an import was told from a client.
    R"sql(
  ALTER TABLE target_group ADD COLUMN cause TEXT NOT NULL DEFAULT 'client';
  UPDATE target_group SET cause = 'import' WHERE changed_by GLOB 'import of *';
)sql",
};

}  // namespace

int StateSchema::Climb(SqliteDatabase& database, std::int64_t version) {
  const std::string identity =
      fmt::format("PRAGMA application_id={}; PRAGMA user_version={};", kApplicationId, version + 1);
  int result = database.Execute("BEGIN IMMEDIATE");
  for (const char* sql :
       {kSteps.at(static_cast<std::size_t>(version)), identity.c_str(), "COMMIT"}) {
    if (result == SQLITE_OK) result = database.Execute(sql);
  }
  if (result != SQLITE_OK && database.in_transaction()) database.Execute("ROLLBACK");
  return result;
}

const char* StateSchema::Select(std::int64_t version) {
  if (version < 2) {
    return "SELECT application, environment, json, revision, changed_by, changed_at_ms, "
           "CASE WHEN changed_by GLOB 'import of *' THEN 'import' ELSE 'client' END "
           "FROM target_group ORDER BY application, environment";
  }
  return "SELECT application, environment, json, revision, changed_by, changed_at_ms, cause "
         "FROM target_group ORDER BY application, environment";
}

}  // namespace target_eye
