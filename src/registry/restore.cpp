#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/scope_exit.h"
#include "base/strings.h"
#include "content/file_digest.h"
#include "content/root_lock.h"
#include "registry/backup.h"
#include "registry/backup_directory.h"
#include "registry/backup_elsewhere.h"
#include "registry/schema.h"

namespace skiff::registry::backup {

namespace {

constexpr uint64_t kTellRestored = 1'000;

Result<std::vector<std::string>> names_in(const Path& directory) {
  std::vector<std::string> out;
  std::error_code error;
  std::filesystem::directory_iterator entries(directory, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    out.push_back(entries->path().filename().native());
  }
  if (error) return Error::from_errno(error.value(), cat("list ", directory.native()));
  return out;
}

// Of a restore that was killed before its mark had its name.
bool is_unfinished_mark(const std::string& name) {
  return name.starts_with(cat(kRestoring, ".")) && name.ends_with(".tmp");
}

class Restoring {
 public:
  Restoring(const Path& from, const Path& root, const Options& options)
      : from_(from), root_(root), options_(options) {}

  Result<Summary> run() {
    TRY(choose());
    TRY(claim_root());
    Result<> restored = restore_all();
    if (!restored) {
      if (out_) out_->take_back();
      TRY(clear());
      return restored.error();
    }
    return summary_;
  }

 private:
  Result<> choose() {
    const std::vector<std::string> there = TRY(snapshots(from_));
    if (there.empty()) {
      std::error_code ignored;
      const bool begun = std::filesystem::exists(from_ / kUnfinished, ignored);
      return Error(Code::kNotFound, cat(from_.native(), begun ? " holds only a backup that was not "
                                                                "finished"
                                                              : " holds no backup"));
    }
    summary_.name = there.back();
    snapshot_ = from_ / summary_.name;
    const Path file = snapshot_ / kDescription;
    description_ = TRY_CONTEXT(Description::parse(TRY(read_file(file))), file.native());
    summary_.damaged = description_.damaged;
    summary_.elsewhere = description_.elsewhere;
    if (options_.elsewhere == nullptr || description_.elsewhere == 0) return {};
    return Error(Code::kFailedPrecondition,
                 cat(snapshot_.native(),
                     " does not have the blobs, which are in an S3 store: make "
                     "a backup with --blobs"));
  }

  // Missing, empty, or what a restore that was killed has left.
  Result<> claim_root() {
    std::error_code ignored;
    made_ = !std::filesystem::exists(root_, ignored);
    TRY(make_directories(root_));
    const std::vector<std::string> there = TRY(names_in(root_));
    const bool is_left = std::ranges::find(there, kRestoring) != there.end() ||
                         std::ranges::all_of(there, is_unfinished_mark);
    if (!there.empty() && !is_left) {
      return Error(Code::kFailedPrecondition, cat(root_.native(), " is not empty (", there.front(),
                                                  "): a restore makes a registry of its own"));
    }
    lock_.emplace(TRY(content::RootLock::take(from_)));
    if (is_left) {
      TRY(take_back_left());
      TRY(clear_but_mark());
    }
    TRY(write_file_durably(root_ / kRestoring, from_.native() + "\n"));
    if (options_.elsewhere == nullptr) return {};
    out_.emplace(TRY(BlobsOut::open(*options_.elsewhere, root_ / kRestoring)));
    return {};
  }

  // What the restore that was killed has put into a store, as its mark says behind the first line.
  Result<> take_back_left() {
    std::error_code ignored;
    if (!std::filesystem::exists(root_ / kRestoring, ignored)) return {};
    const std::string mark = TRY(read_file(root_ / kRestoring));
    std::vector<std::string> places;
    for (const std::string& line : split(mark, '\n')) {
      if (!line.empty()) places.push_back(line);
    }
    if (places.size() < 2) return {};
    places.erase(places.begin());
    if (options_.elsewhere == nullptr) {
      return Error(Code::kFailedPrecondition,
                   cat("a restore into ", root_.native(),
                       " that was not finished has put blobs into an S3 store: run it again with "
                       "--as-configured, or choose another root"));
    }
    discard_places(*options_.elsewhere, places);
    return {};
  }

  Result<> restore_all() {
    TRY(copy_files());
    TRY(place_blobs());
    if (options_.database) TRY(move_tables(root_, *options_.database));
    TRY(give_to_owner());
    TRY(sync_all(root_));
    TRY(DurableFiles::system().unlink(root_ / kRestoring));
    return DurableFiles::system().sync_directory(root_);
  }

  Result<> copy_files() {
    const content::Layout layout(root_ / "content");
    const bool has_content = description_.elsewhere == 0 && options_.elsewhere == nullptr;
    if (has_content) {
      TRY(make_directories(root_ / "content", 0700));
      TRY(layout.make(DurableFiles::system()));
    }
    for (const SnapshotFile& file : description_.files) {
      if (file.name == "content.db" && !has_content) continue;
      const Path from = snapshot_ / file.name;
      const Path to = file.name == "content.db" ? layout.database() : root_ / file.name;
      TRY(place_file(from, to, Placing::kCopy));
      if (TRY(file_digest(to)) != file.digest) return damaged(cat(from.native(), " has changed"));
      if (::chmod(to.c_str(), file.mode) != 0) return Error::from_errno(errno, to.native());
    }
    return {};
  }

