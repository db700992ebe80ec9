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
#include "codec/hash.h"
#include "dockerfile/config_words.h"
#include "dockerfile/source_text.h"
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

// One descent: what it leaves out, and what it finds.
struct SourceTree::Walk {
  const SourceTree& tree;
  const oci::IgnorePatterns& excludes;
  const CancelToken& cancel;
  Selected& out;
  const oci::IgnorePatterns* wanted = nullptr;  // only what matches, and its directories
  std::vector<std::string> only = {};           // components that every match begins with

  Result<> below(int directory, const std::string& path, const std::string& target, size_t depth);
  Result<> enter(int directory, const std::string& name, SourceFile file, bool needed,
                 size_t depth);
};

Result<> SourceTree::Walk::below(int directory, const std::string& path, const std::string& target,
                                 size_t depth) {
  TRY(cancel.check());
  const oci::IgnorePatterns& ignore = tree.options_.ignore;
  for (const std::string& name : TRY(names_in(directory))) {
    if (depth < only.size() && name != only[depth]) continue;
    SourceFile file{.path = join_path(path, name), .target = join_path(target, name)};
    if (::fstatat(directory, name.c_str(), &file.st, AT_SYMLINK_NOFOLLOW) != 0) {
      return Error::from_errno(errno, cat("stat ", file.path));
    }
    const bool is_directory = S_ISDIR(file.st.st_mode);
    const bool ignored = ignore.excluded(file.path);
    if (ignored && !(is_directory && ignore.may_contain_exceptions(file.path))) continue;
    const bool excluded = excludes.excluded(file.target);
    if (excluded && !(is_directory && excludes.may_contain_exceptions(file.target))) continue;
    const bool matches = wanted == nullptr || wanted->excluded(file.target);
    if (S_ISSOCK(file.st.st_mode) || (!matches && !is_directory)) continue;
    if (S_ISLNK(file.st.st_mode)) file.link = TRY(read_link_at(directory, name));
    if (is_directory) {
      TRY(enter(directory, name, std::move(file), matches && !ignored && !excluded, depth));
    } else {
      out.files.push_back(std::move(file));
    }
  }
  return {};
}

// A directory that is not `needed` itself is there only for what is found below it.
Result<> SourceTree::Walk::enter(int directory, const std::string& name, SourceFile file,
                                 bool needed, size_t depth) {
  const std::string path = file.path;
  const std::string target = file.target;
  const size_t before = out.files.size();
  out.files.push_back(std::move(file));
  UniqueFd fd(::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, cat("open ", path));
  TRY(below(fd.get(), path, target, depth + 1));
  if (!needed && out.files.size() == before + 1) out.files.pop_back();
  return {};
}

Result<std::vector<Selected>> SourceTree::select(const Selection& wanted,
                                                 const CancelToken& cancel) const {
  if (wanted.parents) return select_with_parents(wanted, cancel);
  std::vector<Selected> out;
  const bool wild = has_wildcard(wanted.source);
  for (const std::string& path : TRY(expand(wanted.source))) {
    auto selected = collect(path, wanted.excludes, cancel);
    const bool missing = !selected && selected.error().code() == Code::kNotFound;
    if (missing && wild) continue;
    if (!selected) return std::move(selected.error());
    if (!selected->directory && wanted.excludes.excluded(selected->name)) continue;
    out.push_back(std::move(*selected));
  }
  return out;
}

// What the whole source is and matches, from its pivot "/./" on.
Result<std::vector<Selected>> SourceTree::select_with_parents(const Selection& wanted,
                                                              const CancelToken& cancel) const {
  const size_t pivot = wanted.source.find("/./");
  const std::string base = pivot == std::string::npos ? "" : wanted.source.substr(0, pivot);
  const std::string pattern =
      clean_path(pivot == std::string::npos ? wanted.source : wanted.source.substr(pivot + 3))
          .substr(1);
  if (pattern.empty()) return select({.source = base, .excludes = wanted.excludes}, cancel);
  const auto matcher = TRY_CONTEXT(
      oci::IgnorePatterns::parse(pattern.starts_with('#') ? cat('\\', pattern) : pattern),
      wanted.source);
  std::vector<std::string> only;
  for (const std::string& part : split(pattern, '/')) {
    if (has_wildcard(part)) break;
    only.push_back(part);
  }
  const bool wild = has_wildcard(base) || has_wildcard(pattern);
  std::vector<Selected> out;
  for (const std::string& path : TRY(expand(base))) {
    auto fd = root_.open_at(path, O_RDONLY | O_DIRECTORY);
    if (!fd) continue;
    Selected selected{.directory = true, .parents = true};
    selected.files.push_back({.path = path});
    selected.files.back().st.st_mode = S_IFDIR | 0755;
    Walk walk{.tree = *this,
              .excludes = wanted.excludes,
              .cancel = cancel,
              .out = selected,
              .wanted = &matcher,
              .only = only};
    TRY(walk.below(fd->get(), path, "", 0));
    if (selected.files.size() > 1) out.push_back(std::move(selected));
  }
  const bool was_excluded = wanted.excludes.excluded(pattern);
  if (out.empty() && !wild && !was_excluded) {
    return Error(Code::kNotFound, cat(skiff::quoted(clean_path(wanted.source)), ": not found"));
  }
  return out;
}

Result<Selected> SourceTree::collect(const std::string& path, const oci::IgnorePatterns& excludes,
                                     const CancelToken& cancel) const {
  auto missing = [&](std::string_view why) {
    return Error(Code::kNotFound, cat(skiff::quoted(cat("/", path)), ": not found", why));
  };
  constexpr std::string_view kIgnored = ": .dockerignore leaves it out";
  bool excluded = !path.empty() && options_.ignore.excluded(path);
  if (excluded && !options_.ignore.may_contain_exceptions(path)) return missing(kIgnored);
  SourceFile self{.path = path};
  auto st = root_.stat(path);
  if (!st && (st.error().code() == Code::kNotFound || st.error().sys_errno() == ENOTDIR)) {
    return missing(near_name(path));
  }
  self.st = TRY(std::move(st));
  // The root of a context has no attributes that would mean something.
  if (path.empty() && !options_.keep_owners) self.st.st_mode = S_IFDIR | 0755;
  Selected out;
  out.directory = S_ISDIR(self.st.st_mode);
  auto last = split_last(path, '/');
  out.name = last ? std::string(last->second) : path;
  if (excluded && !out.directory) return missing(kIgnored);
  out.files.push_back(self);
  if (!out.directory) return out;
  UniqueFd fd = TRY(root_.open_at(path, O_RDONLY | O_DIRECTORY));
  Walk walk{.tree = *this, .excludes = excludes, .cancel = cancel, .out = out};
  TRY(walk.below(fd.get(), path, "", 0));
  return out;
}

// " (did you mean ...?)": a file of nearly that name beside it.
std::string SourceTree::near_name(const std::string& path) const {
  const auto parts = split_last(path, '/');
  const std::string directory = parts ? std::string(parts->first) : "";
  const std::string name = parts ? std::string(parts->second) : path;
  auto fd = root_.open_at(directory, O_RDONLY | O_DIRECTORY);
  if (!fd) return "";
  auto names = names_in(fd->get());
  if (!names) return "";
  std::erase_if(*names, [&](const std::string& other) {
    return options_.ignore.excluded(join_path(directory, other));
  });
  const std::string near = nearest_word(name, *names);
  return near.empty() ? "" : cat(" (did you mean ", join_path(directory, near), "?)");
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
