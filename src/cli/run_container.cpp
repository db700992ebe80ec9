#include "cli/run_container.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <optional>

#include "base/strings.h"
#include "cli/create_request.h"
#include "cli/terminal.h"
#include "oci/reference.h"

namespace skiff::cli {

namespace {

constexpr size_t kMaxAnswer = size_t{1} << 20U;

// What is no name of an image and no ID of one is refused before the daemon is asked.
Result<> check_image_name(const std::string& name) {
  constexpr size_t kDigits = 64;
  if (name.size() == kDigits || name.starts_with("sha256:")) return {};
  TRY(oci::Reference::parse(name));
  return {};
}

bool image_is_missing(const Error& error) {
  return error.code() == Code::kNotFound &&
         (error.message().find("No such image") != std::string::npos ||
          error.message().find("image with reference") != std::string::npos);
}

Result<json::Value> post_create(Session& session, const Flags& flags, const json::Value& body) {
  net::Query query;
  if (flags.has("name")) query.add("name", flags.get("name"));
  if (flags.has("platform")) query.add("platform", flags.get("platform"));
  std::string text = query.str();
  return session.api.post(cat("/containers/create", text.empty() ? "" : "?", text), body);
}

Result<json::Value> create_or_pull(Session& session, const Flags& flags, const json::Value& body) {
  std::string pull = flags.get("pull", "missing");
  const std::string& image = flags.args[0];
  auto pull_now = [&]() -> Result<> {
    auto reference = TRY(oci::Reference::parse(image)).with_default_tag();
    return pull_image(session, reference, flags.get("platform"), STDERR_FILENO, flags.on("quiet"));
  };
  if (pull == "always") TRY(pull_now());
  auto created = post_create(session, flags, body);
  if (created || pull != "missing" || !image_is_missing(created.error())) return created;
  auto name = oci::Reference::parse(image);
  if (!name) return created;
  if (!flags.on("quiet")) {
    print_error(cat("Unable to find image '", name->with_default_tag().familiar(), "' locally\n"));
  }
  TRY(pull_now());
  return post_create(session, flags, body);
}

// The file is made first: a second container must not take over its place.
Result<UniqueFd> open_id_file(const std::string& path) {
  if (path.empty()) return UniqueFd();
  auto file = open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (!file && file.error().sys_errno() == EEXIST) {
    return Error(Code::kAlreadyExists,
                 cat("container ID file found, make sure the other container isn't running or "
                     "delete ",
                     path));
  }
  return file;
}

std::string attach_query(const AttachPlan& plan) {
  net::Query query;
  if (!plan.detach_keys.empty()) query.add("detachKeys", plan.detach_keys);
  if (plan.err) query.add("stderr", "1");
  if (plan.in) query.add("stdin", "1");
  if (plan.out) query.add("stdout", "1");
  query.add("stream", "1");
  return query.str();
}

}  // namespace

Result<> pull_image(Session& session, const oci::Reference& reference, const std::string& platform,
                    int fd, bool quiet) {
  net::Query query;
  query.add("fromImage", reference.familiar_repository());
  query.add("tag", reference.digest() ? reference.digest()->str() : reference.tag());
  if (!platform.empty()) query.add("platform", platform);
  net::ClientRequest request;
  request.method = "POST";
  request.target = cat("/images/create?", query.str());
  request.headers.set("X-Registry-Auth", session.config.auth_header(reference.domain()));
  ProgressPrinter printer(fd, quiet);
  return show_progress(session, request, printer);
}

Result<std::string> create_container(Session& session, const Flags& flags) {
  TRY(check_image_name(flags.args[0]));
  json::Value body = TRY(make_create_request(flags));
  std::string id_file = flags.get("cidfile");
  UniqueFd file = TRY(open_id_file(id_file));
  auto created = create_or_pull(session, flags, body);
  if (!created) {
    std::error_code ec;
    if (file) std::filesystem::remove(id_file, ec);
    return std::move(created.error());
  }
  for (const auto& warning : created->strings("Warnings")) {
    print_error(cat("WARNING: ", warning, "\n"));
  }
  std::string id = created->string("Id");
  if (file) TRY_CONTEXT(FdSink(file.get()).write(id), cat("write ", id_file));
  return id;
}

Result<ExitWait> ExitWait::begin(const Session& session, std::string_view id,
                                 std::string_view condition) {
  ExitWait wait(session.api.another());
  net::ClientRequest request;
  request.method = "POST";
  request.target = container_path(id, cat("/wait?condition=", condition));
  wait.response_ = TRY(wait.api_->send(request));
  return wait;
}

Outcome ExitWait::finish() {
  std::string text = TRY(read_all(*response_.body, kMaxAnswer));
  json::Value answer = TRY_CONTEXT(json::parse(text), "answer of the daemon");
  if (const json::Value* error = answer.find("Error"); error != nullptr && error->is_object()) {
    if (auto message = error->string("Message"); !message.empty()) {
      print_error(cat("Error waiting for container: ", message, "\n"));
      return 125;
    }
  }
  return static_cast<int>(answer.integer("StatusCode"));
}

Outcome attach_and_start(Session& session, const std::string& id, const AttachPlan& plan,
                         std::string_view condition, const std::function<Result<>()>& start) {
  AttachStream how{plan.in, plan.terminal, container_path(id, "/resize"),
                   TRY(DetachKeys::parse(plan.detach_keys))};
  std::optional<SignalProxy> proxy;
  if (plan.proxy_signals && !plan.terminal) {
    proxy.emplace(session.api, container_path(id, "/kill"));
  }
  std::optional<net::Hijacked> connection;
  if (plan.any()) {
    connection = TRY(session.api.hijack(container_path(id, cat("/attach?", attach_query(plan)))));
  }
  ExitWait wait = TRY(ExitWait::begin(session, id, condition));
  TRY(start());
  if (connection) {
    StreamEnd end = TRY(carry_streams(session, std::move(*connection), std::move(how)));
    if (end == StreamEnd::kDetached) return 0;
  }
  return wait.finish();
}

Result<> check_terminal(bool attach_stdin, bool tty) {
  if (!attach_stdin || !tty || is_terminal(STDIN_FILENO)) return {};
  return Error(Code::kFailedPrecondition, "the input device is not a TTY");
}

int start_error_code(std::string_view message) {
  auto says = [&](std::string_view words) { return message.find(words) != std::string_view::npos; };
  if (says("executable file not found") || says("no such file or directory")) return 127;
  if (says("permission denied") || says("is a directory")) return 126;
  return 125;
}

}  // namespace skiff::cli
