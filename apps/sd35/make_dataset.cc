// sd35 make-dataset: drawn scenes with captions, and prompts that were held out from them.
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <sstream>

#include "arguments.h"
#include "commands.h"
#include "interrupt.h"
#include "output_names.h"
#include "reporter.h"
#include "sd35/sd35.h"
#ifdef SD35_HAS_SCENES
#include "core/threads.h"
#include "lab/drawing/write_dataset.h"
#endif

namespace sd35::cli {
namespace {

constexpr const char* kDatasetFooter =
    "Examples:\n"
    "  sd35 make-dataset scenes -n 20000 --size 128\n"
    "  sd35 make-dataset -n 200 --prompts words.jsonl --kind words\n"
    "Kinds: words, thing, colour, shape, position, count, background, hybrid, wearing, holding, standing; "
    "prompts are of the first seven. What is held out, and what the files hold: docs/dataset.md.";

struct MakeDatasetArguments {
  std::string output, contact_sheet, captions, prompts, vocabulary;
  std::string sizes = "128", sprites = "fluent", split, kind, mix;
  std::uint64_t count = 0, seed = 0, shard_samples = 5000;
  std::string word_sources, typefaces;
  std::vector<std::string> said;
  std::size_t fewest_words = 0, most_words = 0, shortest_word = 0, longest_word = 0;  // 0: as usual
  double tracking = 0, smallest_capital = 0;
  bool common_things = false, plain_backgrounds = false;
  int threads = 0;
  bool quiet = false;
};

#ifdef SD35_HAS_SCENES

struct Share {
  std::string name;
  double value = 0;
};

// "red=0.5"
Share read_share(const std::string& option, const std::string& part, const char* example) {
  const std::size_t equals = part.rfind('=');
  if (equals == part.npos)
    throw ArgumentError(option + " is written as " + example + "; '" + part + "' is not of that form");
  return {part.substr(0, equals), read_number(option + " " + part, part.substr(equals + 1))};
}

// "red=0.5,blue=1": what is not named is not drawn.
template <std::size_t N, class PlaceOf>
void read_shares(const std::string& option, const std::string& text, const char* example, PlaceOf place_of,
                 std::array<double, N>& shares) {
  if (text.empty()) return;
  shares.fill(0);
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    const Share share = read_share(option, part, example);
    shares[static_cast<std::size_t>(place_of(share.name))] = share.value;
  }
}

void read_mix(const std::string& text, SceneOptions& scenes) {
  read_shares("--mix", text, "words=0.5,thing=0.2", scene_kind_from_name, scenes.mix);
}

// "Hello World=0.02"
SaidWords read_said(const std::string& text) {
  const Share share = read_share("--say", text, "\"Hello World=0.02\"");
  SaidWords said{.words = {}, .share = share.value};
  std::istringstream words(share.name);
  for (std::string word; words >> word;) said.words.push_back(word);
  return said;
}

Split read_split(const std::string& name) {
  if (name == "train") return Split::train;
  if (name == "heldout") return Split::heldout;
  throw ArgumentError("--split " + name + ": it is train or heldout");
}

DatasetOptions read_options(const MakeDatasetArguments& arguments) {
  const bool prompts = !arguments.prompts.empty();
  DatasetOptions options;
  SceneOptions& scenes = options.scenes;
  scenes.split = read_split(!arguments.split.empty() ? arguments.split : prompts ? "heldout" : "train");
  if (prompts) {  // one plain word that a person could have chosen
    scenes.most_words = 1;
    scenes.shortest_word = 3;
    scenes.longest_word = 6;
    scenes.word_sources = {1, 0, 0};
  }
  if (!arguments.mix.empty()) read_mix(arguments.mix, scenes);
  if (!arguments.kind.empty()) read_mix(arguments.kind + "=1", scenes);
  read_shares("--word-sources", arguments.word_sources, "dictionary=0.5,random=0.5", word_source_from_name,
              scenes.word_sources);
  read_shares("--typefaces", arguments.typefaces, "lato=0.7,quicksand=0.3", typeface_named, scenes.typefaces);
  for (const std::string& said : arguments.said) scenes.said.push_back(read_said(said));
  scenes.tracking = arguments.tracking;
  if (arguments.fewest_words > 0) scenes.fewest_words = arguments.fewest_words;
  if (arguments.most_words > 0) scenes.most_words = arguments.most_words;
  if (arguments.shortest_word > 0) scenes.shortest_word = arguments.shortest_word;
  if (arguments.longest_word > 0) scenes.longest_word = arguments.longest_word;
  scenes.common_things_only = arguments.common_things;
  scenes.plain_backgrounds_only = arguments.plain_backgrounds;
  options.smallest_capital = arguments.smallest_capital;
  options.seed = arguments.seed;
  options.count = arguments.count;
  options.sizes = parse_sizes(arguments.sizes);
  options.sprites = parse_sprites(arguments.sprites);
  options.shard_samples = arguments.shard_samples;
  return options;
}

void run(const MakeDatasetArguments& arguments) {
  const bool scenes_wanted = !arguments.output.empty() || !arguments.captions.empty() ||
                             !arguments.prompts.empty() || !arguments.contact_sheet.empty();
  if (!scenes_wanted && arguments.vocabulary.empty())
    throw ArgumentError("what to write? A folder, --contact-sheet, --captions, --prompts or --vocabulary");
  if (scenes_wanted && arguments.count == 0)
    throw ArgumentError("how many? --count takes a number from 1 on");
  if (!arguments.prompts.empty() && arguments.kind.empty())
    throw ArgumentError(
        "prompts of which kind? --kind words, thing, colour, shape, position, count or background");
  check_different({{"the folder", arguments.output},
                   {"--contact-sheet", arguments.contact_sheet},
                   {"--captions", arguments.captions},
                   {"--prompts", arguments.prompts},
                   {"--vocabulary", arguments.vocabulary}});
  const DatasetOptions options = read_options(arguments);
  const ThreadCount threads(arguments.threads);
  const auto start = std::chrono::steady_clock::now();
  double shown = 0;
  const DatasetProgress progress = [&](std::uint64_t done, std::uint64_t total) {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (!arguments.quiet && (done == total || seconds - shown > 5)) {
      shown = seconds;
      std::fprintf(stderr, "%llu of %llu, %.0f a second\n", static_cast<unsigned long long>(done),
                   static_cast<unsigned long long>(total), static_cast<double>(done) / seconds);
    }
    return !interrupted();
  };
  if (!arguments.vocabulary.empty()) write_vocabulary(arguments.vocabulary, options.scenes);
  if (!arguments.contact_sheet.empty()) write_contact_sheet(arguments.contact_sheet, options, progress);
  if (!arguments.captions.empty()) write_captions(arguments.captions, options, progress);
  if (!arguments.prompts.empty()) write_prompts(arguments.prompts, options, progress);
  if (!arguments.output.empty()) write_dataset(arguments.output, options, progress);
}

#else

void run(const MakeDatasetArguments& /*arguments*/) {
  throw ArgumentError(
      "this program was built without the scene generator; in the source, tools/build-program build-tools "
      "\"build scenes\" -DSD35_SCENES=ON makes build-tools/bin/sd35, which has it");
}

#endif

std::string typefaces_text() {
  std::string text = "Shares of the typefaces, as in lato=0.7,quicksand=0.3; default: the first eight of";
#ifdef SD35_HAS_SCENES
  for (const Typeface& face : typefaces()) text += " " + std::string(face.name);
#endif
  return text;
}

void add_scene_options(CLI::App& command, MakeDatasetArguments& arguments) {
  const std::string group = "Scenes";
  command.add_option("--split", arguments.split, "train or heldout; default: train, with --prompts heldout")
      ->group(group);
  command.add_option("--mix", arguments.mix, "Shares of the kinds, as in words=0.5,thing=0.2")->group(group);
  command.add_option("--kind", arguments.kind, "One kind only")->group(group);
  command.add_option("--min-words", arguments.fewest_words, "On a sign; default: 1")->group(group);
  command
      .add_option("--sprites", arguments.sprites,
                  "Pictures of things: fluent, noto (a font), or shares of them as in fluent=0.9,noto=0.1")
      ->capture_default_str()
      ->group(group);
  command.add_option("--max-words", arguments.most_words, "On a sign; default: 3, with --prompts 1")
      ->group(group);
  command.add_option("--min-letters", arguments.shortest_word, "Of a word; default: 2, with --prompts 3")
      ->group(group);
  command.add_option("--max-letters", arguments.longest_word, "Of a word; default: 8, with --prompts 6")
      ->group(group);
  command
      .add_option("--word-sources", arguments.word_sources,
                  "Shares of dictionary, invented and random words; default: "
                  "dictionary=0.65,invented=0.2,random=0.15, with --prompts dictionary=1")
      ->group(group);
  command
      .add_option(
          "--say", arguments.said,
          "A text that a share of the signs says, as in \"Hello World=0.02\"; more than once for several")
      ->take_all()
      ->group(group);
  command.add_option("--typefaces", arguments.typefaces, typefaces_text())->group(group);
  command.add_option("--tracking", arguments.tracking, "Space added between letters, in font sizes")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--smallest-capital", arguments.smallest_capital,
                  "Scenes whose capital letters are lower than this many pixels are drawn again at random")
      ->check(CLI::NonNegativeNumber)
      ->group(group);
  command.add_flag("--common-things", arguments.common_things, "The best known things only")->group(group);
  command
      .add_flag("--plain-backgrounds", arguments.plain_backgrounds,
                "White and pale ones, except for scenes about one")
      ->group(group);
}

}  // namespace

