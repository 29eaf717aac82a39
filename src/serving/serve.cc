#include "serving/serve.h"

#include <nlohmann/json.hpp>
#include <thread>

#include "core/error.h"
#include "serving/dialects/a1111.h"
#include "serving/dialects/openai.h"
#include "serving/dialects/own.h"
#include "serving/dialects/sdcpp.h"
#include "serving/jobs/drawing.h"
#include "serving/log.h"
#include "serving/metrics.h"
#include "serving/page/page.h"
#include "serving/router.h"

namespace sd35::serving {
namespace {

using namespace std::chrono_literals;

constexpr auto kBetweenLooks = 20ms;
// For last answers to leave after the jobs have ended.
constexpr auto kLastAnswers = 5s;

void check(const ServeOptions& options) {
  if (options.token.empty() && !is_loopback(options.address.host))
    throw ArgumentError("an address that others can reach needs a token: --token-file FILE, or SD35_TOKEN");
}

JobQueue::Hooks hooks_of_jobs(const ServeOptions& options, Models& models, Metrics& metrics, Log& log) {
  JobQueue::Hooks hooks;
  hooks.draw = [&](Job& job) { draw(job, models, metrics); };
  hooks.explain = [&] {
    try {
      throw;
    } catch (const std::exception& error) {
      log.warn(std::string("a job failed: ") + error.what());
      return explained(models);
    }
  };
  hooks.ended = [&](const Job& job) {
    const JobState state = job.state();
    metrics.add("sd35_jobs_total", {{"dialect", job.request().dialect}, {"status", name_of(state.status)}});
    const Time begin = state.started.value_or(state.created);
    nlohmann::ordered_json line{
        {"job", job.id()},
        {"dialect", job.request().dialect},
        {"model", job.request().model},
        {"status", name_of(state.status)},
        {"pictures", state.pictures.size()},
        {"seconds", std::chrono::duration<double>(state.finished.value_or(begin) - begin).count()}};
    if (options.log_prompts) line["prompt"] = job.request().options.prompt;
    log.write(line);
  };
  hooks.idle = [&] { models.release_idle(); };
  return hooks;
}

ServerHooks hooks_of_server(Router& router, Metrics& metrics, Log& log) {
  ServerHooks hooks;
  hooks.gate = [&](const Request& request) { return router.gate(request); };
  hooks.handler = [&](const std::shared_ptr<Exchange>& exchange) { router.handle(exchange); };
  hooks.complete = [&](const Request& request, Response& response) { router.complete(request, response); };
  hooks.answered = [&](const Request& request, int status, std::uint64_t bytes, double seconds) {
    const auto known = router.known(request);
    const std::string route = known ? known->first : "none",
                      dialect = known ? name_of(known->second) : "none";
    metrics.add("sd35_http_requests_total",
                {{"dialect", dialect}, {"route", route}, {"code", std::to_string(status)}});
    metrics.observe("sd35_http_request_seconds", seconds);
    log.write({{"id", request.id},
               {"peer", request.peer},
               {"method", known ? request.method : "-"},
               {"route", route},
               {"code", status},
               {"bytes", bytes},
               {"seconds", seconds}});
  };
  return hooks;
}

// What was asked for is answered, or refused.
void end(const ServeOptions& options, Service& service, Router& router, Server& server) {
  service.draining = true;
  server.stop_accepting();
  service.jobs.stop(options.drain);
  router.stop();
  const auto until = std::chrono::steady_clock::now() + kLastAnswers;
  while (server.connections() > 0 && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(kBetweenLooks);
}

}  // namespace

void serve(const ServeOptions& options, const std::function<void(const Address&)>& listening,
           const std::function<bool()>& stop_requested) {
  check(options);
  Log log(options.log_json);
  Metrics metrics;
  Models models(options.models, [&](const std::string& warning) { log.warn(warning); });
  JobQueue jobs(options.queue, hooks_of_jobs(options, models, metrics, log));
  Service service{models, jobs, metrics, options.request, options.public_url};
  service.limits.body_bytes = options.server.body_bytes;
  Router router(service,
                Access({is_loopback(options.address.host), options.hosts, options.origins, options.token}));
  add_health_routes(router, service);
  add_own_routes(router, service);
  add_openai_routes(router, service);
  add_a1111_routes(router, service);
  add_sdcpp_routes(router, service);
  const bool has_page = options.page && add_page_routes(router, options.page_folder);

  Server server(options.server, hooks_of_server(router, metrics, log));
  const Address address = server.listen(options.address);
  std::thread network([&] { server.run(); });
  jobs.start();
  listening(address);
  if (options.page && !has_page) log.warn("the program was built without the page");
  while (!stop_requested()) {
    metrics.set("sd35_connections", server.connections());
    std::this_thread::sleep_for(kBetweenLooks);
  }
  end(options, service, router, server);
  server.stop();
  network.join();
}

}  // namespace sd35::serving
