// Which other registries a registry fetches from, as its operator words it:
//
//   hub=https://hub.example,default,ns=docker.io,credentials=/etc/skiff/hub
//   other.example=https://other.example,revalidate=60
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_server.h"
#include "remote/registry_client.h"

namespace skiff::upstream {

// Where the API of docker.io is.
inline constexpr std::string_view kDockerHub = "registry-1.docker.io";

struct OriginOptions {
  std::string name;  // also the place of its repositories: NAME/library/alpine
  std::string host;  // "registry-1.docker.io", with a port where it has one
  // Names that an `ns` parameter may call it by: `name`, `host` and those given.
  std::vector<std::string> spaces;
  bool is_default = false;                   // it has the names that are not here
  std::chrono::seconds revalidate{300};      // how long a tag holds before it is asked for again
  std::chrono::seconds negative{60};         // how long what is not there is not asked for again
  std::chrono::milliseconds patience{5000};  // for its answer, where a copy is here
  remote::ClientOptions client;
};

struct Options {
  std::vector<OriginOptions> origins;
  uint64_t size = 0;         // bytes of blobs that are kept; 0: no limit
  Path spool;                // a directory for what is on its way
  bool run_mirrors = false;  // when their time comes
};

// Reads the credentials' file, too. An error names the part that is wrong.
Result<OriginOptions> parse_origin(std::string_view text);
// What holds of all together: names are there once, one is the default at most.
Result<> check(const Options& options);

// Whether answering the request may take asking another registry.
bool concerns(const Options& options, const net::Request& request);

}  // namespace skiff::upstream
