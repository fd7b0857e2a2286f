#include "publish/file_sd/import/legacy_import.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "publish/file_sd/file_names.h"
#include "publish/file_sd/testing/published_files.h"
#include "util/atomic_file.h"

namespace target_eye {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// The MD5 of "webprod", by md5sum.
constexpr std::string_view kWebProd = "6e35e1726656ec0264bcb65b5d1642e5.json";
// A name that fits none of the keys here.
constexpr std::string_view kOther = "00112233445566778899aabbccddeeff.json";
constexpr std::string_view kAnother = "ffeeddccbbaa99887766554433221100.json";

std::string List(std::string_view target, std::string_view job, std::string_view env) {
  return R"([{"targets": [")" + std::string(target) + R"("], "labels": {"job": ")" +
         std::string(job) + R"(", "env": ")" + std::string(env) + R"("}}])";
}

class LegacyImportTest : public testing::Test {
 protected:
  ImportScan Scan() {
    auto scan = ScanForImport(root_.path());
    EXPECT_TRUE(scan) << scan.error().message;
    return *std::move(scan);
  }
  std::string ReasonFor(const std::string& name, std::string_view text) {
    root_.Write(name, text);
    const ImportScan scan = Scan();
    EXPECT_THAT(scan.groups, IsEmpty());
    EXPECT_THAT(scan.file_names, IsEmpty());
    EXPECT_THAT(scan.skipped, SizeIs(1));
    fs::remove(root_ / name);
    return scan.skipped.empty() ? "" : scan.skipped[0].file_name + ": " + scan.skipped[0].reason;
  }

  TempDirectory root_;
};

TEST_F(LegacyImportTest, AFileWhoseNameFitsItsLabelsIsTakenWithItsKey) {
  root_.Write(kWebProd, List("h:1", "web", "prod"));
  const ImportScan scan = Scan();
  ASSERT_THAT(scan.groups, SizeIs(1));
  EXPECT_EQ(scan.groups[0].key, (GroupKey{"web", "prod"}));
  EXPECT_FALSE(scan.groups[0].key_is_a_guess);
  EXPECT_EQ(scan.groups[0].group.targets[0].text(), "h:1");
  EXPECT_EQ(scan.groups[0].group.labels, (Labels{{"env", "prod"}, {"job", "web"}}));
  EXPECT_THAT(scan.file_names, ElementsAre(kWebProd));
  EXPECT_THAT(scan.skipped, IsEmpty());
  EXPECT_TRUE(root_.Has(kWebProd));
}

TEST_F(LegacyImportTest, OverriddenLabelsMakeTheKeyAGuess) {
  root_.Write(kWebProd, List("h:1", "shop", "prod"));
  const ImportScan scan = Scan();
  ASSERT_THAT(scan.groups, SizeIs(1));
  EXPECT_EQ(scan.groups[0].key, (GroupKey{"shop", "prod"}));
  EXPECT_TRUE(scan.groups[0].key_is_a_guess);
}

TEST_F(LegacyImportTest, OfTwoFilesForOneKeyTheOneWhoseNameFitsHasIt) {
  // Before it by name.
  root_.Write(kOther, List("h:2", "web", "prod"));
  root_.Write(kWebProd, List("h:1", "web", "prod"));
  const ImportScan scan = Scan();
  ASSERT_THAT(scan.groups, SizeIs(2));
  EXPECT_EQ(scan.groups[0].key, (GroupKey{"web", "prod"}));
  EXPECT_EQ(scan.groups[0].file_name, kWebProd);
  EXPECT_FALSE(scan.groups[0].key_is_a_guess);
  EXPECT_EQ(scan.groups[1].key, (GroupKey{"web", "prod-00112233"}));
  EXPECT_TRUE(scan.groups[1].key_is_a_guess);
  EXPECT_EQ(scan.groups[1].group.labels, (Labels{{"env", "prod"}, {"job", "web"}}));
  EXPECT_THAT(scan.file_names, SizeIs(2));
}

