#include "upstream/options.h"

#include <algorithm>

#include "base/strings.h"
#include "net/url.h"
#include "oci/reference.h"

namespace skiff::upstream {

namespace {

constexpr size_t kMaxCredentials = 64 * 1024;

Error wrong(std::string_view text, std::string_view why) {
  return Error(Code::kInvalidArgument, cat("upstream ", skiff::quoted(text), ": ", why));
}

// "USER:PASSWORD", or a token to renew others with, in the file's first line.
Result<remote::Credentials> read_credentials(const Path& file) {
  const std::string bytes = TRY(read_file(file, kMaxCredentials));
  const std::string_view line = trim(std::string_view(bytes).substr(0, bytes.find('\n')));
  const auto parts = split_once(line, ':');
  if (!parts || parts->first.empty() || parts->second.empty()) {
    return Error(Code::kInvalidArgument,
                 cat(file.native(), ": its first line must be USER:PASSWORD"));
  }
  remote::Credentials out;
  out.username = parts->first;
  out.password = parts->second;
  return out;
}

Result<> read_url(OriginOptions& to, std::string_view url) {
  const net::Url parsed = TRY(net::Url::parse(std::string(url)));
  const bool is_http = parsed.scheme == "http";
  if (!is_http && parsed.scheme != "https") return wrong(url, "must be an https:// or http:// URL");
  if (!parsed.target.empty() && parsed.target != "/") return wrong(url, "must end with the host");
  to.host = to_lower(parsed.host);
  const auto reference = oci::Reference::parse(cat(to.host, "/a"));
  if (!reference || reference->domain() != to.host) {
    return wrong(url, cat("the host must have a dot or a port, as in ", to.host, ":443"));
  }
  if (is_http) to.client.insecure_hosts.push_back(to.host);
  return {};
}

Result<std::chrono::seconds> seconds(std::string_view text) {
  const auto n = parse_uint(text);
  if (n && *n <= uint64_t{1} << 31U) return std::chrono::seconds(*n);
  return Error(Code::kInvalidArgument,
               cat(skiff::quoted(text), " is not a whole number of seconds"));
}

Result<> read_setting(OriginOptions& to, std::string_view setting) {
  if (setting == "default") {
    to.is_default = true;
    return {};
  }
  const auto parts = split_once(setting, '=');
  const std::string_view key = parts ? parts->first : setting;
  const std::string value(parts ? parts->second : "");
  if (value.empty()) return wrong(setting, "must be KEY=VALUE, or default");
  if (key == "ns") {
    to.spaces.push_back(to_lower(value));
  } else if (key == "credentials") {
    to.client.credentials = TRY_CONTEXT(read_credentials(value), "credentials");
  } else if (key == "ca") {
    TRY_CONTEXT(read_file(value), "ca");
    to.client.ca_file = value;
  } else if (key == "revalidate") {
    to.revalidate = TRY_CONTEXT(seconds(value), "revalidate");
  } else if (key == "negative") {
    to.negative = TRY_CONTEXT(seconds(value), "negative");
  } else {
    return wrong(setting, "no such setting: ns, default, credentials, ca, revalidate, negative");
  }
  return {};
}

}  // namespace

Result<OriginOptions> parse_origin(std::string_view text) {
  OriginOptions out;
  const std::vector<std::string> parts = split(text, ',');
  const auto first = split_once(parts.front(), '=');
  if (!first) return wrong(text, "must begin with NAME=URL");
  out.name = first->first;
  if (!oci::valid_repository_path(out.name)) {
    return wrong(text, cat(skiff::quoted(out.name), " cannot begin the name of a repository"));
  }
  TRY(read_url(out, first->second));
  out.spaces = {out.name, out.host};
  // What clients call it.
  if (out.host == kDockerHub) out.spaces.emplace_back("docker.io");
  for (size_t i = 1; i < parts.size(); ++i) {
    TRY_CONTEXT(read_setting(out, parts[i]), cat("upstream ", out.name));
  }
  // Those who wait have time-outs of their own; what is here is served instead.
  out.client.attempts = 2;
  return out;
}

Result<> check(const Options& options) {
  std::vector<std::string> spaces;
  size_t defaults = 0;
  for (const OriginOptions& origin : options.origins) {
    for (const OriginOptions& other : options.origins) {
      const bool inside =
          &other != &origin && (cat(origin.name, "/").starts_with(cat(other.name, "/")));
      if (inside) return wrong(origin.name, cat("its repositories would be those of ", other.name));
    }
    std::vector<std::string> own = origin.spaces;
    std::ranges::sort(own);
    own.erase(std::ranges::unique(own).begin(), own.end());
    for (const std::string& space : own) {
      if (std::ranges::find(spaces, space) != spaces.end()) {
        return wrong(origin.name, cat(space, " means another one already"));
      }
    }
    spaces.insert(spaces.end(), own.begin(), own.end());
    defaults += origin.is_default ? 1 : 0;
  }
  if (defaults > 1) return Error(Code::kInvalidArgument, "one upstream can be the default");
  return {};
}

bool concerns(const Options& options, const net::Request& request) {
  if (options.origins.empty()) return false;
  if (request.query.has("ns")) return true;
  return std::ranges::any_of(options.origins, [&](const OriginOptions& origin) {
    return origin.is_default || request.path.starts_with(cat("/v2/", origin.name, "/"));
  });
}

}  // namespace skiff::upstream
