#include "core/new_folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include "core/atomic_file.h"
#include "core/error.h"
#include "tests/support/child_process.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

template <class Exception>
std::string message(const fs::path& target) {
  try {
    NewFolder folder(target);
  } catch (const Exception& error) {
    return error.what();
  }
  return "no such exception";
}

TEST(NewFolder, AppearsOnlyOnCommit) {
  const TemporaryFolder work;
  NewFolder folder(work / "a");
  folder.write("below/config.json", "{}");
  EXPECT_FALSE(fs::exists(work / "a"));
  folder.commit();
  EXPECT_EQ(file_bytes(work / "a/below/config.json"), "{}");
  EXPECT_EQ(work.entries(), 1);
}

TEST(NewFolder, NeedsAName) {
  EXPECT_NE(message<FileError>("").find("it has no name"), std::string::npos) << message<FileError>("");
}

// Not the temporary folder's, which the caller never saw and which is gone.
TEST(NewFolder, AFileInItFailsUnderTheNameItWouldHave) {
  const TemporaryFolder work;
  NewFolder folder(work / "a");
  const auto failure = [](const fs::path& file) -> std::string {
    try {
      const AtomicFile probe(file);
    } catch (const FileError& error) {
      return error.what();
    }
    return "no error";
  };
  folder.write("below/file", "");
  const std::string of_a = "cannot write '" + (work / "a/below").string();
  EXPECT_EQ(failure(folder / "below"), of_a + "': it is a folder");
  EXPECT_EQ(failure(folder / "below/missing/file").substr(0, of_a.size() + 14), of_a + "/missing/file'");
  EXPECT_EQ(failure(folder / "below/missing/file").find(".sd35-"), std::string::npos);
  folder.commit();
}

TEST(NewFolder, VanishesWithTheFoldersMadeForIt) {
  const TemporaryFolder work;
  { NewFolder(work / "above/and/a").write("b", "c"); }
  EXPECT_EQ(work.entries(), 0);
}

TEST(NewFolder, LeavesWhatOnlyLooksLikeItsTemporary) {
  const TemporaryFolder work;
  for (const char* name : {"a.incomplete", "a.tmp", ".sd35-notes.tmp", ".sd35-123-4.tmp"}) {
    fs::create_directory(work / name);
    put_file(work / name / "notes", "precious");
  }
  NewFolder folder(work / "a");
  folder.write("b", "c");
  folder.commit();
  for (const char* name : {"a.incomplete", "a.tmp", ".sd35-notes.tmp", ".sd35-123-4.tmp"})
    EXPECT_EQ(file_bytes(work / name / "notes"), "precious") << name;
}

TEST(NewFolder, TheFirstOfTwoWritersWinsWhole) {
  const TemporaryFolder work;
  for (const bool empty_before : {false, true}) {
    const fs::path target = work / (empty_before ? "b" : "a");
    if (empty_before) fs::create_directory(target);
    NewFolder first(target);
    NewFolder second(target);
    first.write("x", "first");
    second.write("x", "second");
    second.write("y", "second");
    second.commit();
    EXPECT_THROW(first.commit(), ArgumentError);
    EXPECT_EQ(file_bytes(target / "x"), "second");
    EXPECT_EQ(file_bytes(target / "y"), "second");
  }
  EXPECT_EQ(work.entries(), 2);
}

TEST(NewFolder, OfManyWritersAtOnceOneWins) {
  const TemporaryFolder work;
  std::atomic<int> won = 0, lost = 0;
  std::vector<std::thread> writers;
  for (int i = 0; i < 8; ++i)
    writers.emplace_back([&, i] {
      try {
        NewFolder folder(work / "a");
        for (int file = 0; file < 20; ++file) folder.write(std::to_string(file), std::to_string(i));
        folder.commit();
        ++won;
      } catch (const ArgumentError&) {
        ++lost;
      }
    });
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 7);
  EXPECT_EQ(work.entries(), 1);
  for (int file = 1; file < 20; ++file)
    EXPECT_EQ(file_bytes(work / "a" / std::to_string(file)), file_bytes(work / "a/0"));
}

TEST(NewFolder, SaysAtOnceWhatCannotBeMade) {
  const TemporaryFolder work;
  put_file(work / "file", "");
  fs::create_directory(work / "full");
  put_file(work / "full/file", "");
  fs::create_symlink("loop", work / "loop");
  EXPECT_NE(message<ArgumentError>(work / "file").find("file' exists already"), std::string::npos);
  EXPECT_NE(message<ArgumentError>(work / "full").find("full' exists already"), std::string::npos);
  EXPECT_NE(message<ArgumentError>("/proc").find("'/proc'"), std::string::npos);
  EXPECT_NE(message<FileError>(work / "loop/a").find("Too many levels of symbolic links"), std::string::npos);
  EXPECT_NE(message<FileError>(work / std::string(300, 'n')).find("File name too long"), std::string::npos);
  EXPECT_NE(message<FileError>(work / "file/a").find("Not a directory"), std::string::npos);
  EXPECT_EQ(work.entries(), 3);
}

TEST(NewFolder, FollowsALinkToAnEmptyFolder) {
  const TemporaryFolder work;
  fs::create_directory(work / "real");
  fs::create_directory_symlink("real", work / "link");
  NewFolder folder(work / "link");
  folder.write("a", "b");
  folder.commit();
  EXPECT_TRUE(fs::is_symlink(work / "link"));
  EXPECT_EQ(file_bytes(work / "real/a"), "b");
}

TEST(NewFolder, CopiesTheFilesOfAFolderThatCannotBeWritten) {
  const TemporaryFolder work;
  fs::create_directory(work / "from");
  put_file(work / "from/a", "b");
  fs::permissions(work / "from", fs::perms(0555));
  NewFolder folder(work / "to");
  folder.copy_files(work / "from", "below");
  folder.commit();
  fs::permissions(work / "from", fs::perms(0755));
  EXPECT_EQ(file_bytes(work / "to/below/a"), "b");
}

TEST(NewFolder, TheNextWriterClearsWhatAKilledOneLeft) {
  const TemporaryFolder work;
  run_and_kill([&] {
    const NewFolder folder(work / "a");
    folder.write("below/b", "c");
    raise(SIGKILL);
  });
  EXPECT_EQ(work.entries(), 1);
  AtomicFile(work / "file").commit();
  EXPECT_EQ(work.entries(), 1) << "the file";
}

TEST(NewFolder, NobodyClearsWhatIsBeingWritten) {
  const TemporaryFolder work;
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t other = fork();  // so that it has not looked at the folder before
  if (other == 0) {
    char ignored = 0;
    (void)!read(ready[0], &ignored, 1);
    AtomicFile(work / "file").commit();
    _exit(0);
  }
  NewFolder folder(work / "a");
  folder.write("b", "c");
  EXPECT_EQ(write(ready[1], "!", 1), 1);
  EXPECT_EQ(waitpid(other, nullptr, 0), other);
  folder.commit();
  EXPECT_EQ(file_bytes(work / "a/b"), "c");
  EXPECT_EQ(work.entries(), 2);
}

}  // namespace
}  // namespace sd35