TEST_F(LegacyImportTest, OfTwoGuessesForOneKeyTheFirstByNameHasIt) {
  root_.Write(kAnother, List("h:2", "web", "prod"));
  root_.Write(kOther, List("h:1", "web", "prod"));
  const ImportScan scan = Scan();
  ASSERT_THAT(scan.groups, SizeIs(2));
  EXPECT_EQ(scan.groups[0].file_name, kOther);
  EXPECT_EQ(scan.groups[1].key, (GroupKey{"web", "prod-ffeeddcc"}));
}

TEST_F(LegacyImportTest, AKeyKeptApartNeverTakesThatOfAnother) {
  root_.Write("00112233000000000000000000000000.json", List("h:1", "web", "prod"));
  root_.Write("00112233000000000000000000000001.json", List("h:2", "web", "prod"));
  root_.Write("00112233000000000000000000000002.json", List("h:3", "web", "prod"));
  const ImportScan scan = Scan();
  ASSERT_THAT(scan.groups, SizeIs(3));
  EXPECT_EQ(scan.groups[1].key, (GroupKey{"web", "prod-00112233"}));
  EXPECT_EQ(scan.groups[2].key, (GroupKey{"web", "prod-00112233-2"}));
}

TEST_F(LegacyImportTest, WhatCannotBeRegisteredIsLeftWithTheReason) {
  const std::string name(kOther);
  EXPECT_THAT(ReasonFor(name, List("h:70000", "web", "prod")), HasSubstr("port"));
  EXPECT_THAT(ReasonFor(name, "[{"), HasSubstr(name));
  EXPECT_THAT(ReasonFor(name, ""), HasSubstr(name));
  EXPECT_THAT(ReasonFor(name, "[]"), HasSubstr("holds 0 groups"));
  EXPECT_THAT(ReasonFor(name, R"([{"targets":[],"labels":{"job":"j","env":"e"}}])"),
              HasSubstr("without targets"));
  EXPECT_THAT(ReasonFor(name, R"([{"targets":["h:1"],"labels":{"env":"e"}}])"),
              HasSubstr("without the label job"));
  EXPECT_THAT(ReasonFor(name, R"([{"targets":["h:1"],"labels":{"job":"j"}}])"),
              HasSubstr("without the label env"));
  EXPECT_THAT(ReasonFor(name, List("h:1", "-", "prod")), HasSubstr("-"));
  EXPECT_THAT(ReasonFor(name, R"([{"targets":["h:1"],"labels":{"job":"j","env":"e"}},)"
                              R"({"targets":["h:2"],"labels":{"job":"j","env":"e"}}])"),
              HasSubstr("holds 2 groups"));
}

TEST_F(LegacyImportTest, ForeignFilesAreNamedAndOthersPassedOver) {
  EXPECT_THAT(ReasonFor("mine.json", List("h:1", "web", "prod")), HasSubstr("mine.json: its name"));
  EXPECT_THAT(ReasonFor("00112233445566778899AABBCCDDEEFF.json", List("h:1", "web", "prod")),
              HasSubstr("its name"));
  root_.Write("notes.txt", "");
  root_.Write(".target-eye/x.json", "");
  EXPECT_THAT(Scan().skipped, IsEmpty());
}

TEST_F(LegacyImportTest, LinksDirectoriesAndHugeFilesAreLeft) {
  root_.Write("elsewhere", List("h:1", "web", "prod"));
  fs::create_symlink(root_ / "elsewhere", root_ / kWebProd);
  fs::create_directory(root_ / kOther);
  root_.Write(kAnother, "");
  fs::resize_file(root_ / kAnother, (std::uintmax_t{64} << 20) + 1);
  const ImportScan scan = Scan();
  EXPECT_THAT(scan.groups, IsEmpty());
  ASSERT_THAT(scan.skipped, SizeIs(3));
  for (const auto& skipped : scan.skipped) {
    if (skipped.file_name == kWebProd) {
      EXPECT_THAT(skipped.reason, HasSubstr("symbolic link"));
    }
    if (skipped.file_name == kAnother) {
      EXPECT_THAT(skipped.reason, HasSubstr("64 MiB"));
    }
  }
}

