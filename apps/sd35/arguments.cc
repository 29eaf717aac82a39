#include "arguments.h"

#include <algorithm>
#include <charconv>
#include <climits>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

#include "core/similar_names.h"
#include "sd35/error.h"

namespace sd35::cli {
namespace {

constexpr const char* kBlanks = " \t\r\n";

bool looks_like_an_option(const std::string& argument) {
  return argument.size() > 1 && argument[0] == '-' &&
         std::isdigit(static_cast<unsigned char>(argument[1])) == 0 &&
         std::string(kBlanks).find(argument[1]) == std::string::npos;
}

bool looks_like_a_number(const std::string& argument) {
  return !argument.empty() && argument.find_first_not_of("0123456789.,") == argument.npos;
}

// "--seed" of "--seed=5", "-s" of "-s5".
std::string option_name(const std::string& argument) {
  return argument.starts_with("--") ? argument.substr(0, argument.find('=')) : argument.substr(0, 2);
}

bool has_value_attached(const std::string& argument) {
  return argument.starts_with("--") ? argument.find('=') != argument.npos : argument.size() > 2;
}

// "--seed="
bool has_empty_value(const std::string& argument) {
  return argument.starts_with("--") && argument.find('=') == argument.size() - 1;
}

// What diffusers and other programs call our options.
constexpr std::pair<std::string_view, std::string_view> kOtherNames[] = {
    {"--num-inference-steps", "--steps"},
    {"--num_inference_steps", "--steps"},
    {"--num-images-per-prompt", "--count"},
    {"--num_images_per_prompt", "--count"},
    {"--batch-size", "--count"},
    {"--cfg-scale", "--guidance-scale"},
    {"--cfg", "--guidance-scale"},
    {"--size", "--width and --height"},
    {"--sampling-method", "--sampler"},
    {"--scheduler", "--sampler"},
    {"--torch-dtype", "--dtype"},
    {"--torch_dtype", "--dtype"},
    {"--lora-scale", "--lora FILE:WEIGHT"},
};

[[noreturn]] void fail_unknown(const CLI::App& command, const std::string& name) {
  std::vector<std::string> known;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& long_name : option->get_lnames()) known.push_back("--" + long_name);
  const auto* other =
      std::ranges::find(kOtherNames, name, &std::pair<std::string_view, std::string_view>::first);
  const bool ours =
      other != std::end(kOtherNames) &&
      command.get_option_no_throw(std::string(other->second.substr(0, other->second.find(' '))));
  throw ArgumentError("unknown option " + name +
                      (ours ? "; here it is " + std::string(other->second) : did_you_mean(name, known)) +
                      " (sd35 " + command.get_name() + " --help)");
}

// Null for a word. Throws for an option that does not exist.
const CLI::Option* find_option(const CLI::App& command, const std::string& argument) {
  if (!looks_like_an_option(argument)) return nullptr;
  const std::string name = option_name(argument);
  // "-p cat" as one argument is an option, "-40 degrees, -a lot- of snow" a text.
  if (const CLI::Option* option = command.get_option_no_throw(name.substr(0, name.find_first_of(kBlanks))))
    return option;
  if (argument.find_first_of(kBlanks) == argument.npos) fail_unknown(command, name);
  return nullptr;
}

// How many values of `option` an argument holds: "7,8,9" is three where commas part them.
int values_in(const CLI::Option& option, const std::string& argument) {
  if (option.get_delimiter() == '\0') return 1;
  return 1 + static_cast<int>(std::ranges::count(argument, option.get_delimiter()));
}

// How many of `arguments` from `at`, which is one of the option's names, belong to the option.
std::size_t arguments_of(const CLI::Option& option, const std::vector<std::string>& arguments,
                         std::size_t at) {
  constexpr int kEndless = 1000;  // CLI11's lists have some large number
  if (option.get_items_expected_max() == 0) return 1;
  const int least = std::min(option.get_type_size_min(), option.get_items_expected_min());
  const int most = option.get_allow_extra_args()                 ? INT_MAX
                   : option.get_items_expected_max() >= kEndless ? 1
                                                                 : option.get_items_expected_max();
  std::size_t end = at + 1;
  int values = has_value_attached(arguments[at]) ? values_in(option, arguments[at]) : 0;
  for (; end < arguments.size() && values < most; ++end) {
    // Lists are of numbers; a word after them belongs to the prompt.
    if (values >= least && !looks_like_a_number(arguments[end])) break;
    values += values_in(option, arguments[end]);
  }
  return end - at;
}

std::string in_apostrophes(const std::string& text) { return "'" + text + "'"; }

// Validators of CLI11: return what is wrong, or "" and leave the number in the form that CLI11 reads.
template <class Integer>
std::string check_whole_number(std::string& text) {
  const std::string digits = text.substr(text.starts_with('-') ? 1 : 0);
  if (digits.empty() || digits.find_first_not_of("0123456789") != digits.npos)
    return in_apostrophes(text) + " is not a whole number";
  if (std::is_unsigned_v<Integer> && text.starts_with('-')) return text + " is below 0";
  Integer value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc())
    return text + " is out of range; " + std::to_string(std::numeric_limits<Integer>::min()) + " to " +
           std::to_string(std::numeric_limits<Integer>::max()) + " is possible";
  text = std::to_string(value);
  return "";
}

