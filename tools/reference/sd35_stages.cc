// Runs the stages of a model on the inputs of a safetensors file and writes their outputs to another: what
// compare.py holds against diffusers.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "tests/support/stages.h"
#include "tests/support/tensor_file.h"

int main(int argc, char** argv) try {
  std::string model, inputs, output, dtype = "f32", engine = "native", quantize, only;
  CLI::App app("Stages of a model on named inputs");
  app.add_option("--model", model)->required();
  app.add_option("--inputs", inputs)->required();
  app.add_option("-o,--output", output)->required();
  app.add_option("--dtype", dtype);
  app.add_option("--engine", engine);
  app.add_option("--quantize", quantize, "The transformer's weights");
  app.add_option("--only", only, "One stage, such as t5");
  CLI11_PARSE(app, argc, argv);

  const auto ops = sd35::make_ops(engine, sd35::dtype_from_name(dtype));
  sd35::NamedTensors tensors = sd35::read_tensors(inputs);
  std::erase_if(tensors, [&](const auto& named) { return !named.first.starts_with(only); });
  const sd35::NamedTensors outputs =
      sd35::run_stages(sd35::ModelFiles::open(model), *ops, tensors, sd35::weight_format_from_name(quantize));
  sd35::write_tensors(outputs, output);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "sd35-stages: %s\n", error.what());
  return 1;
}
