#include "main/registry_face.h"

#include "base/strings.h"

namespace skiff {

namespace {

// "https://registry.example:5000/": without the slash at its end.
Result<std::string> public_url(std::string_view text, std::string_view flag_prefix) {
  if (text.empty()) return std::string();
  const auto parts = split_once(text, ':');
  const bool is_http = parts && (parts->first == "https" || parts->first == "http") &&
                       parts->second.starts_with("//") && parts->second.size() > 2;
  if (!is_http || text.find_first_of("\"\\ \t") != std::string_view::npos) {
    return Error(Code::kInvalidArgument,
                 cat("invalid value for ", flag_prefix, "public-url: ", skiff::quoted(text),
                     ": as in https://registry.example"));
  }
  if (text.ends_with('/')) text.remove_suffix(1);
  return std::string(text);
}

}  // namespace

bool RegistryFace::is_given() const {
  return plain_http || tls_client_auth != RegistryFace().tls_client_auth ||
         !cat(tls_cert, tls_key, tls_client_ca, public_url, htpasswd, access_log, metrics_listen)
              .empty();
}

std::vector<Flag> face_flags(RegistryFace& face, std::string_view prefix) {
  std::vector<Flag> flags = {
      {"registry-tls-cert", "FILE", "serve HTTPS with this certificate chain (PEM)",
       &face.tls_cert},
      {"registry-tls-key", "FILE", "the certificate's key (PEM)", &face.tls_key},
      {"registry-tls-client-ca", "FILE", "demand certificates of this authority from clients",
       &face.tls_client_ca},
      {"registry-tls-client-auth", "WHICH", "whether these are required, or optional",
       &face.tls_client_auth},
      {"registry-plain-http", "",
       "serve addresses other than loopback without TLS, readable by whoever listens", nullptr,
       &face.plain_http},
      {"registry-public-url", "URL", "how clients reach it, where something stands before it",
       &face.public_url},
      {"registry-htpasswd", "FILE", "only the users of this file (htpasswd -B), with all rights",
       &face.htpasswd},
      {"registry-access-log", "FILE", "a line of JSON for each request; - for standard output",
       &face.access_log},
      {"registry-metrics-listen", "ADDRESS",
       "HOST:PORT for /metrics, /healthz and /readyz alone, by plain HTTP, for who reaches it",
       &face.metrics_listen},
  };
  constexpr std::string_view kLongest = "registry-";
  for (Flag& flag : flags) flag.name.remove_prefix(kLongest.size() - prefix.size());
  return flags;
}

Result<> show_face(const RegistryFace& face, const std::string& flag_prefix,
                   RegistryService::Options& options) {
  options.flag_prefix = flag_prefix;
  options.tls = {face.tls_cert, face.tls_key, face.tls_client_ca};
  options.tls.client_optional = face.tls_client_auth == "optional";
  if (!options.tls.client_optional && face.tls_client_auth != "required") {
    return Error(Code::kInvalidArgument,
                 cat("invalid value for ", flag_prefix, "tls-client-auth: ",
                     skiff::quoted(face.tls_client_auth), ": choose required or optional"));
  }
  options.plain_http = face.plain_http;
  options.metrics_listen = face.metrics_listen;
  options.registry.htpasswd = face.htpasswd;
  options.registry.public_url = TRY(public_url(face.public_url, flag_prefix));
  options.registry.access_log = face.access_log;
  return {};
}

}  // namespace skiff
