#include "main/embedded_registry.h"

#include "base/log.h"
#include "base/strings.h"

namespace skiff {

void EmbeddedRegistry::run() {
  if (auto served = service_->run(); !served) log_error(served.error().message());
}

Result<std::unique_ptr<EmbeddedRegistry>> EmbeddedRegistry::start(const DaemonOptions& o,
                                                                  content::BlobTickets& tickets,
                                                                  images::ImageStore& images) {
  if (o.registry.empty()) return nullptr;
  RegistryService::Options options = TRY(registry_options(o));
  options.registry.tickets = &tickets;
  auto service = TRY_CONTEXT(RegistryService::open(options), "--registry");
  images.set_near_registry({.address = service->address(), .tickets = &tickets});
  log_info(cat("registry at ", service->description()));
  return std::make_unique<EmbeddedRegistry>(std::move(service));
}

api::NearRegistry EmbeddedRegistry::near() {
  registry::Registry& registry = service_->registry();
  return {
      .check = [&registry](const CheckOptions& options, const ProblemSink& report,
                           const CancelToken& cancel) -> Result<api::NearRegistry::Checked> {
        const auto checked = TRY(registry.check(options, report, cancel));
        return api::NearRegistry::Checked{.repositories = checked.repositories,
                                          .manifests = checked.manifests,
                                          .blobs = checked.blobs,
                                          .bytes = checked.bytes};
      },
      .scrub = [&registry](
                   const content::ScrubOptions& options,
                   const std::function<void(const Error&)>& damaged,
                   const CancelToken& cancel) { return registry.scrub(options, damaged, cancel); }};
}

}  // namespace skiff
