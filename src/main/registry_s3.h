// The flags that put a registry's blobs into an S3 store. Keys are read from a file or the
// environment: a command line is seen by all who may list processes.
#pragma once

#include <optional>
#include <string>

#include "registry/s3_blobs.h"

namespace skiff {

struct S3Flags {
  std::string endpoint;
  std::string bucket;
  std::string region = "us-east-1";
  std::string prefix;
  std::string credentials;
  std::string ca;
  bool virtual_host = false;
  bool redirect = false;
};

// nullopt where none is given. Errors name the flag, never a key.
Result<std::optional<registry::S3Options>> s3_options(const S3Flags& flags);

}  // namespace skiff
