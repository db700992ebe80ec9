#include "api/session_build.h"

#include <array>

#include "api/build_arguments.h"
#include "api/progress_stream.h"
#include "base/strings.h"
#include "buildkit/http_builds.h"
#include "codec/base64.h"

namespace skiff::api {

namespace {

using Options = std::map<std::string, std::string>;

// Of `buildid`: this request brings the tar of that build, which says `remote=upload-request`.
constexpr std::string_view kUploadId = "upload-request:";
constexpr std::string_view kUpload = "upload-request";
constexpr std::string_view kFromSession = "client-session";

Result<std::string> hosts_of(const Call& call) {
  std::vector<std::string> out;
  for (const net::ExtraHost& host : TRY(extra_hosts_argument(call))) {
    out.push_back(cat(host.name, "=", host.address));
  }
  return join(out, ",");
}

Result<std::string> ulimits_of(const Call& call) {
  std::vector<std::string> out;
  for (const runtime::Ulimit& one : TRY(ulimits_argument(call))) {
    out.push_back(cat(one.name, "=", one.soft, ":", one.hard));
  }
  return join(out, ",");
}

void set_unless_empty(Options& out, const std::string& name, std::string value) {
  if (!value.empty()) out[name] = std::move(value);
}

// The parameters in the words of the Dockerfile frontend.
Result<Options> decode_options(const Call& call) {
  Options out;
  constexpr std::array<std::pair<const char*, const char*>, 4> kSame = {
      {{"target", "target"},
       {"dockerfile", "filename"},
       {"platform", "platform"},
       {"cgroupparent", "cgroup-parent"}}};
  for (const auto& [parameter, option] : kSame) set_unless_empty(out, option, call.arg(parameter));
  const std::string remote = call.arg("remote");
  if (remote != kFromSession && remote != kUpload) set_unless_empty(out, "context", remote);
  const std::string network = call.arg("networkmode");
  if (network != "default") set_unless_empty(out, "force-network-mode", network);
  set_unless_empty(out, "add-hosts", TRY(hosts_of(call)));
  set_unless_empty(out, "ulimit", TRY(ulimits_of(call)));
  if (const auto shm = TRY(shm_size_argument(call)); shm > 0) out["shm-size"] = cat(shm);
  // Of no effect, as their clients say themselves, and yet no place for what is none.
  TRY(limits_argument(call));
  if (call.flag("nocache")) out["no-cache"] = "";
  if (call.flag("pull")) out["image-resolve-mode"] = "pull";
  for (const auto& [name, value] : TRY(build_args_argument(call))) {
    if (value) out[cat("build-arg:", name)] = *value;
  }
  for (const auto& [key, value] : TRY(labels_argument(call))) out[cat("label:", key)] = value;
  return out;
}

// An output's names are the build's tags where it is an image of the store.
Result<std::vector<buildkit::ServiceSpec>> decode_exporters(const Call& call) {
  const std::vector<OutputWish> outputs = TRY(outputs_argument(call));
  std::vector<buildkit::ServiceSpec> out;
  for (const OutputWish& wish : outputs) out.push_back({wish.type, wish.attributes});
  if (out.empty()) out.push_back({.type = "moby", .attrs = {}});
  const std::vector<std::string> tags = call.request.query.all("t");
  for (buildkit::ServiceSpec& exporter : out) {
    const bool is_image = exporter.type == "moby" || exporter.type == "image";
    if (is_image && !tags.empty()) exporter.attrs["name"] = join(tags, ",");
  }
  return out;
}

Result<buildkit::HttpBuild> decode(const Call& call) {
  TRY(refuse_unserved_build(call));
  buildkit::HttpBuild out{.id = call.arg("buildid"), .options = TRY(decode_options(call))};
  out.order.session = call.arg("session");
  out.order.exporters = TRY(decode_exporters(call));
  out.order.cache_images = TRY(cache_from_argument(call));
  out.credentials = call.all_credentials();
  const std::string remote = call.arg("remote");
  out.context_is_sent = remote == kUpload;
  if (remote.empty()) out.context = call.request.body;
  return out;
}

Result<buildkit::HttpBuilds*> builds_of(const Call& call) {
  if (call.context.buildkit != nullptr) return &call.context.buildkit->http_builds();
  return Error(Code::kUnimplemented, "BuildKit's protocol is not served here");
}

}  // namespace

Result<> build_by_session(Call& call) {
  buildkit::HttpBuilds& builds = *TRY(builds_of(call));
  const std::string id = call.arg("buildid");
  if (id.starts_with(kUploadId)) {
    TRY(builds.contexts().send(id.substr(kUploadId.size()), *call.request.body));
    return call.reply_empty(200);
  }
  const buildkit::HttpBuild wanted = TRY(decode(call));
  ProgressStream stream(call);
  const bool quiet = call.flag("q");
  if (quiet) stream.hold();
  const auto tell = [&](std::string_view status) {
    stream.send(json::object({{"id", "moby.buildkit.trace"}, {"aux", base64_encode(status)}}));
  };
  auto image = builds.build(wanted, tell, call.writer.client_gone());
  if (!image) return stream.finish(std::move(image.error()));
  stream.release();
  if (image->empty()) return stream.finish({});
  if (quiet) {
    stream.text(*image + "\n");
  } else {
    const json::Value result = json::object({{"ID", *image}});
    stream.send(json::object({{"id", "moby.image.id"}, {"aux", result}}));
  }
  return stream.finish({});
}

Result<> cancel_build(Call& call) {
  const std::string id = call.arg("id");
  if (id.empty()) return Error(Code::kInvalidArgument, "id is missing: which build is given up");
  TRY(builds_of(call))->cancel(id);
  return call.reply_empty(200);
}

}  // namespace skiff::api
