#include "builder/source_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <iterator>
#include <thread>

#include "base/file.h"
#include "base/strings.h"

namespace skiff::builder {

namespace {

// Where a path below `directory` goes on.
size_t below_at(const std::string& directory) {
  return directory.empty() ? 0 : directory.size() + 1;
}

// One thread beside the one that walks: it helps where there are many directories.
class Spare {
 public:
  bool take() { return free_.exchange(false); }
  void give_back() { free_ = true; }

 private:
  std::atomic<bool> free_ = std::thread::hardware_concurrency() > 1;
};

// One name in a directory. A directory that is not `needed` itself is there only for what is found
// below it.
struct Found {
  SourceFile file;
  bool needed = true;
  bool is_directory() const { return S_ISDIR(file.st.st_mode); }
};

class Descent {
 public:
  Descent(const SourceWalk& walk, Spare& spare, std::vector<SourceFile>& out)
      : walk_(walk), spare_(spare), out_(out) {}

  // `target_at`: where in what is below `path` the target begins.
  Result<> below(int directory, const std::string& path, size_t target_at, size_t depth);

 private:
  // False where the name is left out.
  Result<bool> look(int directory, const std::string& name, const std::string& path,
                    Found& found) const;
  Result<> enter(int directory, Found& found, size_t name_at, size_t depth);
  Result<> enter_side_by_side(int directory, std::vector<Found> level, size_t name_at,
                              size_t depth);

  const SourceWalk& walk_;
  Spare& spare_;
  std::vector<SourceFile>& out_;
};

Result<> Descent::below(int directory, const std::string& path, size_t target_at, size_t depth) {
  // Of fewer the helper's start costs more than it saves.
  constexpr ptrdiff_t kWorthAHelper = 8;
  TRY(walk_.cancel.check());
  std::vector<std::string> names = TRY(names_in(directory));
  if (depth < walk_.only.size())
    std::erase_if(names, [&](auto& name) { return name != walk_.only[depth]; });
  std::vector<Found> level;
  level.reserve(names.size());
  for (const std::string& name : names) {
    Found& found = level.emplace_back();
    found.file.target_at = target_at;
    if (!TRY(look(directory, name, path, found))) level.pop_back();
  }
  const size_t name_at = below_at(path);
  const auto directories = std::ranges::count_if(level, &Found::is_directory);
  if (directories >= kWorthAHelper && spare_.take()) {
    return enter_side_by_side(directory, std::move(level), name_at, depth);
  }
  for (Found& found : level) {
    if (found.is_directory()) {
      TRY(enter(directory, found, name_at, depth));
    } else {
      out_.push_back(std::move(found.file));
    }
  }
  return {};
}

Result<bool> Descent::look(int directory, const std::string& name, const std::string& path,
                           Found& found) const {
  const auto& [ignore, excludes, cancel, wanted, only] = walk_;
  SourceFile& file = found.file;
  file.path = join_path(path, name);
  if (::fstatat(directory, name.c_str(), &file.st, AT_SYMLINK_NOFOLLOW) != 0) {
    return Error::from_errno(errno, cat("stat ", file.path));
  }
  const bool ignored = ignore.excluded(file.path);
  if (ignored && !(found.is_directory() && ignore.may_contain_exceptions(file.path))) return false;
  const bool is_chosen = wanted != nullptr || !excludes.empty();
  const std::string target = is_chosen ? file.target() : "";
  const bool excluded = is_chosen && excludes.excluded(target);
  if (excluded && !(found.is_directory() && excludes.may_contain_exceptions(target))) return false;
  const bool matches = wanted == nullptr || wanted->excluded(target);
  if (S_ISSOCK(file.st.st_mode) || (!matches && !found.is_directory())) return false;
  if (S_ISLNK(file.st.st_mode)) file.link = TRY(read_link_at(directory, name));
  found.needed = matches && !ignored && !excluded;
  return true;
}

Result<> Descent::enter(int directory, Found& found, size_t name_at, size_t depth) {
  const std::string path = found.file.path;
  const size_t target_at = found.file.target_at;
  const size_t before = out_.size();
  out_.push_back(std::move(found.file));
  const std::string name = path.substr(name_at);
  UniqueFd fd(::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, cat("open ", path));
  TRY(below(fd.get(), path, target_at, depth + 1));
  if (!found.needed && out_.size() == before + 1) out_.pop_back();
  return {};
}

// The spare thread takes every directory that this one has not begun with.
Result<> Descent::enter_side_by_side(int directory, std::vector<Found> level, size_t name_at,
                                     size_t depth) {
  std::vector<std::vector<SourceFile>> found(level.size());
  std::vector<Result<>> outcomes(level.size());
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t n = next++; n < level.size(); n = next++) {
      if (!level[n].is_directory()) continue;
      outcomes[n] = Descent(walk_, spare_, found[n]).enter(directory, level[n], name_at, depth);
    }
  };
  {
    std::jthread helper([&] {
      work();
      spare_.give_back();
    });
    work();
  }
  size_t total = out_.size();
  for (const auto& files : found) total += std::max<size_t>(1, files.size());
  out_.reserve(total);
  for (size_t n = 0; n < level.size(); ++n) {
    TRY(std::move(outcomes[n]));
    if (!level[n].is_directory()) out_.push_back(std::move(level[n].file));
    std::ranges::move(found[n], std::back_inserter(out_));
  }
  return {};
}

}  // namespace

std::string join_path(const std::string& directory, const std::string& name) {
  if (directory.empty()) return name;
  std::string path;
  path.reserve(directory.size() + 1 + name.size());
  return path.append(directory).append(1, '/').append(name);
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

Result<> SourceWalk::below(int directory, const std::string& path,
                           std::vector<SourceFile>& files) const {
  Spare spare;
  return Descent(*this, spare, files).below(directory, path, below_at(path), 0);
}

}  // namespace skiff::builder
