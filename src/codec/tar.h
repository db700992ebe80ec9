// Tar archives, streamed: the format *is* the layer (OCI image-spec, layer.md).
//
//   TarReader tar(source);
//   while (const TarEntry* e = TRY(tar.next())) {
//     if (e->type == TarType::kFile) TRY(copy(tar.body(), sink));
//   }
//
//   TarWriter out(sink);
//   TRY(out.add(entry));  TRY(out.write_body(bytes)) ...;  TRY(out.finish());
//
// Reads v7, ustar, GNU (long names and links, base-256 numbers, old sparse) and PAX
// (path, linkpath, size, uid, gid, uname, gname, mtime, atime, SCHILY.xattr.*, GNU.sparse.*,
// global headers). Writes ustar with PAX records only where ustar cannot say it.
// Names are given as they stand in the archive: nothing is resolved or trusted here.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/io.h"

namespace skiff {

enum class TarType { kFile, kHardLink, kSymlink, kCharDevice, kBlockDevice, kDirectory, kFifo };

// The type of a file with `mode` (of stat); nullopt for a socket, which no archive holds.
std::optional<TarType> tar_type_of(mode_t mode);

struct TarEntry {
  std::string name;
  TarType type = TarType::kFile;
  uint32_t mode = 0644;  // permission bits with setuid, setgid and sticky
  uint64_t uid = 0;
  uint64_t gid = 0;
  std::string user;
  std::string group;
  uint64_t size = 0;  // bytes of body; for a sparse file the expanded size
  bool is_sparse = false;
  TimePoint mtime;
  std::string link_target;  // of hard links and symlinks
  uint32_t dev_major = 0;
  uint32_t dev_minor = 0;
  std::map<std::string, std::string> xattrs;  // full names: "security.capability"
};

// Bytes [offset, offset + size) of a file lie at `archive_offset`.
struct TarPiece {
  uint64_t offset = 0;
  uint64_t size = 0;
  uint64_t archive_offset = 0;
};

class TarReader {
 public:
  // Whether an archive may end right behind its last body, without the zeros up to a whole block.
  // Nothing is lost then, but the archive cannot be read in blocks.
  enum class LastPadding { kNeeded, kMayBeMissing };

  explicit TarReader(Source& from, LastPadding padding = LastPadding::kNeeded);
  ~TarReader();
  TarReader(const TarReader&) = delete;
  TarReader& operator=(const TarReader&) = delete;

  // The next entry, or nullptr at the end; valid until the next call, which skips
  // what is left of the body. Errors (kInvalidArgument) name the entry and the offset.
  Result<const TarEntry*> next();
  // The current entry's body, holes filled with zeros.
  Source& body();
  // Where its bytes lie, counted from where the source began: one piece, or of a sparse file
  // those that the archive holds, in order. An empty body has none.
  std::vector<TarPiece> body_pieces() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class TarWriter {
 public:
  explicit TarWriter(Sink& to) : to_(to) {}

  // Writes the header; a file's body of exactly `entry.size` bytes must follow.
  Result<> add(const TarEntry& entry);
  Result<> write_body(std::string_view bytes);
  // Convenience: header and whole body.
  Result<> add_file(const TarEntry& entry, Source& body);
  // Two zero blocks. The archive is complete only after this.
  Result<> finish();

 private:
  Result<> pad();
  Sink& to_;
  uint64_t body_left_ = 0;
  uint64_t padding_ = 0;
};

}  // namespace skiff
