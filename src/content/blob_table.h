// BlobTable: the rows of content.db. A row is what makes a blob visible; it is written
// last and deleted first. Thread-safe: readers do not wait for a writer's fsync.
#pragma once

#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "content/content_store.h"
#include "db/database.h"
#include "db/memo.h"

namespace skiff::content {

class BlobTable {
 public:
  static Result<BlobTable> open(const Path& file);

  Result<std::optional<BlobInfo>> find(const oci::Digest& digest);
  // Up to a few hundred rows after `after` ("" for the first), by digest.
  Result<std::vector<BlobInfo>> page(const std::string& after);
  // Inserts, or replaces the row that is there.
  Result<> put(const BlobInfo& blob);
  // The same for what may be lost again in a power cut: no sync for it.
  Result<> put_soon(const BlobInfo& blob);
  // Deletes all of them in one transaction; missing ones are success.
  Result<> erase(std::span<const BlobInfo> blobs);
  Result<> erase_soon(std::span<const BlobInfo> blobs);
  // What was written soon survives a power cut.
  Result<> sync();
  // What SQLite finds wrong with the file itself.
  Result<std::vector<std::string>> faults();

 private:
  BlobTable(Database writer, Database quick, Database reader)
      : state_(std::make_unique<State>(std::move(writer), std::move(quick), std::move(reader))) {}
  struct State {
    State(Database w, Database q, Database r)
        : writer(std::move(w)), quick(std::move(q)), reader(std::move(r)), rows(reader.commits()) {}
    std::mutex writer_mutex;  // of both writers
    Database writer;
    Database quick;  // what it commits a power cut may take back
    std::mutex reader_mutex;
    Database reader;
    Memo<std::optional<BlobInfo>> rows;  // by digest
  };
  Result<std::optional<BlobInfo>> read(const std::string& digest);

  std::unique_ptr<State> state_;
};

}  // namespace skiff::content
