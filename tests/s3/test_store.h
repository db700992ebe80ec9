// The store that tests run against: SKIFF_S3_ENDPOINT and SKIFF_S3_BUCKET say which, SKIFF_S3_KEY
// and SKIFF_S3_SECRET are its keys.
#pragma once

#include <cstdlib>
#include <string>

#include "s3/bucket.h"

namespace skiff::s3 {

inline std::string setting(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

inline BucketOptions store_options() {
  return {.endpoint = setting("SKIFF_S3_ENDPOINT"),
          .bucket = setting("SKIFF_S3_BUCKET"),
          .credentials = {setting("SKIFF_S3_KEY"), setting("SKIFF_S3_SECRET"), ""}};
}

}  // namespace skiff::s3
