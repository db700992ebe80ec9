// Layout: where the content store keeps what. docs/formats/content.md describes it.
#pragma once

#include "base/file.h"
#include "base/random.h"
#include "base/strings.h"
#include "oci/digest.h"

namespace skiff::content {

class Layout {
 public:
  explicit Layout(Path root) : root_(std::move(root)) {}

  // Makes the directories that are missing, durably.
  Result<> make(DurableFiles& files) const;

  Path blobs() const { return root_ / "blobs"; }
  Path ingests() const { return root_ / "ingests"; }
  Path trash() const { return root_ / "trash"; }
  Path quarantine() const { return root_ / "quarantine"; }
  Path database() const { return root_ / "content.db"; }
  // blobs/ALGORITHM/HH/HEX: no directory grows beyond a 256th of the store.
  Path blob(const oci::Digest& digest) const { return blob_name(digest); }
  // The same for who only hands it on: a Path is taken apart when it is made.
  std::string blob_name(const oci::Digest& digest) const;
  // Named by hash: a reference may hold any character. Without one: a name of its own.
  Path ingest(const std::string& reference) const {
    return ingests() / (reference.empty() ? cat("once-", random_hex(32)) : sha256_hex(reference));
  }
  // Whether the file is one of an ingest without a reference.
  static bool is_once(const Path& ingest) {
    return ingest.filename().native().starts_with("once-");
  }

 private:
  Path root_;
};

}  // namespace skiff::content
