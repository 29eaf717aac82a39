#include "train/process_group.h"

#include <ATen/ATen.h>
#include <torch/version.h>

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#if __has_include(<gloo/algorithm.h>)
#define SD35_HAS_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#endif
#ifdef USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif
#if TORCH_VERSION_MAJOR >= 2
#include <torch/csrc/distributed/c10d/Backend.hpp>
#else
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#endif

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <optional>

#include "core/error.h"

namespace sd35::train {
namespace {

#if TORCH_VERSION_MAJOR >= 2
using Collectives = c10d::Backend;
#else
using Collectives = c10d::ProcessGroup;
#endif

std::optional<std::string> environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? std::optional<std::string>(value) : std::nullopt;
}

int number(const char* name, int min, int max) {
  const std::optional<std::string> text = environment(name);
  if (!text)
    throw ArgumentError(std::string("the environment variable ") + name + " is not set; torchrun sets it");
  int value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value < min || value > max)
    throw ArgumentError(std::string("the environment variable ") + name + " is '" + *text + "'; it must be " +
                        std::to_string(min) + " to " + std::to_string(max));
  return value;
}

class Alone : public ProcessGroup {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void average(at::Tensor /*value*/) override {}
  void first_alone(const std::function<void()>& body) override { body(); }
};

// Newer LibTorches listen by libuv by default, which Debian's are built without.
template <class Options>
void listen_by_sockets([[maybe_unused]] Options& options) {
  if constexpr (requires { options.useLibUV; }) options.useLibUV = false;
}

class Group : public ProcessGroup {
 public:
  Group(const std::string& device, const std::string& run_identity, std::chrono::milliseconds patience)
      : size_(number("WORLD_SIZE", 1, 65536)), rank_(number("RANK", 0, size_ - 1)), patience_(patience) {
    const std::string address = environment("MASTER_ADDR").value_or("127.0.0.1");
    c10d::TCPStoreOptions options;
    options.port = static_cast<std::uint16_t>(number("MASTER_PORT", 1, 65535));
    options.isServer = rank_ == 0 && !environment("TORCHELASTIC_USE_AGENT_STORE");
    options.numWorkers = static_cast<std::size_t>(size_);
    options.timeout = patience_;
    listen_by_sockets(options);
    guarded("join", [&] {
      store_ = c10::make_intrusive<c10d::PrefixStore>("sd35",
                                                      c10::make_intrusive<c10d::TCPStore>(address, options));
      compare_identities(run_identity);
      group_ = make_group(device, address);
    });
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  void average(at::Tensor value) override {
    guarded("exchange gradients", [&] {
      std::vector<at::Tensor> values{value};
      group_->allreduce(values)->wait();
      value.div_(size_);
    });
  }

  // No exchange is begun meanwhile, because its patience would run out. The store is the first process's own,
  // or that of torchrun, which ends all when one dies, so waiting for it always ends.
  void first_alone(const std::function<void()>& body) override {
    constexpr std::chrono::hours as_long_as_it_takes{24 * 365};
    const std::string done = "alone" + std::to_string(times_alone_++);
    if (rank_ == 0) {
      body();
      guarded("notify the others", [&] { store_->set(done, {1}); });
    } else {
      guarded("wait for the first", [&] { store_->wait({done}, as_long_as_it_takes); });
    }
    // The first one does not end, and its store with it, before all have been notified.
    guarded("meet the others", [&] { group_->barrier()->wait(); });
  }

 private:
  template <class Body>
  void guarded(const char* what, const Body& body) const {
    try {
      body();
    } catch (const sd35::Error&) {
      throw;
    } catch (const std::exception& error) {
      const std::string reason = error.what();
      throw Error("process " + std::to_string(rank_) + " of " + std::to_string(size_) + " could not " + what +
                  ": another process ended or cannot be reached (" + reason.substr(0, reason.find('\n')) +
                  ")");
    }
  }

  void compare_identities(const std::string& identity) {
    const std::vector<std::uint8_t> mine(identity.begin(), identity.end());
    store_->set("identity" + std::to_string(rank_), mine);
    if (store_->get("identity0") != mine)
      throw ArgumentError("process " + std::to_string(rank_) +
                          " was started with another configuration or model than process 0");
  }

  c10::intrusive_ptr<Collectives> make_group(const std::string& device,
                                             [[maybe_unused]] const std::string& address) const {
#ifdef USE_C10D_NCCL
    if (device.starts_with("cuda")) return c10::make_intrusive<c10d::ProcessGroupNCCL>(store_, rank_, size_);
#endif
#ifdef SD35_HAS_GLOO
    if (device.starts_with("cpu")) return make_gloo_group(address);
#endif
    throw ArgumentError(
        "several processes on the device " + device +
        " need a LibTorch with the headers of Gloo (cpu) or with NCCL (cuda); this one has not");
  }

#ifdef SD35_HAS_GLOO
  c10::intrusive_ptr<Collectives> make_gloo_group(const std::string& address) const {
    const auto options = c10d::ProcessGroupGloo::Options::create();
    options->timeout = patience_;
    const std::optional<std::string> interface = environment("GLOO_SOCKET_IFNAME");
    const bool here = address == "127.0.0.1" || address == "localhost";
    options->devices.push_back(interface ? c10d::ProcessGroupGloo::createDeviceForInterface(*interface)
                               : here    ? c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1")
                                         : c10d::ProcessGroupGloo::createDefaultDevice());
    return c10::make_intrusive<c10d::ProcessGroupGloo>(store_, rank_, size_, options);
  }
#endif

  int size_, rank_;
  std::chrono::milliseconds patience_;
  int times_alone_ = 0;
  c10::intrusive_ptr<c10d::Store> store_;
  c10::intrusive_ptr<Collectives> group_;
};

}  // namespace

std::string local_device(const std::string& device) {
  return device == "cuda" ? "cuda:" + environment("LOCAL_RANK").value_or("0") : device;
}

std::unique_ptr<ProcessGroup> ProcessGroup::join(const std::string& device, const std::string& run_identity,
                                                 std::chrono::milliseconds patience) {
  if (!environment("WORLD_SIZE") || number("WORLD_SIZE", 1, 65536) == 1) return std::make_unique<Alone>();
  return std::make_unique<Group>(device, run_identity, patience);
}

}  // namespace sd35::train
