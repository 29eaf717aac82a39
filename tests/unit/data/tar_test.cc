#include "data/tar.h"

#include <gtest/gtest.h>

#include <cstring>

#include "core/error.h"
#include "data/tar_header.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

struct Listing {
  std::vector<std::pair<std::string, std::string>> members;  // name, contents
  std::vector<std::string> warnings;
  std::string error;
};

Listing list(const std::filesystem::path& path) {
  Listing listing;
  try {
    const FileReader archive(path.string());
    const auto warn = [&](const std::string& line) { listing.warnings.push_back(line); };
    for (const TarMember& member : read_tar_index(archive, warn)) {
      const std::vector<std::byte> bytes = archive.read(member.offset, member.size);
      listing.members.emplace_back(member.name,
                                   std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    }
  } catch (const FileError& error) {
    EXPECT_EQ(error.file(), path) << error.what();
    listing.error = error.what();
  }
  return listing;
}

Listing list_bytes(const std::string& bytes) {
  const TemporaryFolder folder;
  put_file(folder / "a.tar", bytes);
  return list(folder / "a.tar");
}

std::string text_of(const TarBlock& block) { return {block.begin(), block.end()}; }

// Corrects the checksum after a change to a header.
std::string sealed(TarBlock block) {
  std::memset(block.data() + 148, ' ', 8);
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  std::snprintf(block.data() + 148, 8, "%06o", sum);
  return text_of(block);
}

std::string member(const std::string& name, const std::string& contents, char type = '0') {
  return text_of(make_tar_header(name, contents.size(), type)) + contents +
         std::string(tar_padding(contents.size()), '\0');
}

std::string pax(const std::string& key, const std::string& value) {
  const std::string record = " " + key + "=" + value + "\n";
  std::string line = std::to_string(record.size() + 2) + record;
  if (record.size() + 2 > 99) line = std::to_string(record.size() + 3) + record;
  return member("PaxHeader", line, 'x');
}

const std::string kEnd(1024, '\0');

using Members = std::vector<std::pair<std::string, std::string>>;

TEST(Tar, WriterAndReaderAgree) {
  const TemporaryFolder folder;
  const std::string long_name = std::string(120, 'd') + "/" + std::string(90, 'f') + ".txt";
  const Members members = {{"000.png", std::string(1000, '\xff')},
                           {"000.txt", "a caption"},
                           {"empty.txt", ""},
                           {"exact.bin", std::string(512, 'x')},
                           {std::string(100, 'n'), "100 bytes of name"},
                           {std::string(101, 'm'), "101 bytes of name"},
                           {long_name, "long"},
                           {"b/\xc3\xa9.txt", "UTF-8"}};
  for (const char* file : {"a.tar", "b.tar"}) {
    TarWriter writer(folder / file);
    for (const auto& [name, contents] : members) writer.add(name, contents);
    EXPECT_FALSE(std::filesystem::exists(folder / file));
    writer.commit();
  }
  const Listing listing = list(folder / "a.tar");
  EXPECT_EQ(listing.members, members);
  EXPECT_TRUE(listing.warnings.empty());
  EXPECT_EQ(file_bytes(folder / "a.tar"), file_bytes(folder / "b.tar"));
  EXPECT_EQ(file_bytes(folder / "a.tar").size() % kTarBlock, 0u);
}

TEST(Tar, HeadersAreThoseOfTheStandard) {
  const TemporaryFolder folder;
  TarWriter writer(folder / "a.tar");
  writer.add("a.txt", "hello");
  writer.commit();
  // What GNU tar writes for --format=ustar --mode=644 --owner=0 --group=0 --numeric-owner --mtime=@0, but for
  // the devices' fields, which are for devices.
  std::string expected(512, '\0');
  const auto put = [&](std::size_t offset, const std::string& text) {
    expected.replace(offset, text.size(), text);
  };
  put(0, "a.txt");
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  put(124, "00000000005");
  put(136, "00000000000");
  put(156, "0");
  put(257, std::string("ustar\0"
                       "00",
                       8));
  unsigned sum = 8 * ' ';
  for (const char c : expected) sum += static_cast<unsigned char>(c);
  char checksum[8];
  std::snprintf(checksum, sizeof checksum, "%06o", sum);
  put(148, std::string(checksum, 7) + " ");
  const std::string bytes = file_bytes(folder / "a.tar");
  EXPECT_EQ(bytes.substr(0, 512), expected);
  EXPECT_EQ(bytes.substr(512), "hello" + std::string(507 + 1024, '\0'));
}

TEST(Tar, WriterRefusesWhatCannotBe) {
  const TemporaryFolder folder;
  TarWriter writer(folder / "a.tar");
  EXPECT_THROW(writer.add("", "x"), ArgumentError);
  EXPECT_THROW(writer.add("/etc/x", "x"), ArgumentError);
  EXPECT_THROW(writer.add(std::string_view("a\0b", 3), "x"), ArgumentError);
  EXPECT_THROW(TarWriter(folder / "no" / "a.tar"), FileError);
}

TEST(Tar, FormsOfOtherPrograms) {
  const std::string long_name(200, 'g');
  // GNU: the name as a member of type L.
  EXPECT_EQ(list_bytes(member("././@LongLink", long_name + '\0', 'L') + member("cut", "1") + kEnd).members,
            (Members{{long_name, "1"}}));
  // pax: path, and other records that we ignore.
  EXPECT_EQ(
      list_bytes(pax("path", "dir/" + long_name) + member("cut", "2") + member("b", "3") + kEnd).members,
      (Members{{"dir/" + long_name, "2"}, {"b", "3"}}));
  EXPECT_EQ(list_bytes(pax("mtime", "1.5") + member("a", "2") + kEnd).members, (Members{{"a", "2"}}));
  EXPECT_EQ(list_bytes(member("g", "11 path=z\n", 'g') + member("a", "2") + kEnd).members,
            (Members{{"a", "2"}}));
  // pax: a size that overrides the header's.
  EXPECT_EQ(list_bytes(pax("size", "3") + text_of(make_tar_header("a", 0, '0')) + "abc" +
                       std::string(509, '\0') + kEnd)
                .members,
            (Members{{"a", "abc"}}));
  // ustar: the prefix; GNU keeps times at that place.
  TarBlock block = make_tar_header("name", 0, '0');
  std::memcpy(block.data() + 345, "prefix/more", 11);
  EXPECT_EQ(list_bytes(sealed(block) + kEnd).members, (Members{{"prefix/more/name", ""}}));
  std::memcpy(block.data() + 257, "ustar  \0", 8);
  EXPECT_EQ(list_bytes(sealed(block) + kEnd).members, (Members{{"name", ""}}));
  // GNU: a size in binary.
  block = make_tar_header("binary", 0, '0');
  std::memset(block.data() + 124, 0, 12);
  block[124] = static_cast<char>(0x80);
  block[135] = 2;
  EXPECT_EQ(list_bytes(sealed(block) + "ok" + std::string(510, '\0') + kEnd).members,
            (Members{{"binary", "ok"}}));
  // Before POSIX: type NUL, no magic, numbers behind spaces.
  block = make_tar_header("old", 0, '\0');
  std::memset(block.data() + 257, 0, 8);
  std::memcpy(block.data() + 124, "          2 ", 12);
  EXPECT_EQ(list_bytes(sealed(block) + "ok" + std::string(510, '\0') + kEnd).members,
            (Members{{"old", "ok"}}));
  // Folders and links have no bytes; a leading ./ is dropped.
  EXPECT_EQ(
      list_bytes(member("d/", "", '5') + text_of(make_tar_header("l", 77, '1')) + member("./d/a", "1") + kEnd)
          .members,
      (Members{{"d/a", "1"}}));
  EXPECT_TRUE(list_bytes(kEnd).members.empty());
  EXPECT_TRUE(list_bytes(kEnd).error.empty());
}

TEST(Tar, TheStartMustBeAnArchive) {
  for (const std::string& bytes : {std::string(), std::string("\x1f\x8b"), std::string(512, 'x'),
                                   std::string(2000, 'y'), member("a", "1234").substr(0, 514)}) {
    const Listing listing = list_bytes(bytes);
    EXPECT_TRUE(listing.members.empty());
    EXPECT_NE(listing.error.find("a.tar' as a tar archive: "), std::string::npos) << listing.error;
    EXPECT_EQ(listing.error.find('\n'), std::string::npos);
  }
  EXPECT_NE(list("/nonexistent.tar").error, "");
  EXPECT_NE(list("/").error.find("not a regular file"), std::string::npos);
}

TEST(Tar, DamageEndsTheListWithOneLine) {
  const std::string good = member("first.txt", "1");
  TarBlock endless = make_tar_header("huge", 077777777777, '0');
  TarBlock overflow = make_tar_header("binary", 0, '0');
  std::memset(overflow.data() + 124, 0xff, 12);
  TarBlock beyond = overflow;
  beyond[124] = static_cast<char>(0x80);
  std::string flipped = member("b", "2");
  flipped[0] ^= 1;
  const std::vector<std::pair<std::string, std::string>> cases = {
      {flipped, "wrong checksum"},
      {text_of(endless), "'huge' of 8589934591 bytes goes beyond its end"},
      {sealed(overflow), "wrong checksum or size"},
      {sealed(beyond), "wrong checksum or size"},
      {pax("size", "999999999999999999") + member("b", "2"), "'b' of 999999999999999999 bytes goes beyond"},
      {pax("size", "9999999999999999999") + member("b", "2"), "malformed pax header"},
      {pax("size", "-1") + member("b", "2"), "malformed pax header"},
      {member("x", "99 path=a\n", 'x') + member("b", "2"), "malformed pax header"},
      {member("x", "4 p\n", 'x') + member("b", "2"), "malformed pax header"},
      {member("x", "path=a\n", 'x') + member("b", "2"), "malformed pax header"},
      {text_of(make_tar_header("x", 1 << 21, 'x')), "an extension header of 2097152 bytes"},
      {text_of(make_tar_header("L", 1000, 'L')), "ends inside an extension header"},
      {member("sparse", "", 'S'), "sparse file"},
      {"short", "ends inside a header"},
      {"", "no end mark"},
  };
  for (const auto& [bytes, problem] : cases) {
    const Listing listing = list_bytes(good + bytes);
    EXPECT_EQ(listing.members, (Members{{"first.txt", "1"}})) << problem;
    ASSERT_EQ(listing.warnings.size(), 1u) << problem;
    EXPECT_NE(listing.warnings[0].find(problem), std::string::npos) << listing.warnings[0];
    EXPECT_NE(listing.warnings[0].find("'first.txt'"), std::string::npos) << listing.warnings[0];
    EXPECT_NE(listing.warnings[0].find("a.tar'"), std::string::npos) << listing.warnings[0];
  }
}

TEST(Tar, CutAnywhereMembersBeforeAreRead) {
  const std::string whole = member("a.txt", "first") + member("b.txt", std::string(600, 'b')) + kEnd;
  for (std::size_t size = 0; size < whole.size(); size += 37) {
    const Listing listing = list_bytes(whole.substr(0, size));
    const std::size_t expected = size < 512 + 5 ? 0 : size < 1024 + 512 + 600 ? 1 : 2;
    EXPECT_EQ(listing.members.size(), expected) << size;
    EXPECT_EQ(listing.error.empty(), expected > 0) << size;
  }
}

}  // namespace
}  // namespace sd35
