// The classic build endpoint: a tar in, a stream of progress out (engine-api.md section 3).
#include "api/build_arguments.h"
#include "api/build_outputs.h"
#include "api/build_preface.h"
#include "api/build_question.h"
#include "api/cache_filters.h"
#include "api/cache_places.h"
#include "api/router.h"
#include "api/session_build.h"
#include "base/strings.h"
#include "sys/root_dir.h"

namespace skiff::api {

namespace {

using builder::BuildEvent;

// Prints a build's events in the words of the classic builder.
class BuildPrinter {
 public:
  BuildPrinter(ProgressStream& stream, bool several_platforms)
      : stream_(stream), several_(several_platforms) {}

  void operator()(const BuildEvent& event) {
    std::visit([this](const auto& e) { print(e); }, event);
  }

 private:
  void print(const builder::StepStarted& e) {
    if (e.step.trigger > 0) return;  // a part of its FROM
    stream_.text(cat(prefix(e.step), "Step ", e.step.number, "/", e.total, " : ", e.text));
    stream_.text("\n");
  }
  void print(const builder::StepCached& e) {
    if (e.step.trigger > 0) return;
    stream_.text(cat(prefix(e.step), " ---> Using cache\n"));
  }
  void print(const builder::StepMissed& e) {
    json::Array differences;
    for (const std::string& one : e.differences) differences.push_back(one);
    stream_.send(
        json::object({{"stream", cat(prefix(e.step), " ---> Not cached: ", e.reason, "\n")},
                      {"differences", json::Value(std::move(differences))}}));
  }
  void print(const builder::StepOutput& e) { stream_.text(e.bytes); }
  void print(const builder::BasePull&) {}  // in its turn
  void print(const builder::StepProgress& e) { stream_.send(e.progress); }
  void print(const builder::StepDone& e) {
    if (!e.last) return;
    stream_.text(cat(prefix(e.step), " ---> ", e.id.substr(0, 12), "\n"));
  }
  // The error of the build says the rest.
  void print(const builder::StepFailed& e) {
    if (e.kept.empty()) return;
    stream_.text(cat(prefix(e.step), "To look at what the step has left: skiff run -it --rm ",
                     e.kept, " sh\n"));
  }
  void print(const builder::BuildWarning& e) { stream_.text(cat("[Warning] ", e.text, "\n")); }
  void print(const builder::CacheMoved&) {}  // what goes wrong is a warning or an error
  void print(const builder::ImageBuilt& e) {
    if (several_) stream_.text(cat(prefix(e.platform), "built ", e.id.short_hex(), "\n"));
  }
  void print(const builder::Exporting& e) { stream_.send(e.progress); }
  std::string prefix(const builder::StepId& step) const { return prefix(step.platform); }
  std::string prefix(const std::string& platform) const {
    return several_ ? cat("[", platform, "] ") : "";
  }

