// The flags of a registry's face: how clients reach it and how it knows them, and what tells of
// them. skiff-registry has them as they are, skiffd with "registry-" before each.
//
//   RegistryFace face;
//   std::vector<Flag> flags = face_flags(face, "registry-");
//   TRY(parse_flags(arguments, flags));
//   TRY(show_face(face, "--registry-", options));
#pragma once

#include "base/flags.h"
#include "main/registry_service.h"

namespace skiff {

struct RegistryFace {
  std::string tls_cert;
  std::string tls_key;
  std::string tls_client_ca;
  std::string tls_client_auth = "required";
  bool plain_http = false;
  std::string public_url;
  std::string htpasswd;
  std::string access_log;
  std::string metrics_listen;

  // Whether any is given.
  bool is_given() const;
};

// `prefix` is "" or "registry-".
std::vector<Flag> face_flags(RegistryFace& face, std::string_view prefix);

// Into the options. An error names the flag.
Result<> show_face(const RegistryFace& face, const std::string& flag_prefix,
                   RegistryService::Options& options);

}  // namespace skiff
