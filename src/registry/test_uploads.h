// For tests of uploads: what there is of one, here and on disk.
#pragma once

#include <filesystem>

#include "registry/test_registry.h"

namespace skiff::registry {

// Promises 100 bytes, sends ten, and is gone.
inline void die_in_the_middle(uint16_t port, const std::string& location) {
  auto stream = net::make_plain_stream(*net::connect_tcp("127.0.0.1", port));
  ASSERT_TRUE(stream->write(
      cat("PATCH ", location, " HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n0123456789")));
  ASSERT_TRUE(stream->shutdown_write());
  EXPECT_TRUE(read_all(*stream, 100'000));  // until the server has noticed
}

class UploadsTest : public RegistryTest {
 protected:
  bool has(const std::string& repository, const std::string& bytes) {
    return client().head(blob_path(repository, oci::Digest::of(bytes).str())).status == 200;
  }
  // How many files there are under content/DIRECTORY.
  int files(const char* directory) {
    int count = 0;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(options_.root / "content" / directory)) {
      if (entry.is_regular_file()) ++count;
    }
    return count;
  }
  static std::string with_digest(const std::string& location, const std::string& bytes) {
    return cat(location, "?digest=", oci::Digest::of(bytes).str());
  }
};

}  // namespace skiff::registry
