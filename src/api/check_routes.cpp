// Routes of this engine's own, below /skiff: checks of what is stored (docs/engine-api.md).
#include "api/progress_stream.h"
#include "api/router.h"

namespace skiff::api {

namespace {

json::Value problem_json(const Problem& problem) {
  return json::object({{"What", problem.what},
                       {"Where", problem.where},
                       {"Remedy", problem.remedy},
                       {"Mended", problem.mended}});
}

// A stream of {"problem": ...}, and {"checked": ...} at the end.
Result<> check(Call& call) {
  const CheckOptions options{.deep = call.flag("deep"), .repair = call.flag("repair")};
  ProgressStream out(call);
  const ProblemSink report = [&](const Problem& problem) {
    out.send(json::object({{"problem", problem_json(problem)}}));
  };
  const auto run = [&]() -> Result<> {
    const auto images = TRY(call.context.images.check(options, report, call.writer.client_gone()));
    const size_t records = TRY(call.context.builder.check(options, report));
    out.send(json::object({{"checked", json::object({{"Images", images.targets},
                                                     {"Blobs", images.blobs},
                                                     {"Bytes", images.bytes},
                                                     {"Snapshots", images.snapshots},
                                                     {"CacheRecords", records},
                                                     {"Freed", images.freed}})}}));
    return {};
  };
  return out.finish(run());
}

constexpr Route kRoutes[] = {
    {"POST", "/skiff/system/check", check},
};

}  // namespace

std::span<const Route> check_routes() { return kRoutes; }

}  // namespace skiff::api
