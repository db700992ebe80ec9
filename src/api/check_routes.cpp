// Routes of this engine's own, below /skiff: checks of what is stored (docs/engine-api.md).
#include "api/progress_stream.h"
#include "api/router.h"
#include "base/strings.h"
#include "content/scrub.h"

namespace skiff::api {

namespace {

json::Value problem_json(const Problem& problem) {
  return json::object({{"What", problem.what},
                       {"Where", problem.where},
                       {"Remedy", problem.remedy},
                       {"Mended", problem.mended}});
}

json::Value registry_json(const NearRegistry::Checked& checked) {
  return json::object({{"Repositories", checked.repositories},
                       {"Manifests", checked.manifests},
                       {"Blobs", checked.blobs},
                       {"Bytes", checked.bytes}});
}

// A stream of {"problem": ...}, and {"checked": ...} at the end.
Result<> check(Call& call) {
  const CheckOptions options{.deep = call.flag("deep"), .repair = call.flag("repair")};
  ProgressStream out(call);
  const ProblemSink report = [&](const Problem& problem) {
    out.send(json::object({{"problem", problem_json(problem)}}));
  };
  std::optional<SpaceReserve::Loan> loan;
  if (options.repair && call.context.reserve != nullptr) {
    loan.emplace(call.context.reserve->borrow());
  }
  const auto run = [&]() -> Result<> {
    // First: what a container that is gone has left may keep a damaged layer.
    const size_t containers = TRY(call.context.engine.check(options, report));
    const auto images = TRY(call.context.images.check(options, report, call.writer.client_gone()));
    const size_t records = TRY(call.context.builder.check(options, report));
    json::Value checked = json::object({{"Images", images.targets},
                                        {"Blobs", images.blobs},
                                        {"Bytes", images.bytes},
                                        {"Snapshots", images.snapshots},
                                        {"CacheRecords", records},
                                        {"Containers", containers},
                                        {"Freed", images.freed}});
    if (call.context.registry) {
      checked.set("Registry", registry_json(TRY(call.context.registry->check(
                                  options, report, call.writer.client_gone()))));
    }
    out.send(json::object({{"checked", std::move(checked)}}));
    return {};
  };
  return out.finish(run());
}

// A stream of {"damaged": text}, and {"scrubbed": ...} at the end.
Result<> scrub(Call& call) {
  const std::string rate = call.arg("rate");
  const auto bytes_per_second = rate.empty() ? std::optional<uint64_t>(0) : parse_uint(rate);
  if (!bytes_per_second) {
    return Error(Code::kInvalidArgument, cat("invalid value for rate: ", skiff::quoted(rate)));
  }
  ProgressStream out(call);
  const auto report = [&](const Error& error) {
    out.send(json::object({{"damaged", error.message()}}));
  };
  const auto run = [&]() -> Result<> {
    const content::ScrubOptions options{.bytes_per_second = *bytes_per_second,
                                        .unread_since = call.context.clock.now()};
    auto totals = TRY(call.context.images.scrub(options, report, call.writer.client_gone()));
    if (call.context.registry) {
      const auto more = TRY(call.context.registry->scrub(
          options,
          [&](const Error& error) {
            report(Error(error.code(), cat("registry: ", error.message())));
          },
          call.writer.client_gone()));
      totals.blobs += more.blobs;
      totals.bytes += more.bytes;
      totals.damaged += more.damaged;
    }
    out.send(json::object({{"scrubbed", json::object({{"Blobs", totals.blobs},
                                                      {"Layers", totals.layers},
                                                      {"Bytes", totals.bytes},
                                                      {"Damaged", totals.damaged}})}}));
    return {};
  };
  return out.finish(run());
}

constexpr Route kCheckRoutes[] = {
    {"POST", "/skiff/system/scrub", scrub},
    {"POST", "/skiff/system/check", check},
};

}  // namespace

std::span<const Route> check_routes() { return kCheckRoutes; }

}  // namespace skiff::api
