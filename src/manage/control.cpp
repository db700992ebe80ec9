#include "manage/control.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/log.h"
#include "base/strings.h"
#include "manage/redaction.h"
#include "registry/mark.h"
#include "upstream/pull_through.h"

namespace skiff::manage {

namespace {

constexpr size_t kLongestArguments = size_t{64} << 10U;
constexpr size_t kLongestLine = size_t{1} << 20U;

// The socket by a path of few letters, however long the root's is: an address has room for 107.
class ShortPath {
 public:
  static Result<ShortPath> of(const Path& root) {
    return ShortPath(TRY(open_file(root, O_PATH | O_DIRECTORY)));
  }
  Path path() const { return cat("/proc/self/fd/", directory_.get(), "/", kSocketName); }

 private:
  explicit ShortPath(UniqueFd directory) : directory_(std::move(directory)) {}
  UniqueFd directory_;
};

json::Value error_json(const Error& error) {
  return json::object({{"error", json::object({{"code", std::string(code_name(error.code()))},
                                               {"message", error.message()}})}});
}

Error error_of(const json::Value& told) {
  for (int i = 0; i <= static_cast<int>(Code::kUnauthenticated); ++i) {
    if (code_name(static_cast<Code>(i)) == told.string("code")) {
      return Error(static_cast<Code>(i), told.string("message"));
    }
  }
  return Error(Code::kUnknown, told.string("message"));
}

// The answer: lines of JSON. A client that is gone is not told any more.
class Lines {
 public:
  explicit Lines(net::ResponseWriter& writer) : writer_(writer) {}

  void send(const json::Value& line) {
    if (broken_) return;
    if (!writer_.started()) {
      writer_.headers().set("Content-Type", "application/x-ndjson");
      broken_ = !writer_.begin(200);
    }
    if (!broken_) broken_ = !writer_.write(line.dump() + "\n");
  }
  void finish() {
    if (broken_) return;
    if (const auto sent = writer_.finish(); !sent) log_debug(sent.error().message());
  }

