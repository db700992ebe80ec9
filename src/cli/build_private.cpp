#include "cli/build_private.h"

#include <cstdlib>

#include "base/file.h"
#include "base/strings.h"
#include "cli/option_values.h"
#include "cli/session.h"
#include "codec/base64.h"
#include "codec/json.h"

namespace skiff::cli {

namespace {

// The server refuses larger heads.
constexpr size_t kMostHeader = size_t{48} << 10U;

struct Secret {
  std::string id;
  std::string type;
  std::string source;
  std::string variable;
};

// "id=token,src=file", "id=token,env=NAME".
Result<Secret> parse_secret(const std::string& text) {
  Secret out;
  for (const std::string& field : split_fields(text)) {
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

// "default", "default=/run/agent.sock".
Result<> add_agent(const std::string& text, json::Object& agents) {
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
  const Path path = std::filesystem::absolute(socket, ec);
  if (!std::filesystem::is_socket(path, ec)) {
    return bad_flag("--ssh", text, cat(path.native(), " is no socket of an agent"));
  }
  agents.set(id, path.native());
  return {};
}

}  // namespace

Result<std::string> private_build_header(const Flags& flags) {
  if (!flags.has("secret") && !flags.has("ssh") && !flags.has("allow")) return std::string();
  json::Object secrets;
  for (const std::string& text : flags.all("secret")) {
    const Secret secret = TRY(parse_secret(text));
    secrets.set(secret.id, base64_encode(TRY(read_secret(secret))));
  }
  json::Object agents;
  for (const std::string& text : flags.all("ssh")) TRY(add_agent(text, agents));
  json::Array allowed;
  for (const std::string& one : flags.all("allow")) allowed.emplace_back(one);
  json::Value all = json::object({});
  all.set("secrets", json::Value(std::move(secrets)));
  all.set("ssh", json::Value(std::move(agents)));
  all.set("allow", json::Value(std::move(allowed)));
  std::string header = base64_encode(all.dump());
  if (header.size() <= kMostHeader) return header;
  return Error(Code::kInvalidArgument, "--secret: all secrets together are too large");
}

}  // namespace skiff::cli
