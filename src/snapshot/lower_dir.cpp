#include "snapshot/lower_dir.h"

#include <dirent.h>
#include <fcntl.h>

#include <cerrno>

#include "base/scope_exit.h"
#include "base/strings.h"
#include "snapshot/overlay_format.h"

namespace skiff::snapshot {

namespace {

// lstat; nullopt when there is no such entry.
Result<std::optional<struct stat>> find_entry(int directory, const std::string& name) {
  struct stat st{};
  if (::fstatat(directory, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) return std::optional(st);
  if (errno == ENOENT) return std::optional<struct stat>();
  return Error::from_errno(errno, cat("stat ", name));
}

}  // namespace

Result<LowerDir> LowerDir::open(const std::vector<Path>& layers) {
  LowerDir root;
  for (const Path& layer : layers) {
    root.layers_.push_back(TRY(open_file(layer, O_RDONLY | O_DIRECTORY)));
  }
  return root;
}

Result<std::optional<struct stat>> LowerDir::find(const std::string& name) const {
  for (const UniqueFd& layer : layers_) {
    std::optional<struct stat> st = TRY(find_entry(layer.get(), name));
    if (!st) continue;
    return is_whiteout(*st) ? std::nullopt : st;
  }
  return std::optional<struct stat>();
}

Result<LowerDir> LowerDir::descend(const std::string& name) const {
  LowerDir below;
  for (const UniqueFd& layer : layers_) {
    std::optional<struct stat> st = TRY(find_entry(layer.get(), name));
    if (!st) continue;
    if (!S_ISDIR(st->st_mode)) break;
    UniqueFd fd(
        ::openat(layer.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return Error::from_errno(errno, cat("open ", name));
    below.layers_.push_back(std::move(fd));
    if (is_opaque(below.layers_.back().get())) break;
  }
  return below;
}

Result<LowerDir> LowerDir::descend_path(const std::string& path) const {
  const std::vector<std::string> parts = split(path, '/');
  LowerDir here = TRY(descend(parts.front()));
  for (size_t i = 1; i < parts.size() && !here.empty(); ++i) here = TRY(here.descend(parts[i]));
  return here;
}

Result<std::set<std::string>> LowerDir::names() const {
  std::set<std::string> candidates;
  for (const UniqueFd& layer : layers_) {
    std::vector<std::string> listed = TRY(list_directory(layer.get()));
    candidates.insert(listed.begin(), listed.end());
  }
  std::set<std::string> visible;
  for (const std::string& name : candidates) {
    if (TRY(find(name))) visible.insert(name);
  }
  return visible;
}

Result<std::vector<std::string>> list_directory(int directory) {
  UniqueFd own(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* dir = own ? ::fdopendir(own.get()) : nullptr;
  if (dir == nullptr) return Error::from_errno(errno, "list directory");
  own.release();
  ScopeExit close([&] { ::closedir(dir); });
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(dir);
    if (entry == nullptr && errno != 0) return Error::from_errno(errno, "list directory");
    if (entry == nullptr) return names;
    std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
}

}  // namespace skiff::snapshot
