#include "buildkit/frontend_build.h"

#include "base/strings.h"
#include "buildkit/client_answers.h"
#include "buildkit/error_details.h"
#include "buildkit/fetched_source.h"
#include "buildkit/file_sync.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "dockerfile/inspection.h"
#include "dockerfile/instructions.h"
#include "dockerfile/source_text.h"
#include "dockerfile/stage_sources.h"
#include "net/url.h"
#include "sys/root_dir.h"

namespace skiff::buildkit {

namespace {

constexpr size_t kMaxDockerfile = size_t{16} << 20U;

// Of the answers' data.
constexpr const char* kAnswerVersion = "1.0.0";

std::optional<builder::Question> question_named(std::string_view name) {
  if (name == "frontend.lint") return builder::Question::kChecks;
  if (name == "frontend.targets") return builder::Question::kTargets;
  if (name == "frontend.outline") return builder::Question::kOutline;
  return std::nullopt;
}

// Tells of bytes that come, not of each packet.
class Counter {
 public:
  Counter(ProgressWriter& writer, std::string vertex, std::string what)
      : writer_(writer), vertex_(std::move(vertex)), what_(std::move(what)) {}
  void operator()(uint64_t bytes) {
    constexpr uint64_t kStep = uint64_t{1} << 20U;
    bytes_ = bytes;
    if (bytes - told_ < kStep) return;
    told_ = bytes;
    writer_.count(vertex_, what_, static_cast<int64_t>(bytes), 0, false);
  }
  void end() { writer_.count(vertex_, what_, static_cast<int64_t>(bytes_), 0, true); }

