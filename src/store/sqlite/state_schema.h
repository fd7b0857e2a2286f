#pragma once

#include <cstdint>

#include "store/sqlite/sqlite_database.h"

namespace target_eye {

// What `state.db` looks like inside, and how an older one becomes a newer one: a ladder with one
// step for each version. A new database is made by all steps, so that there is no second
// description of the tables.
//
// A step that was ever released is never changed again. A new one needs a database of the version
// before it under testdata/, and what `Select` reads of that version.
class StateSchema {
 public:
  // In the database's header: it is ours ("TEye").
  static constexpr std::int64_t kApplicationId = 0x54457965;
  // PRAGMA user_version of a database as it is made today.
  static constexpr std::int64_t kVersion = 2;

  // Brings `database` from `version` (0: an empty file) to the next one, in one transaction. An
  // SQLite code; on an error nothing is changed.
  static int Climb(SqliteDatabase& database, std::int64_t version);

  // The statement that reads all groups of a database of `version`, ordered by key: application,
  // environment, json, revision, who, when_ms, cause. What that version did not keep yet is what
  // the ladder makes of it.
  static const char* Select(std::int64_t version);
};

}  // namespace target_eye
