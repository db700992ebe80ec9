#include "builder/source_tree.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"
#include "base/nearest_word.h"
#include "base/strings.h"
#include "builder/source_walk.h"
#include "dockerfile/config_words.h"

namespace skiff::builder {

namespace {

bool has_wildcard(std::string_view text) { return text.find_first_of("*?[\\") != text.npos; }

// As Go matches: only "^" negates a class, "!" is one of its characters.
std::string without_bang(std::string_view pattern) {
  std::string out;
  for (size_t i = 0; i < pattern.size(); ++i) {
    out += pattern[i];
    if (pattern[i] == '\\' && i + 1 < pattern.size()) out += pattern[++i];
    if (pattern[i] == '[' && pattern.substr(i + 1).starts_with('!')) out += '\\';
  }
  return out;
}

// Of "a/../../b".
bool leads_above(std::string_view path) {
  int depth = 0;
  for (const std::string& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    depth += part == ".." ? -1 : 1;
    if (depth < 0) return true;
  }
  return false;
}

std::string outside_of(const std::string& link, const std::string& target) {
  const std::string quoted = skiff::quoted(target);
  const std::string what =
      link.empty() ? quoted
                   : cat(skiff::quoted(cat("/", link)), " is a link to ", quoted, ", which");
  return cat(": ", what, " is outside of the build context");
}

}  // namespace

SourceTree::SourceTree(sys::RootDir root, Options options)
    : root_(std::move(root)), options_(std::move(options)) {
  struct stat st{};
  const bool trusted = options_.stats != nullptr && ::fstat(root_.fd(), &st) == 0 &&
                       StatCache::trusts_files_at(root_.fd());
  if (!trusted) options_.stats = nullptr;
  device_ = st.st_dev;
}

// Component by component, so that a wildcard never crosses a '/'.
Result<std::vector<std::string>> SourceTree::expand(const std::string& pattern) const {
  std::vector<std::string> found{""};
  for (const std::string& part : split(clean_path(pattern).substr(1), '/')) {
    if (part.empty()) continue;
    const std::string wildcard = without_bang(part);
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
        if (::fnmatch(wildcard.c_str(), name.c_str(), 0) == 0 && !hidden) next.push_back(path);
      }
    }
    found = std::move(next);
  }
  return found;
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
    if (missing && leads_above(wanted.source)) {
      return Error(Code::kNotFound, cat(selected.error().message(), outside_of("", wanted.source)));
    }
    if (!selected) return std::move(selected.error());
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
    selected.files.push_back({.path = path, .target_at = path.size()});
    struct stat& st = selected.files.back().st;
    if (::fstat(fd->get(), &st) != 0) return Error::from_errno(errno, cat("stat ", path));
    st.st_mode = S_IFDIR | 0755;
    const SourceWalk walk{.ignore = options_.ignore,
                          .excludes = wanted.excludes,
                          .cancel = cancel,
                          .wanted = &matcher,
                          .only = only};
    TRY(walk.below(fd->get(), path, selected.files));
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
  SourceFile self{.path = path, .target_at = path.size()};
  auto st = root_.stat(path);
  if (!st && (st.error().code() == Code::kNotFound || st.error().sys_errno() == ENOTDIR)) {
    const std::string outside = link_out(path);
    return missing(outside.empty() ? near_name(path) : outside);
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
  const SourceWalk walk{.ignore = options_.ignore, .excludes = excludes, .cancel = cancel};
  TRY(walk.below(fd.get(), path, out.files));
  return out;
}

// ": it is a link to ...": of a path of a context that would leave it; "" for others. Inside of it
// such a link leads to what is not there.
std::string SourceTree::link_out(const std::string& path) const {
  if (options_.keep_owners) return "";
  for (size_t end = 0; end != std::string::npos && end < path.size();) {
    end = path.find('/', end + 1);
    const std::string part = path.substr(0, end);
    const auto st = root_.lstat(part);
    if (!st) return "";
    if (!S_ISLNK(st->st_mode)) continue;
    const auto place = root_.place_of(part);
    const auto target =
        place ? read_link_at(place->parent.get(), place->name) : Result<std::string>(place.error());
    if (!target) return "";
    const size_t slash = part.rfind('/');
    const std::string directory = slash == std::string::npos ? "" : part.substr(0, slash + 1);
    const bool leaves = target->starts_with('/') || leads_above(cat(directory, *target));
    if (leaves) return outside_of(part, *target);
  }
  return "";
}

Result<std::vector<std::string>> SourceTree::names_beside(const std::string& directory) const {
  if (options_.names_in) return options_.names_in(directory);
  const UniqueFd fd = TRY(root_.open_at(directory, O_RDONLY | O_DIRECTORY));
  return names_in(fd.get());
}

// " (did you mean ...?)": a file of nearly that name beside it.
std::string SourceTree::near_name(const std::string& path) const {
  const auto parts = split_last(path, '/');
  const std::string directory = parts ? std::string(parts->first) : "";
  const std::string name = parts ? std::string(parts->second) : path;
  auto names = names_beside(directory);
  if (!names) return "";
  std::erase_if(*names, [&](const std::string& other) {
    return options_.ignore.excluded(join_path(directory, other));
  });
  const std::string near = nearest_word(name, *names);
  return near.empty() ? "" : cat(" (did you mean ", join_path(directory, near), "?)");
}

}  // namespace skiff::builder
