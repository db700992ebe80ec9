// Downloads: the files that ADD has fetched, kept so that what a server says is unchanged (by its
// ETag, or its Last-Modified) is not sent again. Below ROOT a directory for each URL: "body" and
// "meta.json" (url, etag, modified).
// Thread-safe.
#pragma once

#include <mutex>

#include "base/clock.h"
#include "builder/remote_file.h"
#include "builder/vocabulary.h"
#include "images/keyed_mutex.h"
#include "solver/cache_record.h"

namespace skiff::builder {

// Under another name of the same file.
Result<> link_file(const Path& from, const Path& to);

class Downloads {
 public:
  // At most `most_bytes` are kept, those used last.
  explicit Downloads(Path root, uint64_t most_bytes = uint64_t{1} << 30U)
      : root_(std::move(root)), most_bytes_(most_bytes) {}

  // The name of the file that is in `directory` afterwards: a link to the kept one, not to be
  // written to; the directory is of the same file system. kFailedPrecondition where the content has
  // not the digest `checksum`.
  Result<std::string> fetch(const std::string& url, const std::optional<oci::Digest>& checksum,
                            const Path& directory, const CancelToken& cancel);

  Result<std::vector<CacheRecord>> list();
  // False where it is gone already.
  Result<bool> remove(const std::string& id);

 private:
  struct Entry {
    std::string name;
    std::string url;
    uint64_t bytes = 0;
    TimePoint used;
  };
  Result<std::vector<Entry>> entries();  // used last first
  Result<> keep(const std::string& url, const RemoteFile& file, const Path& path);
  Path place(const std::string& url) const;

  Path root_;
  uint64_t most_bytes_;
  images::KeyedMutex by_url_;
  std::mutex mutex_;  // of the directory
};

}  // namespace skiff::builder
