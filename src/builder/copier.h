// Copier: puts selected files into the tree of a step, by the rules of COPY and ADD
// (reference, COPY, "Destination"). Every path is resolved inside the target's root.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "builder/source_tree.h"
#include "builder/vocabulary.h"
#include "dockerfile/mode_change.h"
#include "snapshot/lent_contents.h"

namespace skiff::builder {

struct CopyAttributes {
  std::optional<std::pair<uid_t, gid_t>> owner;  // of --chown
  std::optional<ModeChange> mode;                // of --chmod
  std::optional<timespec> made_at;               // the time of directories that are made
};

class Copier {
 public:
  // `lent`, if not null, gets what large files hold in place of a copy of it.
  Copier(const sys::RootDir& target, CopyAttributes attributes,
         snapshot::LentContents* lent = nullptr)
      : target_(target), attributes_(std::move(attributes)), lent_(lent) {}

  // A directory's contents go into `destination`; a file becomes it, or goes into it where it
  // ends with '/' or is a directory already.
  Result<> copy(SourceTree& from, const Selected& selected, const std::string& destination,
                const CancelToken& cancel);
  // The archive's entries go into the directory `destination`.
  Result<> extract(SourceTree& from, const std::string& path, const std::string& destination,
                   const CancelToken& cancel);
  // A file of given content, as `copy` would place one called `name`.
  Result<> write(const std::string& name, std::string_view content, const std::string& destination);
  // mkdir -p; the new directories have the owner of --chown, else where that has the set-group-id
  // bit the group of their parent, and, `with_mode`, the mode of --chmod where that is a number.
  Result<> make_directories(const std::string& path, bool with_mode = true);

 private:
  Result<> set_mode_of_made(int directory, const std::string& path);
  Result<std::string> place_for(const std::string& name, const std::string& destination);
  Result<> copy_one(SourceTree& from, const SourceFile& file, const std::string& path, bool top,
                    const CancelToken& cancel);
  Result<> copy_directory(const SourceFile& file, const std::string& path);
  Result<> copy_data(SourceTree& from, const SourceFile& file, int out, const CancelToken& cancel);
  Result<> copy_bytes(SourceTree& from, const SourceFile& file, int out, const CancelToken& cancel);
  // Whether `file` is another name of one that was copied, and has become so here.
  Result<bool> link_known(const SourceFile& file, const std::string& path, const sys::Place& place);
  Result<> make_other(const SourceFile& file, const sys::Place& place);
  Result<> set_attributes(SourceTree& from, const SourceFile& file, const sys::Place& place);
  mode_t mode_of(const SourceFile& file) const;

  const sys::RootDir& target_;
  CopyAttributes attributes_;
  snapshot::LentContents* lent_;
  std::vector<std::pair<std::string, timespec>> directories_;  // whose times are set last
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;      // files of several names, copied
};

// "1000", "1000:1000", "app", "app:extra", looked up in the target's /etc/passwd and
// /etc/group; without a group the user's, for a number the same one. A user that is not there is
// root and a group that is not there the user's, as with BuildKit.
Result<std::pair<uid_t, gid_t>> parse_owner(const sys::RootDir& target, const std::string& text);
}  // namespace skiff::builder
