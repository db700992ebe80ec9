// Context: what the handlers call. Everything in it outlives the server.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/file.h"
#include "base/space_reserve.h"
#include "builder/builder.h"
#include "engine/engine.h"
#include "images/image_store.h"
#include "network/network_manager.h"

namespace skiff::api {

struct DaemonFacts {
  Path root;
  Path run_dir;
  std::string id;  // of the instance
  TimePoint started;
  std::string why_not_erofs;  // "" where layers are kept so
};

struct Context {
  engine::Engine& engine;
  images::ImageStore& images;
  builder::Builder& builder;
  network::NetworkManager& networks;
  DaemonFacts facts;
  const Clock& clock;
  SpaceReserve* reserve = nullptr;  // given up while something is removed
};

}  // namespace skiff::api
