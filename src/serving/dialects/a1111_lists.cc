// The lists of A1111's API: models, samplers and LoRAs, and those that are empty here.
#include <sys/sysinfo.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "serving/dialects/a1111.h"
#include "serving/dialects/a1111_request.h"
#include "serving/dialects/json_body.h"

namespace sd35::serving {
namespace {

JsonOut models_list(const Service& service) {
  JsonOut models = JsonOut::array();
  for (const std::string& name : service.models.names())
    models.push_back({{"title", name},
                      {"model_name", name},
                      {"hash", nullptr},
                      {"sha256", nullptr},
                      {"filename", name},
                      {"config", nullptr}});
  return models;
}

JsonOut samplers_list() {
  JsonOut samplers = JsonOut::array();
  for (const A1111Sampler& sampler : a1111_samplers())
    samplers.push_back(
        {{"name", sampler.name}, {"aliases", sampler.aliases}, {"options", JsonOut::object()}});
  return samplers;
}

JsonOut schedulers_list() {
  return JsonOut::array({{{"name", "automatic"},
                          {"label", "Automatic"},
                          {"aliases", nullptr},
                          {"default_rho", -1.0},
                          {"need_inner_model", false}},
                         {{"name", "simple"},
                          {"label", "Simple"},
                          {"aliases", nullptr},
                          {"default_rho", -1.0},
                          {"need_inner_model", true}}});
}

JsonOut loras_list(const Service& service) {
  JsonOut loras = JsonOut::array();
  for (const std::string& name : service.models.loras())
    loras.push_back({{"name", name}, {"alias", name}, {"path", name}, {"metadata", JsonOut::object()}});
  return loras;
}

JsonOut upscalers_list() {
  return JsonOut::array({{{"name", "None"},
                          {"model_name", nullptr},
                          {"model_path", nullptr},
                          {"model_url", nullptr},
                          {"scale", 4.0}}});
}

JsonOut memory() {
  struct sysinfo now {};
  sysinfo(&now);
  const auto bytes = [&](unsigned long units) { return static_cast<std::uint64_t>(units) * now.mem_unit; };
  return {{"ram",
           {{"free", bytes(now.freeram)},
            {"used", bytes(now.totalram - now.freeram)},
            {"total", bytes(now.totalram)}}},
          {"cuda", JsonOut::object()}};
}

}  // namespace

void add_a1111_lists(Router& router, Service& service) {
  const auto add = [&](const char* method, const std::string& name, std::function<JsonOut()> answer,
                       bool takes_a_while = false) {
    router.add(
        {method, "/sdapi/v1/" + name, Dialect::a1111,
         [answer = std::move(answer)](const Call& call) { call.respond(200, to_line(answer()) + "\n"); },
         false, takes_a_while});
  };
  add("GET", "sd-models", [&service] { return models_list(service); });
  add("GET", "samplers", samplers_list);
  add("GET", "schedulers", schedulers_list);
  add("GET", "loras", [&service] { return loras_list(service); });
  add("GET", "upscalers", upscalers_list);
  add("GET", "memory", memory);
  add("GET", "cmd-flags", [] { return JsonOut::object(); });
  add("GET", "embeddings", [] {
    return JsonOut{{"loaded", JsonOut::object()}, {"skipped", JsonOut::object()}};
  });
  add("GET", "scripts", [] { return JsonOut{{"txt2img", JsonOut::array()}, {"img2img", JsonOut::array()}}; });
  for (const char* name : {"latent-upscale-modes", "sd-vae", "sd-modules", "hypernetworks", "face-restorers",
                           "realesrgan-models", "prompt-styles"})
    add("GET", name, [] { return JsonOut::array(); });
  const auto refresh = [&service] {
    service.models.refresh_loras();
    return JsonOut();
  };
  add("POST", "refresh-checkpoints", refresh, true);
  add("POST", "refresh-loras", refresh, true);
  add(
      "POST", "unload-checkpoint",
      [&service] {
        service.models.release_all();
        return JsonOut::object();
      },
      true);
  // It is loaded again by the picture that needs it.
  add("POST", "reload-checkpoint", [] { return JsonOut::object(); });
}

}  // namespace sd35::serving
