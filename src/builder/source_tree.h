// SourceTree: what COPY and ADD copy from: the build context, a stage or an image; and the
// choice of files in it (reference, COPY and ADD; Go's filepath.Match for wildcards).
//
//   for (const Selected& one : TRY(tree.select({.source = "src/*.c"}, cancel))) ...
//   KeyParts parts = TRY(tree.describe(one, ...));     // names and contents, not times
//
// Files are hashed when they are described, once a tree, unless a StatCache knows them. Every path
// is resolved inside the root. Thread-safe.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/cancellation.h"
#include "builder/stat_cache.h"
#include "builder/vocabulary.h"
#include "oci/ignore_patterns.h"
#include "solver/solver.h"
#include "sys/root_dir.h"

namespace skiff::builder {

struct SourceFile {
  std::string path;      // in the tree, "src/a.c"
  size_t target_at = 0;  // where in it the target begins
  struct stat st{};
  std::string link;                     // of a symlink
  std::optional<StatCache::Hash> hash;  // of a file that was described: what a key names
  bool settled = false;                 // a change since then shows in its times

  // Below the destination, "a.c"; "" for what was selected itself.
  std::string target() const { return path.substr(target_at); }
};

// One match of a source: a file, or a directory with all that is below it.
struct Selected {
  std::string name;  // last component of the source
  bool directory = false;
  bool parents = false;           // of --parents: of the directory itself only the time counts
  std::vector<SourceFile> files;  // the first is the match itself, parents before children
};

// What a COPY or ADD wants.
struct Selection {
  std::string source;
  // "a/./b/*.c": what is below "a" and matches, with its directories; else the whole is so.
  bool parents = false;
  oci::IgnorePatterns excludes;  // paths below the source, or names of files
};

class SourceTree {
 public:
  struct Options {
    oci::IgnorePatterns ignore;
    bool keep_owners = false;    // else all belongs to 0:0
    bool changing = false;       // somebody may write to it: what is copied is compared again
    StatCache* stats = nullptr;  // of hashes that are remembered
    std::string version = "";    // the same means the same files; "": nothing is known of that
    // That of all files, where it is told of them: as that of a commit. "": they have their own,
    // which nobody tells of.
    std::string times = "";
    // Of one of its directories, where the root may have only some; for suggestions.
    std::function<Result<std::vector<std::string>>(const std::string&)> names_in = nullptr;
  };
  SourceTree(sys::RootDir root, Options options);

  const sys::RootDir& root() const { return root_; }
  bool keep_owners() const { return options_.keep_owners; }
  bool changing() const { return options_.changing; }
  const oci::IgnorePatterns& ignore() const { return options_.ignore; }
  const std::string& version() const { return options_.version; }
  const std::string& times() const { return options_.times; }

  // The matches of a source, sorted; none for a wildcard that matches nothing. A plain path
  // that is not there is kNotFound.
  Result<std::vector<Selected>> select(const Selection& wanted, const CancelToken& cancel) const;

  // A kFile part for each file, whose hash is known from then on, and one for the time of all.
  // Modes are left out where `mode_given`, owners where `owner_given`.
  Result<KeyParts> describe(Selected& selected, bool mode_given, bool owner_given,
                            const CancelToken& cancel);
  // Stands for all that describe() tells of what is not described yet, and is made faster; none
  // where a hash of a file is not remembered for exactly what was seen of it.
  std::optional<std::string> digest(Selected& selected, bool mode_given) const;
  // Of its content, unless it is known.
  Result<std::string> hash_of(const SourceFile& file, const CancelToken& cancel);
  // Whether the open file is to be seen to be what was described, so that what is read from it
  // has its hash.
  bool is_unchanged(const SourceFile& file, int fd) const;

 private:
  Result<std::vector<std::string>> expand(const std::string& pattern) const;
  Result<Selected> collect(const std::string& path, const oci::IgnorePatterns& excludes,
                           const CancelToken& cancel) const;
  Result<std::vector<Selected>> select_with_parents(const Selection& wanted,
                                                    const CancelToken& cancel) const;
  Result<std::vector<std::string>> names_beside(const std::string& directory) const;
  std::string near_name(const std::string& path) const;
  std::string link_out(const std::string& path) const;
  // How files are described.
  struct Terms {
    bool mode_given;
    bool owner_given;
  };
  Result<> describe_some(std::span<SourceFile> files, const Terms& terms, const CancelToken& cancel,
                         std::span<KeyPart> parts);
  // Looks for those that are not known; false where one is not remembered.
  bool find_hashes(std::span<SourceFile> files) const;
  Result<KeyPart> describe_one(SourceFile& file, const Terms& terms, const CancelToken& cancel);
  Result<std::string> describe_xattrs(const std::string& path) const;
  Result<std::string> read_hash(const SourceFile& file);

  sys::RootDir root_;
  Options options_;
  dev_t device_ = 0;  // whose files the StatCache knows
  std::mutex mutex_;
  std::unordered_map<std::string, std::string> hashes_;  // of paths
};

}  // namespace skiff::builder