TEST_F(LegacyImportTest, WhatCannotBeReadForAMomentIsNotPassedOver) {
  root_.Write(kWebProd, List("h:1", "web", "prod"));
  // Whoever holds the lease has until it breaks to finish; a file server does so.
  std::signal(SIGIO, SIG_IGN);
  const UniqueFd lease(::open((root_ / kWebProd).c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::fcntl(lease.get(), F_SETLEASE, F_WRLCK), 0);
  const auto refused = ScanForImport(root_.path());
  ASSERT_EQ(::fcntl(lease.get(), F_SETLEASE, F_UNLCK), 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kIo);
  EXPECT_THAT(refused.error().message, HasSubstr(kWebProd));
  EXPECT_THAT(Scan().groups, SizeIs(1));
}

TEST_F(LegacyImportTest, AMissingDirectoryHoldsNothing) {
  const auto scan = ScanForImport(root_ / "missing");
  ASSERT_TRUE(scan) << scan.error().message;
  EXPECT_THAT(scan->groups, IsEmpty());
}

TEST_F(LegacyImportTest, OurOwnGroupFilesGiveTheKeyInTheirNames) {
  root_.Write("a%2Fb@c.json", List("h:1", "shop", "prod"));
  const GroupKey cut{std::string(500, 'a'), "prod"};
  root_.Write(FileNameOf(FileSdLayout::kGroup, cut), List("h:2", cut.application, "prod"));
  const ImportScan scan = Scan();
  ASSERT_THAT(scan.groups, SizeIs(2));
  EXPECT_EQ(scan.groups[0].key, (GroupKey{"a/b", "c"}));
  EXPECT_FALSE(scan.groups[0].key_is_a_guess);
  EXPECT_EQ(scan.groups[1].key, cut);
  EXPECT_FALSE(scan.groups[1].key_is_a_guess);
}

TEST_F(LegacyImportTest, OurOwnListIsTakenButForWhatIsTakenAlready) {
  root_.Write(kOther, List("h:1", "web", "prod"));
  root_.Write(kAnother, List("h:2", "web", "prod"));
  root_.Write("targets.json",
              R"([{"targets":["h:1"],"labels":{"env":"prod","job":"web"}},
                  {"targets":["h:2"],"labels":{"env":"prod","job":"web"}},
                  {"targets":["h:3"],"labels":{"env":"prod","job":"web"}},
                  {"targets":["h:4"],"labels":{"env":"prod","job":"shop"}}])");
  const ImportScan scan = Scan();
  ASSERT_THAT(scan.groups, SizeIs(4));
  EXPECT_EQ(scan.groups[2].key, (GroupKey{"web", "prod-imported"}));
  EXPECT_TRUE(scan.groups[2].key_is_a_guess);
  EXPECT_EQ(scan.groups[3].key, (GroupKey{"shop", "prod"}));
  EXPECT_FALSE(scan.groups[3].key_is_a_guess);
  EXPECT_THAT(scan.file_names, SizeIs(3));
}

TEST_F(LegacyImportTest, OfOurOwnListWhatCanBeTakenIsAndTheFileIsHeld) {
  const std::string long_env(1020, 'e');
  root_.Write("targets.json",
              R"([{"targets":["h:1"],"labels":{"env":"prod","job":"web"}},
                  {"targets":["h:2"],"labels":{"env":")" +
                  long_env + R"(","job":"web"}},
                  {"targets":["h:3"],"labels":{"env":")" +
                  long_env + R"(","job":"web"}},
                  {"targets":["h:4"],"labels":{"env":"prod"}}])");
  const ImportScan scan = Scan();
  EXPECT_THAT(scan.groups, SizeIs(2));
  EXPECT_THAT(scan.file_names, IsEmpty());
  EXPECT_THAT(scan.skipped, IsEmpty());
  ASSERT_THAT(scan.held, SizeIs(1));
  EXPECT_EQ(scan.held[0].name, "targets.json");
  EXPECT_THAT(scan.held[0].digest, SizeIs(64));
  EXPECT_THAT(scan.held[0].reason, HasSubstr("line 3: "));
  EXPECT_THAT(scan.held[0].reason, HasSubstr("line 4: it holds a group without the label job"));
  EXPECT_THAT(scan.held[0].reason, HasSubstr("2 groups of it taken over"));
}

