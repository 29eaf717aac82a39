// Draws one picture: generate MODEL PROMPT OUTPUT [SIZE] [STEPS]
#include <sd35/sd35.h>

#include <cstdio>
#include <cstdlib>

namespace {

const char* name_of(sd35::Stage stage) {
  switch (stage) {
    case sd35::Stage::load:
      return "load";
    case sd35::Stage::encode_prompt:
      return "encode the prompt";
    case sd35::Stage::denoise:
      return "denoise";
    case sd35::Stage::decode:
      return "decode";
    default:  // not of generate()
      return "";
  }
}

// A line for each stage, which is overwritten until the stage ends.
bool show(const sd35::Progress& progress) {
  std::fprintf(stderr, "\r%s: %3.0f %%", name_of(progress.stage), 100 * progress.fraction);
  if (progress.steps > 0) std::fprintf(stderr, ", step %d of %d", progress.step, progress.steps);
  if (progress.fraction >= 1) std::fputc('\n', stderr);
  return true;  // false would stop
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: generate MODEL PROMPT OUTPUT [SIZE] [STEPS]\n");
    return 2;
  }
  try {
    sd35::GenerateOptions options;
    options.prompt = argv[2];
    if (argc > 4) options.width = options.height = std::atoi(argv[4]);
    if (argc > 5) options.num_inference_steps = std::atoi(argv[5]);

    sd35::Callbacks callbacks;
    callbacks.on_progress = show;
    callbacks.on_warning = [](const std::string& message) {
      std::fprintf(stderr, "warning: %s\n", message.c_str());
    };

    sd35::check_output(argv[3]);
    sd35::Pipeline pipeline = sd35::Pipeline::from_pretrained(argv[1]);
    sd35::save(pipeline.generate(options, callbacks).at(0), argv[3]);
    std::printf("%s, made with sd35 %s\n", argv[3], sd35::version().c_str());
    return 0;
  } catch (const sd35::Error& error) {
    std::fprintf(stderr, "\nerror: %s\n", error.what());
    return 1;
  }
}