  ProgressStream& stream_;
  bool several_;
};

Result<> decode_platforms(const Call& call, builder::BuildRequest& request) {
  std::string list = call.arg("platform");
  if (list.empty()) return {};
  for (const auto& text : split(list, ',')) {
    request.platforms.push_back(TRY(oci::Platform::parse(trim(text))));
  }
  return {};
}

// Skiff's own: "provenance=min" or "max", "sbom=1".
Result<> decode_attestations(const Call& call, builder::BuildRequest& request) {
  const std::string mode = call.arg("provenance");
  if (!mode.empty() && mode != "min" && mode != "max") {
    return Error(Code::kInvalidArgument, cat("provenance ", quoted(mode), ": it is min or max"));
  }
  const std::string version = call.arg("provenanceversion");
  if (!version.empty() && version != "v1" && version != "v0.2") {
    return Error(Code::kInvalidArgument,
                 cat("provenanceversion ", quoted(version), ": it is v1 or v0.2"));
  }
  request.attestations.provenance = !mode.empty();
  request.attestations.provenance_v02 = version == "v0.2";
  request.attestations.provenance_args = mode == "max";
  request.attestations.sbom = call.flag("sbom");
  return {};
}

// Names of images: those that are here tell of their steps, as far as they tell of any. With
// Docker's builder every image does, by its history: so does one that is built with such sources,
// since it is the next build's.
Result<> decode_cache_from(const Call& call, builder::BuildRequest& request) {
  for (std::string& name : TRY(cache_from_argument(call))) {
    builder::CachePlace place;
    place.image = std::move(name);
    request.cache_from.push_back(std::move(place));
  }
  request.inline_cache = !request.cache_from.empty();
  return {};
}

// ".dockerfile.0123456789abcdef0123": so Docker's clients call one that is not in the context.
bool is_temporary_name(std::string_view name) {
  constexpr std::string_view kStart = ".dockerfile.";
  constexpr size_t kDigits = 20;
  return name.starts_with(kStart) && name.size() == kStart.size() + kDigits &&
         name.find_first_not_of("0123456789abcdef", kStart.size()) == std::string_view::npos;
}

Result<builder::BuildRequest> decode_request(const Call& call) {
  TRY(refuse_unserved_build(call));
  builder::BuildRequest request;
  request.context_url = call.arg("remote");
  if (request.context_url.empty()) request.context_tar = call.request.body;
  if (!call.arg("dockerfile").empty()) request.dockerfile = call.arg("dockerfile");
  request.dockerfile_name = call.arg("dockerfilename");
  if (request.dockerfile_name.empty() && is_temporary_name(request.dockerfile)) {
    request.dockerfile_name = "Dockerfile";
  }
  if (!call.arg("vcsrevision").empty()) {
    request.origin = builder::ContextOrigin{call.arg("vcssource"), call.arg("vcsrevision")};
  }
  for (const auto& tag : call.request.query.all("t")) {
    if (!tag.empty()) request.tags.push_back(TRY(oci::Reference::parse(tag)).with_default_tag());
  }
  request.build_args = TRY(build_args_argument(call));
  request.labels = TRY(labels_argument(call));
  TRY(decode_cache_from(call, request));
  request.target = call.arg("target");
  TRY(decode_platforms(call, request));
  request.no_cache = call.flag("nocache");
  for (const auto& stage : call.request.query.all("nocachefilter")) {
    request.no_cache_stages.insert(to_lower(stage));
  }
  request.cgroup_parent = call.arg("cgroupparent");
  request.pull = call.flag("pull");
  request.keep_failed = call.flag("keepfailed");
  request.network = call.arg("networkmode");
  for (const net::ExtraHost& host : TRY(extra_hosts_argument(call))) {
    request.extra_hosts.push_back(host.str());
  }
  request.limits = TRY(limits_argument(call));
  TRY(check_limits(request.limits));
  if (const auto shm = TRY(shm_size_argument(call)); shm > 0) request.shm_bytes = shm;
  request.ulimits = TRY(ulimits_argument(call));
  request.credentials = call.all_credentials();
  TRY(decode_attestations(call, request));
  return request;
}

// What the request names by X-Skiff-Directory; it stays open while the answer is made.
using Directory = std::shared_ptr<const UniqueFd>;
Result<Directory> shared_directory(const Call& call, builder::BuildRequest& request) {
  const auto name = call.request.headers.get("X-Skiff-Directory");
  if (name.empty()) return Directory();
  Directory directory = TRY(call.context.directories->find(std::string(name)));
  request.context_tar = nullptr;
  request.context_directory = sys::fd_path(directory->get());
  std::error_code unknown;
  request.context_name = std::filesystem::read_symlink(request.context_directory, unknown).native();
  return directory;
}

Result<> build_classic(Call& call) {
  auto request = TRY(decode_request(call));
  BuildPreface preface(*call.request.body);
  if (call.request.headers.get("Content-Type") == kBuildPreface) TRY(preface.read(request));
  const Directory directory = TRY(shared_directory(call, request));
  const auto caches = TRY(decode_cache_places(call, request));
  if (const auto asked = TRY(decode_question(call))) return answer(call, request, *asked);
  BuildOutputs outputs = TRY(BuildOutputs::decode(call));
  ProgressStream stream(call, outputs.framing());
  TRY(outputs.attach(request, stream));
  BuildPrinter printer(stream, request.platforms.size() > 1);
  int exit_code = 0;
  builder::EventSink events = [&](const BuildEvent& event) {
    if (const auto* failed = std::get_if<builder::StepFailed>(&event)) {
      exit_code = failed->exit_code;
    }
    printer(event);
  };
  const bool quiet = call.flag("q");
  if (quiet) stream.hold();
  auto built = call.context.builder.build(request, events, call.writer.client_gone());
  if (!built) return stream.finish(std::move(built.error()), exit_code);
  TRY(outputs.finish());
  stream.release();
  stream.send(json::object(
      {{"aux", json::object({{"ID", built->id.str()}, {"Digest", built->target.digest.str()}})}}));
  if (quiet) {
    stream.text(built->id.str() + "\n");
    return stream.finish({});
  }
  stream.text(cat("Successfully built ", built->id.short_hex(), "\n"));
  const auto tags = outputs.tags_image() ? request.tags : std::vector<oci::Reference>();
  for (const auto& tag : tags) {
    stream.text(cat("Successfully tagged ", tag.familiar(), "\n"));
  }
  return stream.finish({});
}

// "1" is the classic protocol, "2" BuildKit's by a session.
Result<> build(Call& call) {
  const std::string version = call.arg("version");
  if (version.empty() || version == "1") return build_classic(call);
  if (version == "2") return build_by_session(call);
  return Error(Code::kInvalidArgument, cat("invalid version ", skiff::quoted(version)));
}

// "keep-storage" is what clients before 1.48 call it.
struct PruneSize {
  const char* parameter;
  uint64_t builder::PruneOptions::* bytes;
};
constexpr PruneSize kPruneSizes[] = {
    {"keep-storage", &builder::PruneOptions::reserved_bytes},
    {"reserved-space", &builder::PruneOptions::reserved_bytes},
    {"max-used-space", &builder::PruneOptions::max_used_bytes},
    {"min-free-space", &builder::PruneOptions::min_free_bytes},
};

Result<> prune_cache(Call& call) {
  builder::PruneOptions options;
  options.all = call.flag("all");
  for (const PruneSize& size : kPruneSizes) {
    const std::string text = call.arg(size.parameter);
    if (text.empty()) continue;
    const auto bytes = parse_uint(text);
    if (!bytes) {
      return Error(
          Code::kInvalidArgument,
          cat(size.parameter, " is in bytes and expects an integer, got ", skiff::quoted(text)));
    }
    options.*size.bytes = *bytes;
  }
  CacheFilters filters = TRY(decode_cache_filters(call));
  options.until = filters.until;
  options.filter = std::move(filters.filter);
  auto pruned = filters.none ? builder::PruneResult() : TRY(call.context.builder.prune(options));
  json::Value removed = pruned.removed.empty() ? json::Value() : json::Value(pruned.removed);
  return call.reply(
      200, json::object({{"CachesDeleted", removed}, {"SpaceReclaimed", pruned.freed_bytes}}));
}

constexpr Route kBuildRoutes[] = {
    {"POST", "/build", build},
    {"POST", "/build/cancel", cancel_build},
    {"POST", "/build/prune", prune_cache},
};

}  // namespace

std::span<const Route> build_routes() { return kBuildRoutes; }

}  // namespace skiff::api
