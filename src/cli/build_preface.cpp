#include "cli/build_preface.h"

#include <fcntl.h>

#include <charconv>
#include <cstdlib>
#include <cstring>

#include "base/file.h"
#include "base/strings.h"
#include "cli/option_values.h"
#include "cli/session.h"
#include "cli/tree_tar.h"
#include "codec/base64.h"
#include "codec/json.h"

namespace skiff::cli {

namespace {

constexpr size_t kMostIgnore = size_t{16} << 20U;

struct Secret {
  std::string id;
  std::string type;
  std::string source;
  std::string variable;
};

// "id=token,src=file", "id=token,env=NAME".
Result<Secret> parse_secret(const std::string& text) {
  Secret out;
  for (const std::string& field : TRY(split_fields("--secret", text))) {
    const auto parts = split_once(field, '=');
    if (!parts) return bad_flag("--secret", text, cat("invalid field '", field, "'"));
    const std::string key = to_lower(parts->first);
    const std::string value(parts->second);
    if (key == "id") {
      out.id = value;
    } else if (key == "type") {
      if (value != "file" && value != "env") {
        return bad_flag("--secret", text, cat("unsupported secret type ", skiff::quoted(value)));
      }
      out.type = value;
    } else if (key == "src" || key == "source") {
      out.source = value;
    } else if (key == "env") {
      out.variable = value;
    } else {
      return bad_flag("--secret", text, cat("unexpected key '", key, "'"));
    }
  }
  if (out.id.empty()) return bad_flag("--secret", text, "an id is needed");
  if (out.type == "env" && out.variable.empty()) out.variable = std::exchange(out.source, {});
  return out;
}

Result<std::string> read_secret(const Secret& secret) {
  std::string variable = secret.variable;
  const bool unsaid = variable.empty() && secret.source.empty();
  if (unsaid && (secret.type == "env" || ::getenv(secret.id.c_str()) != nullptr)) {
    variable = secret.id;
  }
  if (!variable.empty()) {
    const char* value = ::getenv(variable.c_str());
    if (value != nullptr) return std::string(value);
    return Error(Code::kNotFound,
                 cat("secret ", secret.id, ": the variable ", variable, " is not set"));
  }
  return read_file(secret.source.empty() ? secret.id : secret.source)
      .context(cat("secret ", secret.id));
}

// "default", "default=/run/agent.sock", "default=KEY,KEY".
Result<> add_agent(const std::string& text, json::Object& agents, std::vector<KeyAgent>& started) {
  const auto parts = split_once(text, '=');
  const std::string id(parts ? parts->first : std::string_view(text));
  std::string socket(parts ? parts->second : "");
  if (id.empty()) return bad_flag("--ssh", text, "an id is needed");
  if (socket.empty()) {
    const char* own = ::getenv("SSH_AUTH_SOCK");
    if (own == nullptr) {
      return Error(Code::kNotFound, cat("--ssh ", text, ": SSH_AUTH_SOCK is not set"));
    }
    socket = own;
  }
  std::error_code ec;
  // A socket's path may have commas.
  const Path whole = std::filesystem::absolute(socket, ec);
  if (std::filesystem::is_socket(whole, ec)) {
    agents.set(id, whole.native());
    return {};
  }
  std::vector<Path> keys;
  for (const std::string& one : split(socket, ',')) {
    keys.push_back(std::filesystem::absolute(one, ec));
    if (std::filesystem::is_socket(keys.back(), ec)) {
      return bad_flag("--ssh", text, "it is one socket of an agent, or files of keys");
    }
  }
  started.push_back(TRY_CONTEXT(KeyAgent::start(keys), cat("--ssh ", text)));
  agents.set(id, started.back().socket().native());
  return {};
}

// "DIR", "DIR:TAG", "DIR@DIGEST".
std::pair<std::string, std::string> split_layout(const std::string& text) {
  if (auto digest = split_once(text, '@')) {
    return {std::string(digest->first), std::string(digest->second)};
  }
  const size_t slash = text.rfind('/');
  const size_t colon = text.find(':', slash == std::string::npos ? 0 : slash);
  if (colon == std::string::npos) return {text, ""};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

// The tar of a directory, without what an ignore file of its own leaves out.
Result<std::unique_ptr<Source>> tar_of(const std::string& text, const std::string& directory,
                                       bool ignores) {
  std::error_code ec;
  const Path root = std::filesystem::canonical(directory, ec);
  if (ec || !std::filesystem::is_directory(root, ec)) {
    TRY(check_scheme(directory).context(cat("--build-context ", text)));
    return bad_flag("--build-context", text, cat(directory, " is no directory"));
  }
  TreeTarOptions options{.always = {".dockerignore"}};
  if (ignores && std::filesystem::exists(root / ".dockerignore", ec)) {
    UniqueFd file = TRY(open_file(root / ".dockerignore", O_RDONLY | O_CLOEXEC));
    FdSource source(file.get());
    options.ignored = TRY_CONTEXT(oci::IgnorePatterns::parse(TRY(read_all(source, kMostIgnore))),
                                  ".dockerignore");
  }
  return std::make_unique<TreeTar>(root, std::move(options));
}

struct Sent {
  json::Value context;
  std::unique_ptr<Source> tar;  // where there is one
};

// "NAME=SRC".
Result<Sent> read_context(const std::string& text, const std::string& source) {
  constexpr std::string_view kImage = "docker-image://";
  constexpr std::string_view kLayout = "oci-layout://";
  Sent out;
  out.context = json::object({});
  if (source.starts_with(kImage)) {
    out.context.set("image", source.substr(kImage.size()));
  } else if (source.starts_with(kLayout)) {
    const auto [directory, reference] = split_layout(source.substr(kLayout.size()));
    out.context.set("layout", true);
    out.context.set("reference", reference);
    out.tar = TRY(tar_of(text, directory, false));
  } else if (is_remote(source)) {
    out.context.set("url", source);
  } else {
    out.context.set("files", true);
    out.tar = TRY(tar_of(text, source, true));
  }
  return out;
}

// The tars come in the order of the names.
Result<json::Object> read_contexts(const Flags& flags, std::vector<std::unique_ptr<Source>>& tars) {
  std::map<std::string, Sent> sorted;
  for (const std::string& text : flags.all("build-context")) {
    const auto parts = split_once(text, '=');
    if (!parts || parts->first.empty() || parts->second.empty()) {
      return bad_flag("--build-context", text, "it is NAME=SOURCE");
    }
    Sent sent = TRY(read_context(text, std::string(parts->second)));
    sorted.insert_or_assign(std::string(parts->first), std::move(sent));
  }
  json::Object out;
  for (auto& [name, sent] : sorted) {
    out.set(name, std::move(sent.context));
    if (sent.tar) tars.push_back(std::move(sent.tar));
  }
  return out;
}

Result<json::Value> private_parts(const Flags& flags, std::vector<KeyAgent>& started) {
  json::Object secrets;
  for (const std::string& text : flags.all("secret")) {
    const Secret secret = TRY(parse_secret(text));
    secrets.set(secret.id, base64_encode(TRY(read_secret(secret))));
  }
  json::Object agents;
  for (const std::string& text : flags.all("ssh")) TRY(add_agent(text, agents, started));
  json::Array allowed;
  for (const std::string& one : split(join(flags.all("allow"), ","), ',')) {
    if (one.empty()) continue;
    if (one != "security.insecure" && one != "network.host") {
      return bad_flag("--allow", one, "it is security.insecure or network.host");
    }
    allowed.emplace_back(one);
  }
  json::Value all = json::object({});
  all.set("secrets", json::Value(std::move(secrets)));
  all.set("ssh", json::Value(std::move(agents)));
  all.set("allow", json::Value(std::move(allowed)));
  return all;
}

class Nothing : public Source {
 public:
  Result<size_t> read(std::span<char>) override { return size_t{0}; }
};

}  // namespace

bool is_remote(const std::string& text) {
  constexpr std::string_view kGit = "git+";
  const std::string_view address =
      std::string_view(text).substr(text.starts_with(kGit) ? kGit.size() : 0);
  for (std::string_view start : {"http://", "https://", "git://", "ssh://", "git@"}) {
    if (address.starts_with(start)) return true;
  }
  std::error_code ec;
  return text.starts_with("github.com/") && !std::filesystem::exists(text, ec);
}

Result<> check_scheme(const std::string& text) {
  const size_t end = text.find("://");
  if (end == std::string::npos) return {};
  return Error(Code::kInvalidArgument, cat("unknown scheme ", skiff::quoted(text.substr(0, end)),
                                           ": it is one of http, https, git and ssh"));
}

BuildBody::BuildBody(std::string first, std::vector<std::unique_ptr<Source>> tars)
    : piece_(cat(first.size(), "\n", first)), tars_(std::move(tars)) {}

Result<> BuildBody::produce() {
  constexpr size_t kMostPiece = size_t{64} << 10U;
  constexpr int kHex = 16;
  std::string bytes(kMostPiece, '\0');
  const size_t n = TRY(tars_[next_]->read(bytes));
  bytes.resize(n);
  char length[2 * sizeof(size_t) + 1] = {};
  std::to_chars(length, length + sizeof length - 1, n, kHex);
  piece_ = cat(std::string_view(length), "\n", bytes);
  given_ = 0;
  if (n == 0) ++next_;
  return {};
}

Result<size_t> BuildBody::read(std::span<char> buffer) {
  if (given_ == piece_.size()) {
    if (next_ == tars_.size()) return size_t{0};
    TRY(produce());
  }
  const size_t n = piece_.copy(buffer.data(), buffer.size(), given_);
  given_ += n;
  return n;
}

Result<PrefacedBody> with_preface(const Flags& flags, const std::optional<std::string>& dockerfile,
                                  std::unique_ptr<Source> tar) {
  bool any = dockerfile.has_value();
  for (const char* flag : {"secret", "ssh", "allow", "build-context"}) any |= flags.has(flag);
  if (!any) return PrefacedBody{std::move(tar), "application/x-tar"};
  PrefacedBody out{.content_type = kBuildPreface};
  json::Value all = TRY(private_parts(flags, out.agents));
  std::vector<std::unique_ptr<Source>> tars;
  all.set("contexts", json::Value(TRY(read_contexts(flags, tars))));
  if (dockerfile) all.set("dockerfile", *dockerfile);
  tars.push_back(tar ? std::move(tar) : std::make_unique<Nothing>());
  out.source = std::make_unique<BuildBody>(all.dump(), std::move(tars));
  return out;
}

}  // namespace skiff::cli
