// The client's settings, shared with Docker's clients: $DOCKER_CONFIG/config.json, else
// ~/.docker/config.json. Only the logins ("auths") are read and written; the rest is kept.
#pragma once

#include <string>

#include "base/file.h"
#include "codec/json.h"

namespace skiff::cli {

class ClientConfig {
 public:
  // A missing file is an empty configuration.
  static Result<ClientConfig> load();

  // X-Registry-Auth for a registry host ("docker.io", "localhost:5000"): base64url of
  // {username, password, serveraddress}; of {} when there is no login.
  std::string auth_header(const std::string& host) const;
  // X-Registry-Config: all logins, for build.
  std::string all_auths_header() const;
  std::string username(const std::string& host) const;

  // Written at once, mode 0600. An identity token is kept in the password's place.
  Result<> save_login(const std::string& host, const std::string& username,
                      const std::string& password, const std::string& identity_token = "");
  // False when there was none.
  Result<bool> remove_login(const std::string& host);

 private:
  Result<> write() const;
  Path file_;
  json::Value document_;
};

// $DOCKER_CONFIG, else ~/.docker.
Path client_directory();
// The host part of an image name, as logins are kept by.
std::string registry_host_of(const std::string& image);

}  // namespace skiff::cli
