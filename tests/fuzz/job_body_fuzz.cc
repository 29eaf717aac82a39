// Reads the input as the body of a request for pictures, in each dialect: its first byte chooses which. Only
// Error may come out; what is accepted must be within the limits of the server.
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "serving/dialects/a1111_request.h"
#include "serving/dialects/openai_request.h"
#include "serving/dialects/own_request.h"
#include "serving/dialects/sdcpp_request.h"
#include "tests/fuzz/allow_errors.h"

namespace sd35::serving {
namespace {

// With a tiny model, made once for each process.
struct FuzzedService {
  std::filesystem::path model = made_model();
  Metrics metrics;
  Models models{config(model), [](const std::string& warning) { check_line(warning); }};
  JobQueue jobs{QueueLimits(), JobQueue::Hooks()};
  Service service{models, jobs, metrics};

  ~FuzzedService() {
    std::error_code ignored;
    std::filesystem::remove_all(model.parent_path(), ignored);
  }
  static std::filesystem::path made_model() {
    std::string folder = (std::filesystem::temp_directory_path() / "sd35_fuzz_XXXXXX").string();
    require(mkdtemp(folder.data()) != nullptr);
    make_random_model({}, std::filesystem::path(folder) / "tiny");
    return std::filesystem::path(folder) / "tiny";
  }
  static ModelsConfig config(const std::filesystem::path& model) {
    ModelsConfig config;
    config.models = {{"tiny", model.string()}};
    return config;
  }
};

void check_request(const JobRequest& job, const Service& service) {
  const GenerateOptions& options = job.options;
  require(service.models.has(job.model));
  require(options.count >= 1 && options.count <= service.limits.count);
  require(*options.num_inference_steps <= service.limits.steps);
  require(static_cast<std::uint64_t>(*options.width) * static_cast<std::uint64_t>(*options.height) <=
          service.limits.pixels);
  require(options.init.picture.path.empty() || options.init.picture.picture != nullptr);
  require(options.loras.empty() && !options.recipe_paths);
  for (const std::string& warning : job.warnings) check_line(warning);
}

Request form(const std::string& body) {
  Request request;
  request.headers.add("Content-Type", "multipart/form-data; boundary=b");
  request.body = body;
  return request;
}

JobRequest read(std::uint8_t dialect, const std::string& body, Service& service) {
  switch (dialect % 6) {
    case 0:
      return own_job(parse_body(body), service);
    case 1: {
      Request request;
      request.body = body;
      return openai_generation(request, service).job;
    }
    case 2:
      return openai_edit(form(body), service).job;
    case 3:
      return a1111_text_to_image(parse_body(body), "tiny", service).job;
    case 4:
      return a1111_image_to_image(parse_body(body), "tiny", service).job;
    default:
      return sdcpp_job(parse_body(body), service);
  }
}

}  // namespace
}  // namespace sd35::serving

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sd35;
  static serving::FuzzedService fuzzed;
  if (size == 0) return 0;
  allow_errors([&] {
    const std::string body(text_of(data + 1, size - 1));
    serving::check_request(serving::read(data[0], body, fuzzed.service), fuzzed.service);
  });
  return 0;
}
