#include "builder/source_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/file.h"
#include "base/strings.h"
#include "builder/config_words.h"
#include "codec/hash.h"
#include "snapshot/file_attributes.h"

namespace skiff::builder {

namespace {

bool has_wildcard(std::string_view text) { return text.find_first_of("*?[\\") != text.npos; }

std::string join_path(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : cat(directory, "/", name);
}

Result<std::vector<std::string>> names_in(int directory) {
  UniqueFd copy(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* stream = copy ? ::fdopendir(copy.get()) : nullptr;
  if (stream == nullptr) return Error::from_errno(errno, "read directory");
  copy.release();
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream)) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
  ::closedir(stream);
  std::ranges::sort(names);
  return names;
}

std::string octal(mode_t mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%04o", mode & 07777U);
  return text;
}

}  // namespace

// Component by component, so that a wildcard never crosses a '/'.
Result<std::vector<std::string>> SourceTree::expand(const std::string& pattern) const {
  std::vector<std::string> found{""};
  for (const std::string& part : split(clean_path(pattern).substr(1), '/')) {
    if (part.empty()) continue;
    std::vector<std::string> next;
    for (const std::string& directory : found) {
      if (!has_wildcard(part)) {
        next.push_back(join_path(directory, part));
        continue;
      }
      auto fd = root_.open_at(directory, O_RDONLY | O_DIRECTORY);
      if (!fd) continue;
      for (const std::string& name : TRY(names_in(fd->get()))) {
        std::string path = join_path(directory, name);
        bool hidden =
            options_.ignore.excluded(path) && !options_.ignore.may_contain_exceptions(path);
        if (::fnmatch(part.c_str(), name.c_str(), 0) == 0 && !hidden) next.push_back(path);
      }
    }
    found = std::move(next);
  }
  return found;
}

Result<std::vector<Selected>> SourceTree::select(const std::string& source,
                                                 const CancelToken& cancel) const {
  std::vector<Selected> out;
  bool wild = has_wildcard(source);
  for (const std::string& path : TRY(expand(source))) {
    auto selected = collect(path, cancel);
    bool missing = !selected && selected.error().code() == Code::kNotFound;
    if (missing && wild) continue;
    out.push_back(TRY(std::move(selected)));
  }
  return out;
}

Result<Selected> SourceTree::collect(const std::string& path, const CancelToken& cancel) const {
  auto missing = [&](std::string_view why) {
    return Error(Code::kNotFound, cat(skiff::quoted(cat("/", path)), ": not found", why));
  };
  bool excluded = !path.empty() && options_.ignore.excluded(path);
  if (excluded && !options_.ignore.may_contain_exceptions(path)) {
    return missing(": .dockerignore leaves it out");
  }
  SourceFile self{.path = path};
  auto st = root_.stat(path);
  if (!st && (st.error().code() == Code::kNotFound || st.error().sys_errno() == ENOTDIR)) {
    return missing("");
  }
  self.st = TRY(std::move(st));
  // The root of a context has no attributes that would mean something.
  if (path.empty() && !options_.keep_owners) self.st.st_mode = S_IFDIR | 0755;
  Selected out;
  out.directory = S_ISDIR(self.st.st_mode);
  auto last = split_last(path, '/');
  out.name = last ? std::string(last->second) : path;
  if (excluded && !out.directory) return missing(": .dockerignore leaves it out");
  out.files.push_back(self);
  if (!out.directory) return out;
  UniqueFd fd = TRY(root_.open_at(path, O_RDONLY | O_DIRECTORY));
  TRY(walk(fd.get(), path, "", out, cancel));
  return out;
}

Result<> SourceTree::walk(int directory, const std::string& path, const std::string& target,
                          Selected& out, const CancelToken& cancel) const {
  TRY(cancel.check());
  for (const std::string& name : TRY(names_in(directory))) {
    SourceFile file{.path = join_path(path, name), .target = join_path(target, name)};
    if (::fstatat(directory, name.c_str(), &file.st, AT_SYMLINK_NOFOLLOW) != 0) {
      return Error::from_errno(errno, cat("stat ", file.path));
    }
    bool excluded = options_.ignore.excluded(file.path);
    bool is_directory = S_ISDIR(file.st.st_mode);
    if (excluded && !(is_directory && options_.ignore.may_contain_exceptions(file.path))) continue;
    if (S_ISSOCK(file.st.st_mode)) continue;
    if (S_ISLNK(file.st.st_mode)) file.link = TRY(read_link_at(directory, name));
    std::string child_path = file.path;
    std::string child_target = file.target;
    size_t before = out.files.size();
    out.files.push_back(std::move(file));
    if (!is_directory) continue;
    UniqueFd fd(::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return Error::from_errno(errno, cat("open ", child_path));
    TRY(walk(fd.get(), child_path, child_target, out, cancel));
    // An excluded directory is there only for what was taken back below it.
    if (excluded && out.files.size() == before + 1) out.files.pop_back();
  }
  return {};
}

Result<std::string> SourceTree::hash_of(const std::string& path, const CancelToken& cancel) {
  {
    const std::scoped_lock lock(mutex_);
    auto known = hashes_.find(path);
    if (known != hashes_.end()) return known->second;
  }
  TRY(cancel.check());
  UniqueFd fd = TRY_CONTEXT(root_.open_at(path, O_RDONLY | O_NONBLOCK), path);
  FdSource source(fd.get());
  Hasher hasher;
  TRY_CONTEXT(copy(source, hasher), path);
  const std::scoped_lock lock(mutex_);
  return hashes_[path] = hasher.hex();
}

Result<KeyParts> SourceTree::describe(const Selected& selected, bool mode_given, bool owner_given,
                                      const CancelToken& cancel) {
  KeyParts parts;
  for (const SourceFile& file : selected.files) {
    const mode_t mode = file.st.st_mode;
    std::string value = mode_given || S_ISLNK(mode) ? "-" : octal(mode);
    if (options_.keep_owners && !owner_given)
      value += cat(":", file.st.st_uid, ":", file.st.st_gid);
    if (S_ISREG(mode)) {
      value += cat(" file ", TRY(hash_of(file.path, cancel)));
    } else if (S_ISLNK(mode)) {
      value += cat(" link ", file.link);
    } else if (S_ISDIR(mode)) {
      value += " directory";
    } else {
      value +=
          cat(" node ", mode & S_IFMT, " ", major(file.st.st_rdev), ":", minor(file.st.st_rdev));
    }
    parts.push_back({PartKind::kFile, file.path.empty() ? "/" : file.path, std::move(value)});
  }
  return parts;
}

}  // namespace skiff::builder
