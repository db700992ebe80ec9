// EmbeddedRegistry: the registry that `skiffd --registry` serves beside the engine.
#pragma once

#include <memory>
#include <thread>

#include "api/router.h"
#include "content/blob_tickets.h"
#include "images/image_store.h"
#include "main/daemon_options.h"
#include "main/registry_service.h"

namespace skiff {

// Serves in a thread of its own until it is destroyed.
class EmbeddedRegistry {
 public:
  // nullptr where none was asked for. `tickets` serve pushes and pulls of `images`.
  static Result<std::unique_ptr<EmbeddedRegistry>> start(const DaemonOptions& o,
                                                         content::BlobTickets& tickets,
                                                         images::ImageStore& images);
  explicit EmbeddedRegistry(std::unique_ptr<RegistryService> service)
      : service_(std::move(service)), thread_([this] { run(); }) {}
  EmbeddedRegistry(const EmbeddedRegistry&) = delete;
  EmbeddedRegistry& operator=(const EmbeddedRegistry&) = delete;
  ~EmbeddedRegistry() { service_->stop(); }

  // For the API, as long as this lives.
  api::NearRegistry near();
  // Its certificate, and what its access log's name is now.
  void reload() { service_->reload(); }

 private:
  void run();

  std::unique_ptr<RegistryService> service_;
  std::jthread thread_;  // last: it uses the rest
};

}  // namespace skiff
