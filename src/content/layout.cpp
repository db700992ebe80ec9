#include "content/layout.h"

namespace skiff::content {

Result<> Layout::make(DurableFiles& files) const {
  std::error_code ignored;
  if (std::filesystem::is_directory(ingests(), ignored)) return {};
  // For nobody else: a blob's name is known to all who know the image, its bytes need not be.
  TRY(make_directories(blobs(), 0700));
  TRY(make_directories(blobs() / "sha256", 0700));
  TRY(make_directories(blobs() / "sha512", 0700));
  TRY(files.sync_directory(blobs()));
  TRY(make_directories(ingests(), 0700));  // last: its presence says that the rest is there
  return files.sync_directory(root_);
}

std::string Layout::blob_name(const oci::Digest& digest) const {
  const std::string_view hex = digest.hex();
  return cat(root_.native(), "/blobs/", digest.algorithm_name(), "/", hex.substr(0, 2), "/", hex);
}

}  // namespace skiff::content
