#include "option_arguments.h"

#include <filesystem>
#include <set>
#include <vector>

#include "argument_values.h"
#include "arguments.h"
#include "options/options.h"
#include "sd35/error.h"
#include "standard_input.h"

namespace sd35::cli {
namespace {

// Null: CLI11 names the type.
const char* value_name(OptionKind kind) {
  switch (kind) {
    case OptionKind::bytes:
      return "SIZE";
    case OptionKind::file:
      return "FILE";
    case OptionKind::folder:
      return "FOLDER";
    default:
      return nullptr;
  }
}

// Adds the options that it visits.
class OptionAdder {
 public:
  OptionAdder(CLI::App& command, const OptionFilter& wanted) : command_(command), wanted_(wanted) {}

  template <class T>
  void operator()(const Option& option, T& value) {
    if (!wanted_(option)) return;
    CLI::Option* added = add(option, value)->group(std::string(option.group));
    if (const char* name = value_name(option.kind)) added->type_name(name);
  }

 private:
  template <class T>
  CLI::Option* add_value(const Option& option, T& value) {
    CLI::Option* added = command_.add_option(arguments_of(option), value, full_help(option));
    return option.unset.empty() ? added->capture_default_str() : added;
  }

  template <class T>
  CLI::Option* add(const Option& option, T& value) {
    return add_value(option, value);
  }

  CLI::Option* add(const Option& option, bool& value) {
    return command_.add_flag_callback(
        arguments_of(option), [&value, given = !value] { value = given; }, full_help(option));
  }

  CLI::Option* add(const Option& option, std::string& value) { return add_text(option, value); }
  CLI::Option* add(const Option& option, std::optional<std::string>& value) {
    return add_text(option, value);
  }

  template <class T>
  CLI::Option* add_text(const Option& option, T& value) {
    if (option.kind != OptionKind::text) return add_value(option, value);
    return command_.add_option_function<std::string>(
        arguments_of(option), [&value](const std::string& text) { value = text_argument(text); },
        full_help(option));
  }

  CLI::Option* add(const Option& option, std::uint64_t& value) {
    CLI::Option* added = add_value(option, value);
    if (option.kind != OptionKind::bytes) return added;
    return added->transform(
        [name = long_argument_of(option)](const std::string& size) { return memory_argument(name, size); });
  }

  // The second of two neighbours with one name takes the place of the first.
  CLI::Option* add(const Option& option, double& value) {
    const auto is_first = [&] { return first_ == nullptr || long_argument_of(option) != first_->get_name(); };
    if (is_first()) {
      first_ = add_value(option, value);
      first_value_ = &value;
      return first_;
    }
    const std::string help = first_->get_description();
    command_.remove_option(std::exchange(first_, nullptr));
    return command_
        .add_option_function<std::string>(
            arguments_of(option),
            [name = long_argument_of(option), start = first_value_, stop = &value](const std::string& pair) {
              std::tie(*start, *stop) = pair_argument(name, pair);
            },
            help)
        ->type_name(kPair);
  }

  CLI::Option* add(const Option& option, std::optional<double>& value) {
    if (option.zero.empty()) return add_value(option, value);
    return command_
        .add_option_function<std::string>(
            arguments_of(option),
            [name = long_argument_of(option), zero = std::string(option.zero),
             &value](const std::string& text) { value = text == zero ? 0 : read_number(name, text); },
            full_help(option))
        ->type_name("NUMBER");
  }

  CLI::Option* add(const Option& option, std::vector<int>& value) {
    return add_value(option, value)->delimiter(',');
  }
  CLI::Option* add(const Option& option, std::vector<double>& value) {
    return add_value(option, value)->delimiter(',');
  }

  CLI::Option* add(const Option& option, std::vector<LoraOptions>& loras) {
    return command_
        .add_option_function<std::vector<std::string>>(
            arguments_of(option),
            [name = long_argument_of(option), &loras](const std::vector<std::string>& files) {
              loras.clear();
              for (const std::string& file : files) loras.push_back(lora_argument(name, file));
            },
            full_help(option))
        ->allow_extra_args(false)
        ->type_name("FILE[:WEIGHT]");
  }

  CLI::App& command_;
  const OptionFilter& wanted_;
  CLI::Option* first_ = nullptr;  // the option of the number before
  double* first_value_ = nullptr;
};

template <class Options>
void add_all(CLI::App& command, Options& options, const OptionFilter& wanted) {
  visit_options(options, OptionAdder(command, wanted));
}

}  // namespace

void add_options(CLI::App& command, GenerateOptions& options, const OptionFilter& wanted) {
  add_all(command, options, wanted);
}

void add_options(CLI::App& command, LoadOptions& options, const OptionFilter& wanted) {
  add_all(command, options, wanted);
}

void add_options(CLI::App& command, ModelParts& parts) { add_all(command, parts, every_option); }

void add_to_help(CLI::App& command, const std::string& name, const std::string& more) {
  CLI::Option* option = command.get_option(name);
  option->description(option->get_description() + more);
}

void refuse_missing_values(CLI::App& program) {
  std::set<std::string> texts;
  visit_defaults<GenerateOptions>([&](const Option& option, const auto& /*value*/) {
    if (option.kind == OptionKind::text) texts.insert(long_argument_of(option));
  });
  for (CLI::App* command : program.get_subcommands({}))
    for (CLI::Option* option : command->get_options())
      if (option->get_items_expected_max() > 0 && !texts.contains(option->get_name()))
        option->check([command, option](const std::string& value) {
          const bool is_option = value.starts_with('-') && command->get_option_no_throw(value) != nullptr;
          if (!value.empty() && !is_option) return std::string();
          return "it needs a value" + (is_option ? " before " + value : "") +
                 "; its help: " + option->get_description();
        });
}

void check_texts(const CLI::App& command) {
  visit_defaults<GenerateOptions>([&](const Option& option, const auto& /*value*/) {
    if (option.kind != OptionKind::text) return;
    const std::string name = long_argument_of(option);
    const CLI::Option* given = command.get_option_no_throw(name);
    if (given == nullptr || given->count() < 2) return;
    const std::vector<std::string> texts = given->results();
    throw ArgumentError(name + ": which one, '" + texts[0] + "' or '" + texts[1] +
                        "'? A text of several words needs quotes");
  });
}

std::string argument_of(const std::string& name) {
  std::string argument;
  bool ambiguous = false;  // both kinds of options have one of this name
  const auto find = [&](const Option& option, const auto& /*value*/) {
    if (option.name != name) return;
    argument = ambiguous || !argument.empty() ? "" : long_argument_of(option);
    ambiguous = ambiguous || argument.empty();
  };
  visit_defaults<GenerateOptions>(find);
  visit_defaults<LoadOptions>(find);
  return argument;
}

}  // namespace sd35::cli
