#include "core/atomic_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "core/error.h"
#include "tests/support/child_process.h"
#include "tests/support/file_bytes.h"
#include "tests/support/file_error.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

// A disk that is full after `bytes` bytes of a file.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST(AtomicFile, AppearsOnlyOnCommit) {
  const TemporaryFolder folder;
  put_file(folder / "a.bin", "old");
  AtomicFile file(folder / "a.bin");
  file.write(bytes_of("new "));
  file.write(bytes_of("content"));
  EXPECT_EQ(file_bytes(folder / "a.bin"), "old");
  file.commit();
  EXPECT_EQ(file_bytes(folder / "a.bin"), "new content");
  EXPECT_EQ(folder.entries(), 1);
}

TEST(AtomicFile, WithoutCommitNothingHappened) {
  const TemporaryFolder folder;
  put_file(folder / "a.bin", "old");
  {
    AtomicFile file(folder / "a.bin");
    file.write(bytes_of("new"));
    file.open(folder / "b.bin");
    EXPECT_LE(folder.entries(), 2) << "opening again drops the first temporary";
  }
  EXPECT_EQ(file_bytes(folder / "a.bin"), "old");
  EXPECT_EQ(folder.entries(), 1);
}

TEST(AtomicFile, TwoWritersOfOneTargetDoNotMix) {
  const TemporaryFolder folder;
  AtomicFile first(folder / "a.bin");
  AtomicFile second(folder / "a.bin");
  first.write(bytes_of("first"));
  second.write(bytes_of("second"));
  second.commit();
  EXPECT_EQ(file_bytes(folder / "a.bin"), "second");
  first.commit();
  EXPECT_EQ(file_bytes(folder / "a.bin"), "first");
  EXPECT_EQ(folder.entries(), 1);
}

TEST(AtomicFile, FullDiskIsReportedAndLeavesTheTarget) {
  const TemporaryFolder folder;
  put_file(folder / "a.bin", "old");
  const std::string message = file_error([&] {
    const FileSizeLimit limit(1000);
    AtomicFile file(folder / "a.bin");
    file.write(bytes_of(std::string(1500, 'x')));
    file.commit();
  });
  EXPECT_EQ(message, "cannot write '" + (folder / "a.bin").string() + "': File too large");
  EXPECT_EQ(file_bytes(folder / "a.bin"), "old");
  EXPECT_EQ(folder.entries(), 1);
}

TEST(AtomicFile, WritingAfterAFailureIsAnError) {
  const TemporaryFolder folder;
  AtomicFile file(folder / "a.bin");
  {
    const FileSizeLimit limit(10);
    EXPECT_THROW(file.write(bytes_of(std::string(20, 'x'))), FileError);
  }
  EXPECT_THROW(file.write(bytes_of("more")), Error);
  EXPECT_THROW(file.commit(), Error);
  EXPECT_EQ(folder.entries(), 0);
}

TEST(AtomicFile, MissingFolder) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "none" / "a.bin";
  EXPECT_EQ(file_error([&] { AtomicFile file(path); }),
            "cannot write '" + path.string() + "': cannot create a file in folder '" +
                path.parent_path().string() + "': No such file or directory");
}

TEST(AtomicFile, UnwritableFolder) {
  const TemporaryFolder folder;
  fs::permissions(folder.path(), fs::perms(0555));
  const uid_t user = geteuid();
  ASSERT_EQ(seteuid(user == 0 ? 65534 : user), 0);  // permissions do not bind root
  const std::string message = file_error([&] { AtomicFile file(folder / "a.bin"); });
  ASSERT_EQ(seteuid(user), 0);
  fs::permissions(folder.path(), fs::perms(0755));
  EXPECT_EQ(message, "cannot write '" + (folder / "a.bin").string() + "': cannot create a file in folder '" +
                         folder.path().string() + "': Permission denied");
}

TEST(AtomicFile, RefusesWhatARenameWouldDestroy) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "folder");
  EXPECT_NE(file_error([&] { AtomicFile file(folder / "folder"); }).find("it is a folder"),
            std::string::npos);
  EXPECT_NE(file_error([&] { AtomicFile file("/dev/full"); }).find("not a regular file"), std::string::npos);
  fs::create_symlink("/dev/full", folder / "link");
  EXPECT_NE(file_error([&] { AtomicFile file(folder / "link"); }).find("not a regular file"),
            std::string::npos);
  EXPECT_NE(file_error([&] { AtomicFile file(""); }).find("names no file"), std::string::npos);
}

TEST(AtomicFile, KeepsASymbolicLink) {
  const TemporaryFolder folder;
  put_file(folder / "real.bin", "old");
  fs::create_symlink("real.bin", folder / "link.bin");
  AtomicFile file(folder / "link.bin");
  file.write(bytes_of("new"));
  file.commit();
  EXPECT_TRUE(fs::is_symlink(folder / "link.bin"));
  EXPECT_EQ(file_bytes(folder / "real.bin"), "new");
}

