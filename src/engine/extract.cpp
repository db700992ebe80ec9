#include "engine/extract.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <vector>

#include "base/strings.h"
#include "codec/tar.h"
#include "engine/node.h"

namespace skiff::engine {

namespace {

// "./a//b/" -> "a/b"; refuses what leads out.
Result<std::string> inner_path(const std::string& name) {
  std::vector<std::string> parts;
  for (const std::string& part : split(name, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty()) {
      parts.pop_back();
    } else {
      return Error(Code::kInvalidArgument,
                   cat("archive entry ", skiff::quoted(name), " is outside of the target"));
    }
  }
  return join(parts, "/");
}

OnConflict on_conflict(const ExtractOptions& options) {
  return options.refuse_type_change ? OnConflict::kRefuseTypeChange : OnConflict::kReplace;
}

// As it is to be made.
Result<TarEntry> owned(const TarEntry& from_archive, const ExtractOptions& options) {
  TarEntry entry = from_archive;
  if (options.owner) {
    entry.uid = options.owner->first;
    entry.gid = options.owner->second;
  }
  TRY(check_owner(entry));
  TRY(options.ids.to_outside(entry));
  return entry;
}

// Follows an archive without writing it: what it would have made so far is `made_`.
class Rehearsal {
 public:
  Rehearsal(const sys::RootDir& root, std::string directory, const ExtractOptions& options)
      : root_(root), directory_(std::move(directory)), options_(options) {}

  Result<> entry(const TarEntry& entry) {
    const std::string path = TRY(inner_path(entry.name));
    if (path.empty()) return {};
    TRY(owned(entry, options_));
    if (!TRY(parents_are_directories(path))) return {};
    const auto there = TRY(type_at(path));
    if (entry.type == TarType::kHardLink) {
      TRY(hard_link(entry));
    } else if (there) {
      TRY(check_conflict(*there == TarType::kDirectory, entry, on_conflict(options_)));
    }
    made_[path] = entry.type;
    return {};
  }

 private:
  // False where one is a symlink of the archive: where that leads is not known yet.
  Result<bool> parents_are_directories(const std::string& path) const {
    for (size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      auto parent = made_.find(path.substr(0, slash));
      if (parent == made_.end() || parent->second == TarType::kDirectory) continue;
      if (parent->second == TarType::kSymlink) return false;
      return Error(Code::kInvalidArgument, cat(parent->first, " is not a directory"));
    }
    return true;
  }

  // nullopt: nothing is there.
  Result<std::optional<TarType>> type_at(const std::string& path) const {
    if (auto made = made_.find(path); made != made_.end()) return std::optional(made->second);
    auto stat = root_.lstat(cat(directory_, "/", path));
    if (stat) return std::optional(tar_type_of(stat->st_mode).value_or(TarType::kFifo));
    if (stat.error().code() == Code::kNotFound) return std::optional<TarType>();
    return std::move(stat.error());
  }

  Result<> hard_link(const TarEntry& entry) const {
    const std::string target = TRY(inner_path(entry.link_target));
    if (!TRY(parents_are_directories(target))) return {};
    const auto there = target.empty() ? std::optional(TarType::kDirectory) : TRY(type_at(target));
    if (there && *there != TarType::kDirectory) return {};
    return Error(Code::kInvalidArgument, cat("hard link ", entry.name, " to ", entry.link_target,
                                             ", which is ", there ? "a directory" : "not there"));
  }

  const sys::RootDir& root_;
  std::string directory_;
  const ExtractOptions& options_;
  std::map<std::string, TarType> made_;
};

class Extractor {
 public:
  Extractor(const sys::RootDir& root, std::string directory, const ExtractOptions& options)
      : root_(root), directory_(std::move(directory)), options_(options) {}

  Result<> entry(const TarEntry& from_archive, Source& body) {
    std::string path = TRY(inner_path(from_archive.name));
    // The target directory itself is the container's: it keeps its owner and mode.
    if (path.empty()) return {};
    const TarEntry entry = TRY(owned(from_archive, options_));
    sys::Place place = TRY(root_.make_place(cat(directory_, "/", path)));
    if (entry.type == TarType::kHardLink) return hard_link(place, entry);
    TRY(make_node(place.parent.get(), place.name, entry, body, on_conflict(options_)));
    if (entry.type == TarType::kDirectory) directories_.emplace_back(path, entry);
    return {};
  }

  // What was put into a directory changed its times.
  Result<> finish() {
    for (auto& [path, entry] : directories_) {
      auto place = root_.place_of(cat(directory_, "/", path));
      if (place) TRY(set_attributes(place->parent.get(), place->name, entry));
    }
    return {};
  }

 private:
  Result<> hard_link(const sys::Place& place, const TarEntry& entry) {
    std::string target = TRY(inner_path(entry.link_target));
    if (target.empty()) {
      return Error(Code::kInvalidArgument, cat("hard link ", entry.name, " to a directory"));
    }
    sys::Place from = TRY(root_.place_of(cat(directory_, "/", target)));
    if (::unlinkat(place.parent.get(), place.name.c_str(), 0) != 0 && errno != ENOENT) {
      return Error::from_errno(errno, cat("replace ", entry.name));
    }
    if (::linkat(from.parent.get(), from.name.c_str(), place.parent.get(), place.name.c_str(), 0) !=
        0) {
      return Error::from_errno(errno, cat("link ", entry.name, " to ", entry.link_target));
    }
    return {};
  }

  const sys::RootDir& root_;
  std::string directory_;
  const ExtractOptions& options_;
  std::vector<std::pair<std::string, TarEntry>> directories_;
};

}  // namespace

Result<> check_archive(const sys::RootDir& root, const std::string& directory, Source& tar,
                       const ExtractOptions& options) {
  TarReader reader(tar);
  Rehearsal rehearsal(root, directory, options);
  while (const TarEntry* entry = TRY(reader.next())) {
    TRY_CONTEXT(rehearsal.entry(*entry), cat("extract ", entry->name));
  }
  return {};
}

Result<> extract_tree(const sys::RootDir& root, const std::string& directory, Source& tar,
                      const ExtractOptions& options) {
  TarReader reader(tar);
  Extractor extractor(root, directory, options);
  while (const TarEntry* entry = TRY(reader.next())) {
    TRY_CONTEXT(extractor.entry(*entry, reader.body()), cat("extract ", entry->name));
  }
  return extractor.finish();
}

}  // namespace skiff::engine