 private:
  net::ResponseWriter& writer_;
  bool broken_ = false;
};

Result<json::Value> run_asked(registry::Registry& registry, net::Request& request,
                              net::ResponseWriter& writer, Lines& lines) {
  const Operation* operation = request.method == "POST" && !request.path.empty()
                                   ? find_operation(request.path.substr(1))
                                   : nullptr;
  if (operation == nullptr) {
    return Error(Code::kNotFound, cat("this server has no operation ", quoted(request.path),
                                      ": is it of the version of this command?"));
  }
  const std::string body = TRY(read_all(*request.body, kLongestArguments));
  const json::Value arguments = TRY(json::parse(body));
  log_info(cat("control: ", operation->name, " ", without_secrets(arguments).dump()));
  TRY(registry.check_files());
  const Tell tell = [&](const json::Value& event) { lines.send(json::object({{"event", event}})); };
  return operation->run(registry, arguments, tell, writer.client_gone());
}

net::Handler make_handler(registry::Registry& registry) {
  return [&registry](net::Request& request, net::ResponseWriter& writer) {
    Lines lines(writer);
    const Result<json::Value> result = run_asked(registry, request, writer, lines);
    lines.send(result ? json::object({{"result", *result}}) : error_json(result.error()));
    lines.finish();
  };
}

}  // namespace

ControlServer::ControlServer(registry::Registry& registry, Path socket)
    : socket_(std::move(socket)), server_(make_handler(registry), {.max_connections = 64}) {}

Result<std::unique_ptr<ControlServer>> ControlServer::start(registry::Registry& registry,
                                                            const Path& root) {
  const ShortPath at = TRY(ShortPath::of(root));
  UniqueFd listening = TRY_CONTEXT(net::listen_unix(at.path(), 0660), root.native());
  std::unique_ptr<ControlServer> control(new ControlServer(registry, root / kSocketName));
  TRY(control->server_.listen(std::move(listening)));
  control->thread_ = std::thread([&server = control->server_] {
    if (const auto served = server.run(); !served) {
      log_error(cat("control: ", served.error().message()));
    }
  });
  return control;
}

ControlServer::~ControlServer() {
  if (!thread_.joinable()) return;
  server_.stop();
  thread_.join();
  ::unlink(socket_.c_str());
}

Result<std::optional<Control>> Control::connect(const Path& root) {
  const auto at = ShortPath::of(root);
  if (!at && at.error().code() == Code::kNotFound) return std::nullopt;
  if (!at) return at.error();
  Result<UniqueFd> socket = net::connect_unix(at->path());
  if (socket) {
    const int fd = socket->get();
    return Control(net::HttpClient(net::make_plain_stream(*std::move(socket))), fd);
  }
  const int reason = socket.error().sys_errno();
  if (reason == ENOENT || reason == ECONNREFUSED) return std::nullopt;
  return Error::from_errno(reason, cat("connect to ", (root / kSocketName).native()));
}

Result<> Control::send(std::string_view operation, const json::Value& arguments) {
  net::ClientRequest request{.method = "POST", .target = cat("/", operation)};
  request.headers.set("Host", "control");
  request.headers.set("Content-Type", "application/json");
  request.body = arguments.dump();
  body_ = TRY(http_.send(request)).body;
  return {};
}

Result<json::Value> Control::next() {
  for (;;) {
    if (const size_t end = rest_.find('\n'); end != std::string::npos) {
      json::Value line = TRY(json::parse(std::string_view(rest_).substr(0, end)));
      rest_.erase(0, end + 1);
      if (const json::Value* error = line.find("error")) return error_of(*error);
      return line;
    }
    char buffer[16384];
    const size_t size = TRY(body_->read(buffer));
    if (size == 0 || rest_.size() > kLongestLine) {
      return Error(Code::kUnavailable, "the server ended in the middle of it");
    }
    rest_.append(buffer, size);
  }
}

Result<json::Value> Control::run(std::string_view operation, const json::Value& arguments,
                                 const Tell& tell) {
  TRY(send(operation, arguments));
  for (;;) {
    const json::Value line = TRY(next());
    if (const json::Value* result = line.find("result")) return *result;
    if (const json::Value* event = line.find("event")) tell(*event);
  }
}

Result<json::Value> Control::begin(std::string_view operation, const json::Value& arguments) {
  TRY(send(operation, arguments));
  return next();
}

Result<> Control::still_goes_on() const {
  pollfd said{socket_, POLLIN | POLLRDHUP, 0};
  if (::poll(&said, 1, 0) == 0) return {};
  return Error(Code::kUnavailable, "the server ended in the middle of it");
}

Result<Hold> Hold::take(const Path& root) {
  Hold hold;
  hold.server_ = TRY(Control::connect(root));
  if (hold.server_) {
    TRY(hold.server_->begin("hold", json::object()));
  } else {
    if (!TRY(registry::has_registry(root))) {
      return Error(Code::kNotFound, cat("there is no registry in ", root.native()));
    }
    hold.lock_.emplace(TRY(content::RootLock::take(root / "content")));
  }
  return hold;
}

Result<json::Value> operate(const Path& root, std::string_view operation,
                            const json::Value& arguments, const Tell& tell, NoRegistry where_none) {
  if (auto server = TRY(Control::connect(root))) return server->run(operation, arguments, tell);
  if (!TRY(registry::has_registry(root)) && where_none == NoRegistry::kRefused) {
    return Error(Code::kNotFound, cat("there is no registry in ", root.native()));
  }
  const auto registry =
      TRY(registry::open_registry({.root = root,
                                   .collect_garbage = false,
                                   .send_webhooks = false,
                                   .upstreams = upstream::pull_through({.spool = root})}));
  return find_operation(operation)->run(*registry, arguments, tell, {});
}

}  // namespace skiff::manage
