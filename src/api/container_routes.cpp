// Containers: life cycle, lists, files (engine-api.md section 1).
#include <chrono>

#include "api/body_types.h"
#include "api/container_json.h"
#include "api/router.h"
#include "base/strings.h"
#include "codec/base64.h"

namespace skiff::api {

namespace {

using engine::Effect;

engine::Containers& containers(const Call& call) { return call.context.engine.containers(); }

Result<> list_containers(Call& call) {
  engine::ListOptions options;
  options.all = call.flag("all");
  options.limit = TRY(int_argument(call, "limit", 0));
  options.sizes = call.flag("size");
  options.filters = TRY(call.filters());
  auto list = TRY(containers(call).list(options));
  json::Array out;
  for (const auto& info : list) out.push_back(container_list_json(info, call.context.clock.now()));
  return call.reply(200, std::move(out));
}

Result<> create_container(Call& call) {
  json::Value body = TRY(call.json_body(container_config_types()));
  if (!body.is_object()) {
    return Error(Code::kInvalidArgument, "config cannot be empty in order to create a container");
  }
  TRY(check_words(body));
  engine::CreateRequest request;
  request.name = call.arg("name");
  request.platform = TRY(platform_argument(call.arg("platform")));
  request.config = TRY(engine::ContainerConfig::from_json(body));
  const json::Value empty = json::object();
  const json::Value* host = body.find("HostConfig");
  if (host == nullptr) host = &empty;
  TRY(json::check_types(*host, host_config_types(), "HostConfig"));
  request.host_config = TRY(engine::HostConfig::from_json(*host));
  const json::Value* networking = body.find("NetworkingConfig");
  request.networking =
      TRY(engine::NetworkingConfig::from_json(networking != nullptr ? *networking : empty));
  auto created = TRY(containers(call).create(std::move(request)));
  return call.reply(201, json::object({{"Id", created.id}, {"Warnings", created.warnings}}));
}

Result<> inspect_container(Call& call) {
  auto info = TRY(containers(call).get(call.name, call.flag("size")));
  return call.reply(200, container_inspect_json(info));
}

Result<> reply_effect(const Call& call, Effect effect) {
  return call.reply_empty(effect == Effect::kAlready ? 304 : 204);
}

Result<> start_container(Call& call) {
  return reply_effect(call, TRY(containers(call).start(call.name)));
}

Result<engine::StopOptions> stop_options(const Call& call) {
  engine::StopOptions options;
  if (!call.arg("t").empty()) options.timeout = TRY(int_argument(call, "t", 0));
  options.signal = call.arg("signal");
  return options;
}

Result<> stop_container(Call& call) {
  return reply_effect(call, TRY(containers(call).stop(call.name, TRY(stop_options(call)))));
}

Result<> restart_container(Call& call) {
  TRY(containers(call).restart(call.name, TRY(stop_options(call))));
  return call.reply_empty(204);
}

Result<> kill_container(Call& call) {
  std::string signal = call.arg("signal");
  TRY(containers(call).kill(call.name, signal.empty() ? "KILL" : signal));
  return call.reply_empty(204);
}

Result<> pause_container(Call& call) {
  TRY(containers(call).pause(call.name));
  return call.reply_empty(204);
}

Result<> unpause_container(Call& call) {
  TRY(containers(call).unpause(call.name));
  return call.reply_empty(204);
}

Result<> rename_container(Call& call) {
  TRY(containers(call).rename(call.name, call.arg("name")));
  return call.reply_empty(204);
}

Result<> update_container(Call& call) {
  constexpr int kPidsMayBeAbsent = 40;
  auto request = TRY(engine::UpdateRequest::from_json(TRY(call.json_body(host_config_types()))));
  // Before it every client sent one, 0 where nobody had said any.
  if (call.api_minor < kPidsMayBeAbsent) request.resources.make_object().erase("PidsLimit");
  auto warnings = TRY(containers(call).update(call.name, request));
  return call.reply(200, json::object({{"Warnings", warnings}}));
}

Result<> remove_container(Call& call) {
  if (call.flag("link")) {
    return Error(Code::kUnimplemented, "links between containers are not served");
  }
  TRY(containers(call).remove(call.name, {call.flag("force"), call.flag("v")}));
  return call.reply_empty(204);
}

Result<> wait_container(Call& call) {
  auto condition = TRY(engine::parse_wait_condition(call.arg("condition")));
  auto waiter = TRY(containers(call).wait(call.name, condition));
  // The client starts the container only after it saw this header.
  call.writer.headers().set("Content-Type", "application/json");
  TRY(call.writer.begin(200));
  auto ended = waiter->wait(call.writer.client_gone());
  if (!ended) return {};  // nobody is left to tell
  json::Value body = json::object({{"StatusCode", ended->exit_code}});
  if (!ended->error.empty()) body.set("Error", json::object({{"Message", ended->error}}));
  TRY(call.writer.write(body.dump() + "\n"));
  return call.writer.finish();
}

Result<> prune_containers(Call& call) {
  auto pruned = TRY(containers(call).prune(TRY(call.filters())));
  json::Value removed = pruned.removed.empty() ? json::Value() : json::Value(pruned.removed);
  return call.reply(
      200, json::object({{"ContainersDeleted", removed}, {"SpaceReclaimed", pruned.bytes}}));
}

Result<> container_changes(Call& call) {
  auto changes = TRY(call.context.engine.files().changes(call.name));
  if (changes.empty()) return call.reply(200, json::Value());
  json::Array out;
  for (const auto& change : changes) {
    out.push_back(json::object({{"Path", change.path}, {"Kind", static_cast<int>(change.kind)}}));
  }
  return call.reply(200, std::move(out));
}

// Writes what comes as chunks of the answer, whose header goes out with the first.
class AnswerSink : public Sink {
 public:
  AnswerSink(const Call& call, std::string_view type) : call_(call), type_(type) {}
  Result<> begin() {
    if (call_.writer.started()) return {};
    call_.writer.headers().set("Content-Type", type_);
    return call_.writer.begin(200);
  }
  Result<> write(std::string_view bytes) override {
    TRY(begin());
    return call_.writer.write(bytes);
  }