TEST_F(LegacyImportTest, FilesOfOursThatCannotBeReadAreHeld) {
  root_.Write("elsewhere", List("h:1", "web", "prod"));
  fs::create_symlink(root_ / "elsewhere", root_ / "targets.json");
  fs::create_directory(root_ / "a@b.json");
  root_.Write("c@d.json", "[]");
  root_.Write("e@f.json", "");
  fs::resize_file(root_ / "e@f.json", (std::uintmax_t{64} << 20) + 1);
  const ImportScan scan = Scan();
  EXPECT_THAT(scan.groups, IsEmpty());
  ASSERT_THAT(scan.held, SizeIs(4));
  EXPECT_THAT(scan.held[0].reason, HasSubstr("directory"));
  EXPECT_THAT(scan.held[1].reason, HasSubstr("expected a group"));
  EXPECT_THAT(scan.held[2].reason, HasSubstr("64 MiB"));
  EXPECT_THAT(scan.held[3].reason, HasSubstr("symbolic link"));
  EXPECT_EQ(scan.held[3].digest, "");
}

std::string WithMeta(std::string_view application, std::string_view environment) {
  return R"([{"targets":["h:1"],"labels":{"__meta_target_eye_application":")" +
         std::string(application) + R"(","__meta_target_eye_environment":")" +
         std::string(environment) + R"(","env":"prod","job":"web"}}])";
}

TEST_F(LegacyImportTest, MetaLabelsTellTheKeyAndAreTakenAway) {
  const Labels labels = {{"env", "prod"}, {"job", "web"}};
  const GroupKey cut{std::string(500, 'a'), "b"};
  const std::string names[] = {"targets.json", "a%2Fb@c.json",
                               FileNameOf(FileSdLayout::kGroup, cut)};
  const GroupKey keys[] = {{"true", "key"}, {"a/b", "c"}, cut};
  for (std::size_t i = 0; i < std::size(names); ++i) {
    root_.Write(names[i], WithMeta(keys[i].application, keys[i].environment));
    const ImportScan scan = Scan();
    ASSERT_THAT(scan.groups, SizeIs(1)) << names[i];
    EXPECT_EQ(scan.groups[0].key, keys[i]);
    EXPECT_FALSE(scan.groups[0].key_is_a_guess);
    EXPECT_EQ(scan.groups[0].group.labels, labels);
    fs::remove(root_ / names[i]);
  }
}

TEST_F(LegacyImportTest, LabelsOfThatNameThatTellNoKeyOfOursAreLabels) {
  // A registration may have labels of any name; the file's name says whose it is.
  root_.Write("a@b.json", WithMeta("other", "key"));
  // No file of ours.
  root_.Write(kWebProd, WithMeta("other", "key"));
  // None that could be a key.
  root_.Write("targets.json", WithMeta("-", "key"));
  const ImportScan scan = Scan();
  ASSERT_THAT(scan.groups, SizeIs(3));
  EXPECT_EQ(scan.groups[0].key, (GroupKey{"web", "prod"}));
  EXPECT_EQ(scan.groups[1].key, (GroupKey{"a", "b"}));
  for (const ImportedGroup& group : scan.groups) EXPECT_THAT(group.group.labels, SizeIs(4));
}

TEST_F(LegacyImportTest, AnEmptyListOfOursIsPutAway) {
  root_.Write("targets.json", "[]\n");
  const ImportScan scan = Scan();
  EXPECT_THAT(scan.groups, IsEmpty());
  EXPECT_THAT(scan.file_names, ElementsAre("targets.json"));
}

}  // namespace
}  // namespace target_eye
