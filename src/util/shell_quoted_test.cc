#include "util/shell_quoted.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>

namespace target_eye {
namespace {

// What a real shell makes of one word.
std::string ReadByAShell(const std::string& word) {
  const std::unique_ptr<FILE, int (*)(FILE*)> shell(popen(("printf %s " + word).c_str(), "r"),
                                                    pclose);
  std::array<char, 256> text{};
  const std::size_t bytes = fread(text.data(), 1, text.size(), shell.get());
  return {text.data(), bytes};
}

TEST(ShellQuotedTest, AShellReadsItAsOneWordWhateverIsInIt) {
  for (const std::string text :
       {"/srv/file_sd", "", "it's", "''", "a b\n$HOME `id` \\ \"x\" *;&|"}) {
    EXPECT_EQ(ReadByAShell(ShellQuoted(text)), text);
  }
}

}  // namespace
}  // namespace target_eye
