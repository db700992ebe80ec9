// LentContents: what large files of an active snapshot hold, where that is read once more anyway.
//
// A copied file is written into the snapshot, read from there for the layer's tar and dropped with
// the snapshot where layers are kept as tars. A large one is lent instead: in the snapshot it has
// its size and attributes and no blocks, and the tar takes its bytes from where they are.
//
//   if (contents.takes(size) && contents.lend(out, size, content)) ...
//   TRY(snapshots.seal(key, store, make_room, cancel, &contents));
//
// A file that was lent says so by an extended attribute with a secret of this object: whatever
// replaces it replaces that, too, and no archive can pass for one. For one thread at a time.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "snapshot/file_attributes.h"

namespace skiff::snapshot {

class LentContents {
 public:
  // Below this size copying costs less than a descriptor and an attribute.
  static constexpr uint64_t kLeast = uint64_t{1} << 20U;

  // What the file holds, from its beginning, and what says after the last byte was read that the
  // bytes are those that were meant (or is empty).
  struct Content {
    UniqueFd file;
    std::function<Result<>()> check;
  };

  LentContents();

  // Whether one more of `size` bytes may be lent: a descriptor stays open for each.
  bool takes(uint64_t size) const;
  // Gives `out`, an empty file of the snapshot, the size of what `content` holds. False where its
  // file system cannot say so: then `out` is as it was, and `content` still the caller's.
  bool lend(int out, uint64_t size, Content& content);
  // To be called before something else is written into a file that was there.
  static void take_back(int file);

  // How many bytes were lent.
  uint64_t bytes() const { return bytes_; }

  // What the file with these attributes holds, if it was lent; the mark is taken out of them.
  const Content* find(Xattrs& xattrs) const;

 private:
  std::string secret_;
  std::vector<Content> contents_;
  uint64_t bytes_ = 0;
};

}  // namespace skiff::snapshot