 private:
  ProgressWriter& writer_;
  std::string vertex_;
  std::string what_;
  uint64_t bytes_ = 0;
  uint64_t told_ = 0;
};

Result<std::optional<std::string>> read_if_there(const Path& directory, const std::string& name) {
  const sys::RootDir root = TRY(sys::RootDir::open(directory));
  auto text = root.read_file(name, kMaxDockerfile);
  if (text) return std::optional(std::move(*text));
  if (text.error().code() == Code::kNotFound) return std::optional<std::string>();
  return std::move(text.error());
}

}  // namespace

BuildOutcome FrontendBuild::run() {
  Result<> ready = prepare();
  if (!ready) return {.failure = failure_of(ready.error()), .cause = ready.error()};
  auto built = build();
  if (!built) return {.failure = failure_of(built.error()), .cause = built.error()};
  BuildOutcome out{.reply = describe(*built), .provenance = std::move(built->provenance)};
  if (outputs_->has_image()) out.image = std::move(built->target);
  return out;
}

Result<std::map<std::string, std::string>> FrontendBuild::answer() {
  if (options_.question == "frontend.subrequests.describe") {
    return std::map<std::string, std::string>{
        {"result.txt", dockerfile::show_questions()},
        {"result.json", dockerfile::questions_data().pretty(2)},
        {"version", kAnswerVersion}};
  }
  const auto question = question_named(options_.question);
  if (!question) {
    return Error(
        Code::kUnimplemented,
        cat("request ", quoted(options_.question),
            " of the Dockerfile frontend is not served, only ",
            "frontend.lint, frontend.outline, frontend.targets and frontend.subrequests.describe"));
  }
  TRY(prepare());
  auto answered = TRY(tools_.builder.inspect(options_.request, *question, cancel_));
  if (answered.failure) answered.text += cat("ERROR: ", answered.failure->message(), "\n");
  std::map<std::string, std::string> out{{"result.txt", answered.text},
                                         {"result.json", answered.data.pretty(2)},
                                         {"version", kAnswerVersion}};
  if (answered.findings > 0 || answered.failure) out["result.statuscode"] = "1";
  return out;
}

Result<> FrontendBuild::prepare() {
  session_ =
      TRY(order_.session.empty() ? Sessions::silent() : tools_.sessions.find(order_.session));
  files_ = TRY(TempDir::make(tools_.scratch, "build-"));
  outputs_ = TRY(ClientOutputs::make(order_.exporters, session_, build_.progress(), cancel_));
  options_.request.outputs = outputs_->outputs();
  options_.request.tags = outputs_->names();
  caches_ = TRY(add_caches(order_, session_, tools_.images.content(), cancel_, options_.request));
  lease_ = TRY(tools_.images.lease());
  TRY(load_upload());
  TRY(load_definition());
  TRY(load_ignore_file());
  answer_questions();
  TRY(load_named_contexts());
  TRY(load_context());
  options_.request.entitlements = order_.entitlements;
  return {};
}

Result<> FrontendBuild::load(const std::string& vertex_name, const std::string& what,
                             const Transfer& transfer) {
  const std::string vertex = build_.progress().start(cat("[internal] ", vertex_name));
  if (definition_vertex_.empty()) definition_vertex_ = vertex;
  Counter counter(build_.progress(), vertex, cat("transferring ", what, ":"));
  auto done = transfer(std::ref(counter));
  counter.end();
  build_.progress().finish(vertex, done ? "" : done.error().message());
  return done;
}

Result<> FrontendBuild::load_files(const std::string& vertex_name, const std::string& what,
                                   const SyncRequest& request) {
  TRY(make_directories(request.into, 0700));
  return load(vertex_name, what, [&](const std::function<void(uint64_t)>& progress) {
    return sync_files(*session_, request, progress, cancel_);
  });
}

Result<builder::LocalFiles> FrontendBuild::load_source(const std::string& vertex_name,
                                                       const SyncRequest& request) {
  // Without a key nobody knows which directory it is.
  if (session_->facts().shared_key.empty()) {
    TRY(load_files(vertex_name, "context", request));
    return builder::LocalFiles{.directory = request.into, .is_still = true};
  }
  Path files = request.into;
  std::string version;
  TRY(load(vertex_name, "context", [&](const std::function<void(uint64_t)>& progress) -> Result<> {
    auto source =
        TRY(sync_source(*session_, request, tools_.builder.local_sources(), progress, cancel_));
    // One that another client holds up is not waited for: all comes, for this build alone.
    if (!source) {
      TRY(make_directories(files, 0700));
      return sync_files(*session_, request, progress, cancel_);
    }
    files = source->files();
    version = source->version();
    sources_.push_back(std::move(*source));
    return {};
  }));
  return builder::LocalFiles{.directory = files, .is_still = true, .version = version};
}

// A context that is no directory: the client's standard input, or elsewhere.
Result<> FrontendBuild::load_upload() {
  if (options_.upload != nullptr) {
    return load_tar([&](const Path& into, const std::function<void(uint64_t)>& progress) {
      return unpack_tar(*options_.upload, into, progress, cancel_);
    });
  }
  if (options_.remote_context.empty()) return {};
  std::string_view path = options_.remote_context;
  for (const std::string_view before : {"http://buildkit-session", "https://buildkit-session"}) {
    if (path.starts_with(before)) path.remove_prefix(before.size());
  }
  if (!path.starts_with('/')) {
    options_.request.context_url = options_.remote_context;
    return {};
  }
  return load_tar([&](const Path& into, const std::function<void(uint64_t)>& progress) {
    return unpack_upload(*session_, std::string(path), into, progress, cancel_);
  });
}

Result<> FrontendBuild::load_tar(
    const std::function<Result<>(const Path& into, const std::function<void(uint64_t)>& progress)>&
        unpack) {
  const Path into = files_->path() / "context";
  TRY(make_directories(into, 0700));
  options_.request.context_directory = into;
  options_.request.context_is_still = true;
  options_.request.ignore_text = "";
  return load(
      "load remote build context", "context",
      [&](const std::function<void(uint64_t)>& progress) { return unpack(into, progress); });
}

Result<> FrontendBuild::load_definition() {
  const std::string& name = options_.file_name;
  const bool fetched = !options_.request.context_url.empty();
  if (fetched && !options_.dockerfile_is_local) {
    options_.request.dockerfile = name;
    dockerfile_.name = name;
    return {};
  }
  const bool in_context =
      !options_.request.context_directory.empty() && !options_.dockerfile_is_local;
  const Path into = in_context ? options_.request.context_directory : files_->path() / "dockerfile";
  const Path lower = Path(name).parent_path() / to_lower(Path(name).filename().native());
  if (!in_context) {
    std::vector<std::string> follow{name, cat(name, ".dockerignore")};
    if (lower.native() != name) follow.push_back(lower.native());
    TRY_CONTEXT(load_files(cat("load build definition from ", name), "dockerfile",
                           {.directory = options_.dockerfile, .follow = follow, .into = into}),
                "failed to read dockerfile");
  }
  std::optional<std::string> text = TRY(read_if_there(into, name));
  if (!text) text = TRY(read_if_there(into, lower.native()));
  if (!text) {
    return Error(Code::kNotFound,
                 cat("failed to read dockerfile: open ", name, ": no such file or directory"));
  }
  dockerfile_ = {.name = name, .text = *text};
  options_.request.dockerfile = name;
  options_.request.dockerfile_text = std::move(text);
  if (!options_.request.ignore_text) {
    options_.request.ignore_text = TRY(read_if_there(into, cat(name, ".dockerignore")));
  }
  // Where it cannot be read the builder says why.
  const auto parsed = dockerfile::parse_dockerfile(name, dockerfile_.text);
  if (parsed) dockerfile_.stages = dockerfile::stages_shown(*parsed);
  return {};
}

Result<> FrontendBuild::load_ignore_file() {
  if (options_.request.ignore_text || !options_.request.context_url.empty()) return {};
  constexpr const char* kName = ".dockerignore";
  const Path into = files_->path() / "ignore";
  TRY(load_files("load .dockerignore", "context",
                 {.directory = options_.context, .follow = {kName}, .into = into}));
  options_.request.ignore_text = TRY(read_if_there(into, kName)).value_or("");
  return {};
}

Result<> FrontendBuild::load_context() {
  builder::BuildRequest& request = options_.request;
  request.context_name = session_->facts().shared_key;
  if (!request.context_directory.empty() || !request.context_url.empty()) return {};
  SyncRequest wanted{.directory = options_.context,
                     .exclude = ignore_lines(*request.ignore_text),
                     .into = files_->path() / "context"};
  // Where the Dockerfile cannot be understood the builder says why.
  const auto paths = tools_.builder.context_paths(request);
  const bool some = paths && *paths;
  const bool needs_none = !options_.question.empty() || (some && (*paths)->empty());
  if (needs_none) {
    TRY(make_directories(wanted.into, 0700));
    request.context_directory = wanted.into;
    return {};
  }
  if (some) {
    wanted.follow = **paths;
    request.names_in_context = [this, wanted](const std::string& directory) {
      return sync_names(*session_, wanted, directory, cancel_);
    };
  }
  const builder::LocalFiles files = TRY(load_source("load build context", wanted));
  request.context_directory = files.directory;
  request.context_is_still = true;
  request.context_version = files.version;
  return {};
}

Result<builder::NamedContext> FrontendBuild::named_context(const std::string& what,
                                                           const Path& into) {
  constexpr std::string_view kImage = "docker-image://";
  constexpr std::string_view kLocal = "local:";
  constexpr std::string_view kInput = "input:";
  constexpr std::string_view kLayout = "oci-layout:";
  if (what.starts_with(kImage)) {
    return builder::NamedContext(builder::ImageContext{what.substr(kImage.size())});
  }
  if (what.starts_with(kInput)) {
    const std::string name = what.substr(kInput.size());
    const auto part = options_.parts.find(name);
    if (part != options_.parts.end()) {
      return builder::NamedContext(TRY(load_part(part->second, into)));
    }
    const auto input = options_.inputs.find(name);
    if (input == options_.inputs.end()) {
      return Error(Code::kInvalidArgument, cat("there is no ", what));
    }
    return builder::NamedContext(builder::ResultContext{input->second->target});
  }
  if (what.starts_with(kLayout)) {
    return builder::NamedContext(TRY(fetch_layout(session_, what, into, options_.request.platforms,
                                                  tools_.images.content(), *lease_, cancel_)));
  }
  if (!what.starts_with(kLocal)) return builder::NamedContext(builder::RemoteContext{what});
  const std::string name = what.substr(kLocal.size());
  return builder::NamedContext(
      TRY(load_source(cat("load context ", name), {.directory = name, .into = into})));
}

Result<builder::LocalFiles> FrontendBuild::load_part(const RemoteSource& source, const Path& into) {
  TRY(load(cat("load remote source ", net::shown_url(source.url)), source.part,
           [&](const std::function<void(uint64_t)>&) {
             return fetch_part(source, options_.request, tools_.scratch, into, cancel_);
           }));
  return builder::LocalFiles{.directory = into, .is_still = true};
}

Result<> FrontendBuild::load_named_contexts() {
  for (const auto& [name, what] : options_.contexts) {
    const Path into = files_->path() / cat("named-", options_.request.named_contexts.size());
    options_.request.named_contexts[name] =
        TRY_CONTEXT(named_context(what, into), cat("context ", name));
  }
  return {};
}

void FrontendBuild::answer_questions() {
  const auto answers = std::make_shared<ClientAnswers>(session_, files_->path(), cancel_);
  options_.request.find_secret = [answers](const std::string& id) { return answers->secret(id); };
  options_.request.find_ssh_agent = [answers](const std::string& id) {
    return answers->ssh_agent(id);
  };
  options_.request.find_credentials = [answers](const std::string& host) {
    return answers->credentials(host);
  };
}

Result<builder::BuildResult> FrontendBuild::build() {
  BuildProgress progress(build_.progress(), dockerfile_, definition_vertex_,
                         {.several_platforms = options_.request.platforms.size() > 1,
                          .records_arguments = options_.request.attestations.provenance_args});
  options_.request.result_lease = lease_.get();
  auto built = tools_.builder.build(options_.request, std::ref(progress), cancel_);
  if (!built) {
    const auto placed = dockerfile::take_apart(built.error().message(), dockerfile_.name);
    progress.end(placed ? placed->text : built.error().message());
    return std::move(built.error());
  }
  progress.end("");
  TRY(outputs_->finish());
  if (outputs_->keeps_image()) tell_of_image(built->id);
  build_.keep_result(
      std::make_shared<const KeptResult>(KeptResult{built->target, std::move(lease_)}));
  return built;
}

void FrontendBuild::tell_of_image(const oci::Digest& id) {
  const std::string vertex = build_.progress().start("exporting to image");
  build_.progress().count(vertex, cat("writing image ", id.str()), 0, 0, true);
  for (const oci::Reference& name : outputs_->names()) {
    build_.progress().count(vertex, cat("naming to ", name.str()), 0, 0, true);
  }
  build_.progress().finish(vertex, "");
}

std::map<std::string, std::string> FrontendBuild::describe(
    const builder::BuildResult& result) const {
  std::map<std::string, std::string> reply;
  for (const auto& cache : caches_) {
    if (cache->written()) reply["cache.manifest"] = cache->written()->to_json().dump();
  }
  if (!outputs_->has_image()) return reply;
  oci::Descriptor target = result.target;
  target.annotations["config.digest"] = result.id.str();
  reply["containerimage.digest"] = result.target.digest.str();
  reply["containerimage.config.digest"] = result.id.str();
  reply["containerimage.descriptor"] = base64_encode(target.to_json().dump());
  std::vector<std::string> names;
  for (const oci::Reference& name : outputs_->names()) names.push_back(name.str());
  if (!names.empty()) reply["image.name"] = join(names, ",");
  return reply;
}

RpcFailure FrontendBuild::failure_of(const Error& error) const {
  return describe_failure(error, dockerfile_);
}

}  // namespace skiff::buildkit