TEST(AtomicFile, NameAsLongAsTheFileSystemAllows) {
  const TemporaryFolder folder;
  const std::string name(255, 'n');
  AtomicFile file(folder / name);
  file.commit();
  EXPECT_EQ(file_bytes(folder / name), "");
}

TEST(AtomicFile, NameTooLongIsKnownAtOnce) {
  const TemporaryFolder folder;
  const fs::path path = folder / std::string(256, 'n');
  EXPECT_EQ(file_error([&] { AtomicFile file(path); }),
            "cannot write '" + path.string() + "': File name too long");
  EXPECT_EQ(folder.entries(), 0);
}

TEST(AtomicFile, AsNewReplacesNothing) {
  const TemporaryFolder folder;
  AtomicFile first(folder / "a.bin"), second(folder / "a.bin");
  first.write(bytes_of("first"));
  second.write(bytes_of("second"));
  EXPECT_TRUE(second.commit_as_new());
  EXPECT_FALSE(first.commit_as_new());
  EXPECT_EQ(file_bytes(folder / "a.bin"), "second");
  EXPECT_EQ(folder.entries(), 1);
}

TEST(AtomicFile, SaysAtOnceWhatCannotBeATarget) {
  const TemporaryFolder folder;
  EXPECT_NE(file_error([&] { AtomicFile file(folder / std::string(256, 'n')); }).find("File name too long"),
            std::string::npos);
  fs::create_symlink("loop", folder / "loop");
  EXPECT_NE(file_error([&] { AtomicFile file(folder / "loop"); }).find("Too many levels"), std::string::npos);
}

std::string argument_error(AtomicFile& file) {
  try {
    file.commit(Existing::refused);
  } catch (const ArgumentError& error) {
    return error.what();
  }
  return "no ArgumentError";
}

void expect_one_of_two_writers(const fs::path& target) {
  AtomicFile first(target), second(target);
  first.write(bytes_of("first"));
  second.write(bytes_of("second"));
  second.commit(Existing::refused);
  EXPECT_NE(argument_error(first).find("was made by another program"), std::string::npos);
  EXPECT_EQ(file_bytes(target), "second");
}

TEST(AtomicFile, OfTwoThatMakeANewFileOneDoes) {
  const TemporaryFolder folder;
  expect_one_of_two_writers(folder / "a.bin");
  EXPECT_EQ(folder.entries(), 1);
}

TEST(AtomicFile, RefusesWhatExists) {
  const TemporaryFolder folder;
  put_file(folder / "a.bin", "");
  fs::create_symlink("nowhere", folder / "link");
  refuse_existing(folder / "b.bin");
  EXPECT_THROW(refuse_existing(folder / "a.bin"), ArgumentError);
  EXPECT_THROW(refuse_existing(folder / "link"), ArgumentError);
  EXPECT_THROW(refuse_existing(folder / std::string(300, 'n')), FileError);
}

TEST(AtomicFile, WorksWithoutNamelessFiles) {
  const TemporaryFolder folder;
  put_file(folder / "a.bin", "old");
  const int status = run_in_child([&] {
    forbid_nameless_files();
    AtomicFile file(folder / "a.bin");
    file.write(bytes_of("new"));
    EXPECT_EQ(folder.entries(), 2) << "the temporary has a name";
    file.commit();
    EXPECT_EQ(file_bytes(folder / "a.bin"), "new");
    { AtomicFile dropped(folder / "b.bin"); }
    expect_one_of_two_writers(folder / "c.bin");
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(folder.entries(), 2);
}

TEST(AtomicFile, WorksWhereFilesGetNoSecondName) {
  const TemporaryFolder folder;
  put_file(folder / "a.bin", "old");
  const int status = run_in_child([&] {
    forbid_links();
    AtomicFile file(folder / "a.bin"), other(folder / "b.bin");
    file.write(bytes_of("new"));
    file.commit();
    EXPECT_EQ(file_bytes(folder / "a.bin"), "new");
    other.write(bytes_of(std::string(100'000, 'x')));
    other.commit();
    EXPECT_EQ(file_bytes(folder / "b.bin"), std::string(100'000, 'x'));
    expect_one_of_two_writers(folder / "c.bin");
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(folder.entries(), 3);
}

TEST(AtomicFile, NothingIsLeftOfAKilledWriterOnceAnotherWrites) {
  for (const bool nameless : {true, false}) {
    const TemporaryFolder folder;
    run_and_kill([&] {
      if (!nameless) forbid_nameless_files();
      AtomicFile file(folder / "a.bin");
      file.write(bytes_of("half"));
      raise(SIGKILL);
    });
    AtomicFile(folder / "b.bin").commit();
    EXPECT_EQ(folder.entries(), 1) << (nameless ? "nameless" : "named");
  }
}

}  // namespace
}  // namespace sd35