 private:
  const Call& call_;
  std::string type_;
};

Result<> export_container(Call& call) {
  AnswerSink sink(call, "application/octet-stream");
  TRY(call.context.engine.files().export_tree(call.name, sink, call.writer.client_gone()));
  return call.writer.finish();
}

std::string path_stat_header(const engine::PathStat& stat) {
  return base64_encode(json::object({{"name", stat.name},
                                     {"size", stat.size},
                                     {"mode", stat.mode},
                                     {"mtime", format_rfc3339(stat.mtime)},
                                     {"linkTarget", stat.link_target}})
                           .dump());
}

constexpr std::string_view kPathStatHeader = "X-Docker-Container-Path-Stat";

Result<std::string> path_argument(const Call& call) {
  std::string path = call.arg("path");
  if (path.empty()) return Error(Code::kInvalidArgument, "bad parameter: 'path' cannot be empty");
  return path;
}

Result<> stat_archive(Call& call) {
  auto stat = TRY(call.context.engine.files().stat_path(call.name, TRY(path_argument(call))));
  call.writer.headers().set(kPathStatHeader, path_stat_header(stat));
  return call.reply_empty(200);
}

Result<> get_archive(Call& call) {
  AnswerSink sink(call, "application/x-tar");
  auto begin = [&](const engine::PathStat& stat) {
    call.writer.headers().set(kPathStatHeader, path_stat_header(stat));
    return sink.begin();
  };
  TRY(call.context.engine.files().get_archive(call.name, TRY(path_argument(call)), sink, begin,
                                              call.writer.client_gone()));
  return call.writer.finish();
}

Result<> put_archive(Call& call) {
  engine::ArchivePutOptions options;
  options.no_overwrite_dir_non_dir = call.flag("noOverwriteDirNonDir");
  options.copy_uid_gid = call.flag("copyUIDGID");
  TRY(call.context.engine.files().put_archive(call.name, TRY(path_argument(call)),
                                              *call.request.body, options));
  return call.reply_empty(200);
}

Result<> commit_container(Call& call) {
  engine::CommitOptions options;
  if (!call.arg("repo").empty()) {
    options.name = TRY(reference_argument(call.arg("repo"), call.arg("tag")));
  }
  options.author = call.arg("author");
  options.comment = call.arg("comment");
  options.pause = call.flag("pause", true);
  options.changes = call.request.query.all("changes");
  json::Value body = TRY(call.json_body(container_config_types()));
  if (body.is_object()) options.config = TRY(oci::RunConfig::from_json(body));
  auto id = TRY(call.context.engine.files().commit(call.arg("container"), options,
                                                   call.writer.client_gone()));
  return call.reply(201, json::object({{"Id", id}}));
}

constexpr Route kContainerRoutes[] = {
    {"GET", "/containers/json", list_containers},
    {"POST", "/containers/create", create_container},
    {"POST", "/containers/prune", prune_containers},
    {"GET", "/containers/*/json", inspect_container},
    {"POST", "/containers/*/start", start_container},
    {"POST", "/containers/*/stop", stop_container},
    {"POST", "/containers/*/restart", restart_container},
    {"POST", "/containers/*/kill", kill_container},
    {"POST", "/containers/*/pause", pause_container},
    {"POST", "/containers/*/unpause", unpause_container},
    {"POST", "/containers/*/rename", rename_container},
    {"POST", "/containers/*/update", update_container},
    {"POST", "/containers/*/wait", wait_container},
    {"DELETE", "/containers/*", remove_container},
    {"GET", "/containers/*/changes", container_changes},
    {"GET", "/containers/*/export", export_container},
    {"HEAD", "/containers/*/archive", stat_archive},
    {"GET", "/containers/*/archive", get_archive},
    {"PUT", "/containers/*/archive", put_archive},
    {"POST", "/commit", commit_container},
};

}  // namespace

std::span<const Route> container_routes() { return kContainerRoutes; }

}  // namespace skiff::api