void add_make_dataset(CLI::App& app) {
  auto arguments = std::make_shared<MakeDatasetArguments>();
  CLI::App* command = app.add_subcommand("make-dataset", "Draw scenes with captions, to train on");
  command->add_option("output", arguments->output,
                      "The folder of WebDataset archives to write; it must not exist");
  command->add_option("-n,--count", arguments->count, "Samples, captions or prompts")
      ->check(CLI::PositiveNumber);
  command
      ->add_option("--size", arguments->sizes,
                   "128, or 192x128 (width first), or several of them with commas")
      ->capture_default_str();
  command->add_option("-s,--seed", arguments->seed, "The same seed gives the same files")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--shard-samples", arguments->shard_samples, "Samples in an archive")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--contact-sheet", arguments->contact_sheet,
                      "A picture file with the first 120 samples and their captions");
  command->add_option("--captions", arguments->captions, "A text file with the captions alone");
  command->add_option("--prompts", arguments->prompts, "A file of prompts for sd35 evaluate; needs --kind");
  command->add_option(
      "--vocabulary", arguments->vocabulary,
      "A file sd35.json with the words that the captions hold, for the folder of a model that learns "
      "from them");
  add_scene_options(*command, *arguments);
  command->add_option("--threads", arguments->threads, "0: one per core that may be used")
      ->capture_default_str();
  command->add_flag("--quiet", arguments->quiet, "Print only errors");
  command->footer(kDatasetFooter);
  command->callback([arguments] { run(*arguments); });
}

}  // namespace sd35::cli
