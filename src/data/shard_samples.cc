#include "core/messages.h"
#include "data/samples.h"
#include "data/tar.h"

namespace sd35 {
namespace {

struct MemberName {
  std::string stem;
  std::string extension;
};

// WebDataset: a sample's name goes up to the first dot of the last part of the path.
MemberName split_member(const std::string& member) {
  const std::size_t slash = member.rfind('/');
  const std::size_t dot = member.find('.', slash == member.npos ? 0 : slash + 1);
  if (dot == member.npos) return {member, ""};
  return {member.substr(0, dot), lower_case(std::string_view(member).substr(dot + 1))};
}

// Appends the samples of one shard, in the order in which their names first appear.
void list_shard(const std::filesystem::path& path, SampleList& list, const WarningFunction& warn) {
  const FileReader archive(path.string());
  const std::uint32_t file = list.add_file(path.string());
  std::vector<Sample> samples;
  std::map<std::string, std::size_t> places;
  for (const TarMember& member : read_tar_index(archive, warn)) {
    const MemberName name = split_member(member.name);
    const auto [place, added] = places.try_emplace(name.stem, samples.size());
    if (added) samples.emplace_back().key = path.filename().string() + "/" + name.stem;
    Sample& sample = samples[place->second];
    const bool had_picture = sample.picture.has_value();
    add_part(sample, name.extension, {file, member.offset, member.size}, path.string() + ": " + member.name,
             warn);
    if (!had_picture && sample.picture) sample.picture_member = member.name;
  }
  for (Sample& sample : samples) {
    if (sample.picture)
      list.samples.push_back(std::move(sample));
    else if (warn)
      warn("left out: sample " + in_quotes(sample.key) + " of " + in_quotes(path.string()) +
           " has no picture");
  }
}

}  // namespace

SampleList list_shards(const std::vector<std::filesystem::path>& shards, const WarningFunction& warn) {
  SampleList list;
  for (const std::filesystem::path& path : shards) list_shard(path, list, warn);
  return list;
}

}  // namespace sd35