std::string check_fraction(std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (stop != end || error == std::errc::invalid_argument || (error == std::errc() && !std::isfinite(value)))
    return in_apostrophes(text) + " is not a number";
  return error == std::errc() ? "" : text + " is out of range";
}

}  // namespace

std::vector<std::string> checked_arguments(const CLI::App& command,
                                           const std::vector<std::string>& arguments) {
  const bool takes_prompt = command.get_option_no_throw("--prompt") != nullptr;
  std::vector<std::string> checked{arguments.at(0)}, words;
  for (std::size_t i = 1; i < arguments.size();) {
    if (arguments[i] == "--") {
      words.insert(words.end(), arguments.begin() + static_cast<std::ptrdiff_t>(takes_prompt ? i + 1 : i),
                   arguments.end());
      break;
    }
    const CLI::Option* option = find_option(command, arguments[i]);
    std::vector<std::string>& target = option == nullptr && takes_prompt ? words : checked;
    const std::size_t end = i + (option == nullptr ? 1 : arguments_of(*option, arguments, i));
    if (option != nullptr && has_empty_value(arguments[i]))  // CLI11 would take what follows for the value
      target.insert(target.end(), {option_name(arguments[i++]), ""});
    for (; i < end; ++i) target.push_back(arguments[i]);
    const bool half_a_pair =
        option != nullptr && option->get_type_name() == kPair && target.back().find(',') == std::string::npos;
    if (half_a_pair && i < arguments.size() && looks_like_a_number(arguments[i]))
      target.back() += "," + arguments[i++];
  }
  if (!takes_prompt || words.empty()) {
    checked.insert(checked.end(), words.begin(), words.end());
    return checked;
  }
  std::string prompt = words.front();
  for (std::size_t i = 1; i < words.size(); ++i) prompt += ' ' + words[i];
  checked.insert(checked.end(), {"--prompt", prompt});
  return checked;
}

void read_numbers_strictly(CLI::App& program) {
  for (CLI::App* command : program.get_subcommands({}))
    for (CLI::Option* option : command->get_options()) {
      const std::string type = option->get_type_name();
      if (type.starts_with("INT")) option->transform(CLI::Validator(check_whole_number<std::int32_t>, ""));
      if (type.starts_with("UINT")) option->transform(CLI::Validator(check_whole_number<std::uint64_t>, ""));
      if (type.starts_with("FLOAT")) option->transform(CLI::Validator(check_fraction, ""));
    }
}

double read_number(const std::string& what, const std::string& text) {
  std::string number = text;
  if (const std::string problem = check_fraction(number); !problem.empty())
    throw ArgumentError(what + ": " + problem);
  double value = 0;
  std::from_chars(number.data(), number.data() + number.size(), value);
  return value;
}

}  // namespace sd35::cli