  Result<> place_blobs() {
    Database registry = TRY(Database::open(root_ / "registry.db", migrations()));
    // All is synced at the end.
    if (out_) TRY(registry.execute("PRAGMA synchronous = OFF"));
    return each_blob(registry, [&](const oci::Digest& digest, uint64_t size) -> Result<> {
      if (options_.progress && summary_.blobs % kTellRestored == 0) {
        options_.progress(summary_.blobs, description_.blobs);
      }
      const bool never_had =
          std::ranges::find(description_.damaged, digest.str()) != description_.damaged.end();
      if (out_) return send_blob(registry, digest, size, never_had);
      return never_had ? Result<>() : place_blob(digest, size);
    });
  }

  Result<> send_blob(Database& registry, const oci::Digest& digest, uint64_t size, bool never_had) {
    // In an S3 store each blob has a place, also one that is lost until it is pushed again.
    BlobPlace at{size, cat("lost/", digest.hex())};
    if (!never_had) {
      Result<BlobPlace> sent = out_->put(blob_file(from_, digest), digest);
      const Code why = sent ? Code::kInternal : sent.error().code();
      if (why == Code::kNotFound) return damaged(cat("blob ", digest.str(), " is missing"));
      if (why == Code::kDataLoss) return damaged(cat("blob ", digest.str(), " has changed"));
      at = TRY(std::move(sent));
      ++summary_.blobs;
      summary_.bytes += size;
    }
    TRY(registry.run("UPDATE blob SET place = ?, damaged = ? WHERE digest = ?", at.place,
                     never_had ? 1 : 0, digest.str()));
    return {};
  }

  Result<> place_blob(const oci::Digest& digest, uint64_t size) {
    const Path from = blob_file(from_, digest);
    const Path to = blob_file(root_ / "content", digest);
    TRY(make_directories(to.parent_path(), 0700));
    Result<> placed = place_file(from, to, options_.placing);
    if (!placed && placed.error().code() == Code::kNotFound) {
      return damaged(cat("blob ", digest.str(), " is missing"));
    }
    if (!placed) return placed;
    const UniqueFd file = TRY(open_file(to, O_RDONLY));
    const oci::Digest actual = TRY(content::digest_on_disk(file.get(), digest.algorithm(), 0, {}));
    if (actual != digest) {
      return damaged(cat("blob ", digest.str(), " has changed: it is ", actual.str()));
    }
    ++summary_.blobs;
    summary_.bytes += size;
    return {};
  }

  Error damaged(const std::string& why) const {
    return Error(Code::kDataLoss, cat("the backup in ", snapshot_.native(), " is damaged: ", why));
  }

  // Restored by root for a server of another user, all is that user's, as the root is. Not the
  // blobs: they may be the backup's files, too, and anybody may read them.
  Result<> give_to_owner() {
    struct stat st{};
    if (::stat(root_.c_str(), &st) != 0) return Error::from_errno(errno, root_.native());
    if (::geteuid() != 0 || st.st_uid == 0) return {};
    std::error_code error;
    std::filesystem::recursive_directory_iterator walk(root_, error);
    for (; !error && walk != std::filesystem::recursive_directory_iterator();
         walk.increment(error)) {
      struct stat each{};
      const char* path = walk->path().c_str();
      if (::lstat(path, &each) != 0 || (S_ISREG(each.st_mode) && each.st_nlink > 1)) continue;
      if (::lchown(path, st.st_uid, st.st_gid) != 0) return Error::from_errno(errno, path);
    }
    if (error) return Error::from_errno(error.value(), cat("list ", root_.native()));
    return {};
  }

  // The mark goes last: until then the root is known for what it is.
  Result<> clear_but_mark() {
    for (const std::string& name : TRY(names_in(root_))) {
      if (name != kRestoring) TRY(remove_tree(root_ / name));
    }
    return {};
  }

  Result<> clear() {
    TRY(clear_but_mark());
    TRY(DurableFiles::system().unlink(root_ / kRestoring));
    return made_ ? remove_tree(root_) : Result<>();
  }

  const Path& from_;
  const Path& root_;
  const Options& options_;
  Path snapshot_;
  Description description_;
  std::optional<BlobsOut> out_;            // where blobs go to an S3 store
  std::optional<content::RootLock> lock_;  // of the backup
  bool made_ = false;                      // the root's directory
  Summary summary_;
};

}  // namespace

Result<Summary> restore(const Path& from, const Path& root, const Options& options) {
  return Restoring(from, root, options).run();
}

}  // namespace skiff::registry::backup
