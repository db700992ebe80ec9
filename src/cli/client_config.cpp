#include "cli/client_config.h"

#include <cstdlib>

#include "base/strings.h"
#include "codec/base64.h"
#include "oci/reference.h"

namespace skiff::cli {

namespace {

constexpr std::string_view kHubKey = "https://index.docker.io/v1/";

// Docker keeps its hub's login under an address of long ago.
std::string key_of(const std::string& host) {
  return host.empty() || host == "docker.io" ? std::string(kHubKey) : host;
}

json::Value auth_of(const std::string& server, const json::Value& entry) {
  json::Value out = json::object({{"serveraddress", server}});
  if (auto pair = base64_decode(entry.string("auth"))) {
    if (auto parts = split_once(*pair, ':')) {
      out.set("username", parts->first);
      out.set("password", parts->second);
    }
  }
  if (auto token = entry.string("identitytoken"); !token.empty()) out.set("identitytoken", token);
  return out;
}

Path config_file() { return client_directory() / "config.json"; }

}  // namespace

Path client_directory() {
  const char* directory = ::getenv("DOCKER_CONFIG");
  if (directory != nullptr && *directory != '\0') return directory;
  const char* home = ::getenv("HOME");
  return Path(home != nullptr ? home : "/root") / ".docker";
}

Result<ClientConfig> ClientConfig::load() {
  ClientConfig config;
  config.file_ = config_file();
  auto text = read_file(config.file_);
  if (!text) {
    if (text.error().code() != Code::kNotFound) return std::move(text.error());
    config.document_ = json::object();
    return config;
  }
  config.document_ = TRY_CONTEXT(json::parse(*text), cat("read ", config.file_.native()));
  return config;
}

std::string ClientConfig::auth_header(const std::string& host) const {
  const json::Value* auths = document_.find("auths");
  const json::Value* entry = auths != nullptr ? auths->find(key_of(host)) : nullptr;
  return base64url_encode(entry != nullptr ? auth_of(key_of(host), *entry).dump() : "{}");
}

std::string ClientConfig::all_auths_header() const {
  json::Object out;
  for (const auto& [server, entry] : document_.object("auths"))
    out.set(server, auth_of(server, entry));
  return base64url_encode(json::Value(std::move(out)).dump());
}

std::string ClientConfig::username(const std::string& host) const {
  const json::Value* auths = document_.find("auths");
  const json::Value* entry = auths != nullptr ? auths->find(key_of(host)) : nullptr;
  return entry != nullptr ? auth_of(key_of(host), *entry).string("username") : "";
}

Result<> ClientConfig::save_login(const std::string& host, const std::string& username,
                                  const std::string& password, const std::string& identity_token) {
  json::Value auths =
      document_.find("auths") != nullptr ? *document_.find("auths") : json::object();
  const std::string kept = identity_token.empty() ? password : "";
  json::Value entry = json::object({{"auth", base64_encode(cat(username, ":", kept))}});
  if (!identity_token.empty()) entry.set("identitytoken", identity_token);
  auths.set(key_of(host), std::move(entry));
  document_.set("auths", std::move(auths));
  return write();
}

Result<bool> ClientConfig::remove_login(const std::string& host) {
  const json::Value* auths = document_.find("auths");
  if (auths == nullptr || !auths->has(key_of(host))) return false;
  json::Value rest = *auths;
  rest.make_object().erase(key_of(host));
  document_.set("auths", std::move(rest));
  TRY(write());
  return true;
}

Result<> ClientConfig::write() const {
  if (file_.empty()) {
    return Error(Code::kFailedPrecondition,
                 "logins are not changed while the settings file cannot be read");
  }
  TRY(make_directories(file_.parent_path(), 0700));
  return write_file_durably(file_, document_.pretty() + "\n", 0600);
}

std::string registry_host_of(const std::string& image) {
  auto reference = oci::Reference::parse(image);
  return reference ? reference->domain() : "";
}

}  // namespace skiff::cli
