// Context: what the handlers call. Everything in it outlives the server.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/shared_directories.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/problem.h"
#include "base/space_reserve.h"
#include "builder/builder.h"
#include "buildkit/buildkit_server.h"
#include "content/scrub.h"
#include "engine/engine.h"
#include "images/image_store.h"
#include "network/network_manager.h"

namespace skiff::api {

struct DaemonFacts {
  Path root;
  Path run_dir;
  std::string id;      // of the instance
  std::string commit;  // that the daemon is built of; "" where that is not known
  TimePoint started;
  std::string why_not_erofs;          // "" where layers are kept so
  std::string log_driver;             // of containers that name none
  std::vector<std::string> warnings;  // what keeps the daemon from its work, or parts of it
  bool rootless = false;
  bool apparmor = false;
  bool selinux = false;   // containers have labels of their own
  bool maps_ids = false;  // containers are in user namespaces unless they say otherwise
  // The cgroup controllers that containers may use; all that the host has when absent.
  std::optional<std::vector<std::string>> controllers;
  bool has_cgroups = true;
};

// The registry of this process, as far as the API knows one.
struct NearRegistry {
  struct Checked {
    size_t repositories = 0;
    size_t manifests = 0;
    size_t blobs = 0;
    uint64_t bytes = 0;  // of the blobs
  };
  std::function<Result<Checked>(const CheckOptions&, const ProblemSink&, const CancelToken&)> check;
  std::function<Result<content::ScrubTotals>(
      const content::ScrubOptions&, const std::function<void(const Error&)>&, const CancelToken&)>
      scrub;
};

struct Context {
  engine::Engine& engine;
  images::ImageStore& images;
  builder::Builder& builder;
  network::NetworkManager& networks;
  DaemonFacts facts;
  const Clock& clock;
  SpaceReserve* reserve = nullptr;  // given up while something is removed
  std::optional<NearRegistry> registry;
  buildkit::BuildkitServer* buildkit = nullptr;  // nullptr: its protocol is not served
  std::unique_ptr<SharedDirectories> directories = std::make_unique<SharedDirectories>();
};

}  // namespace skiff::api
