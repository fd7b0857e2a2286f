#include "util/rename_onto_nothing.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "util/testing/temp_directory.h"

namespace target_eye {
namespace {

TEST(RenameOntoNothingTest, WhatIsThereIsNeverReplaced) {
  const TempDirectory root;
  root.Write("from", "ours");
  root.Write("taken", "theirs");
  EXPECT_EQ(RenameOntoNothing(AT_FDCWD, root / "from", AT_FDCWD, root / "taken"),
            std::errc::file_exists);
  EXPECT_EQ(root.Read("taken"), "theirs");
  EXPECT_FALSE(RenameOntoNothing(AT_FDCWD, root / "from", AT_FDCWD, root / "free"));
  EXPECT_EQ(root.Read("free"), "ours");
  EXPECT_EQ(RenameOntoNothing(AT_FDCWD, root / "from", AT_FDCWD, root / "other"),
            std::errc::no_such_file_or_directory);
}

}  // namespace
}  // namespace target_eye
