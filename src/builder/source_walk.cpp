#include "builder/source_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <iterator>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

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

// A name in a directory, and whether it is likely one of a directory itself.
struct Name {
  std::string text;
  bool is_directory = false;
};

// Sorted, without "." and "..".
Result<std::vector<Name>> list(int directory) {
  alignas(dirent64) char buffer[size_t{32} << 10U];
  std::vector<Name> names;
  for (;;) {
    const ssize_t size = ::getdents64(directory, buffer, sizeof buffer);
    if (size < 0) return Error::from_errno(errno, "read directory");
    if (size == 0) break;
    constexpr size_t kUsual = 32;  // bytes of an entry
    if (names.empty()) names.reserve(static_cast<size_t>(size) / kUsual);
    for (ssize_t at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer + at);
      at += entry->d_reclen;
      const std::string_view text = entry->d_name;
      if (text == "." || text == "..") continue;
      names.push_back({std::string(text), entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN});
    }
  }
  std::ranges::sort(names, {}, &Name::text);
  return names;
}

enum class Verdict {
  kOut,  // left out
  kWay,  // a directory that is there only for what is found below it
  kIn,
};

// The directory whose names are added.
struct Above {
  int fd;
  const std::string& path;
  size_t target_at;  // where in what is below `path` the target begins
  size_t depth;
};

class Descent {
 public:
  Descent(const SourceWalk& walk, Spare& spare, std::vector<SourceFile>& out)
      : walk_(walk), spare_(spare), out_(out) {}

  Result<> below(const Above& above);

 private:
  // The name, with what is below it.
  Result<> add(const Above& above, const std::string& name);
  Result<Verdict> look(const Above& above, const std::string& name, SourceFile& file) const;
  Result<> enter(const Above& above, const std::string& name);
  Result<> add_side_by_side(const Above& above, const std::vector<Name>& names);
  void take(std::vector<SourceFile> files, size_t times);
  // For so many more; by steps that grow, as there may be many directories.
  void make_room(size_t files) {
    const size_t needed = out_.size() + files;
    if (needed > out_.capacity()) out_.reserve(std::max(needed, 2 * out_.capacity()));
  }

  const SourceWalk& walk_;
  Spare& spare_;
  std::vector<SourceFile>& out_;
};

Result<> Descent::below(const Above& above) {
  // Of fewer the helper's start costs more than it saves.
  constexpr ptrdiff_t kWorthAHelper = 8;
  TRY(walk_.cancel.check());
  std::vector<Name> names = TRY(list(above.fd));
  if (above.depth < walk_.only.size()) {
    std::erase_if(names, [&](const Name& name) { return name.text != walk_.only[above.depth]; });
  }
  const auto directories = std::ranges::count_if(names, &Name::is_directory);
  if (directories >= kWorthAHelper && spare_.take()) return add_side_by_side(above, names);
  make_room(names.size());
  for (const Name& name : names) TRY(add(above, name.text));
  return {};
}

Result<> Descent::add(const Above& above, const std::string& name) {
  const size_t before = out_.size();
  SourceFile& file = out_.emplace_back();
  const Verdict verdict = TRY(look(above, name, file));
  if (verdict != Verdict::kOut && S_ISDIR(file.st.st_mode)) TRY(enter(above, name));
  const bool is_empty_way = verdict == Verdict::kWay && out_.size() == before + 1;
  if (verdict == Verdict::kOut || is_empty_way) out_.pop_back();
  return {};
}

Result<Verdict> Descent::look(const Above& above, const std::string& name, SourceFile& file) const {
  const auto& [ignore, excludes, cancel, wanted, only] = walk_;
  file.path = join_path(above.path, name);
  file.target_at = above.target_at;
  if (::fstatat(above.fd, name.c_str(), &file.st, AT_SYMLINK_NOFOLLOW) != 0) {
    return Error::from_errno(errno, cat("stat ", file.path));
  }
  const bool is_directory = S_ISDIR(file.st.st_mode);
  const bool ignored = ignore.excluded(file.path);
  if (ignored && !(is_directory && ignore.may_contain_exceptions(file.path))) return Verdict::kOut;
  const bool is_chosen = wanted != nullptr || !excludes.empty();
  const std::string target = is_chosen ? file.target() : "";
  const bool excluded = is_chosen && excludes.excluded(target);
  if (excluded && !(is_directory && excludes.may_contain_exceptions(target))) return Verdict::kOut;
  const bool matches = wanted == nullptr || wanted->excluded(target);
  if (S_ISSOCK(file.st.st_mode) || (!matches && !is_directory)) return Verdict::kOut;
  if (S_ISLNK(file.st.st_mode)) file.link = TRY(read_link_at(above.fd, name));
  return matches && !ignored && !excluded ? Verdict::kIn : Verdict::kWay;
}

// The directory that was added last.
Result<> Descent::enter(const Above& above, const std::string& name) {
  const std::string path = out_.back().path;
  UniqueFd fd(::openat(above.fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, cat("open ", path));
  return below({fd.get(), path, above.target_at, above.depth + 1});
}

// The spare thread takes every name that this one has not begun with.
Result<> Descent::add_side_by_side(const Above& above, const std::vector<Name>& names) {
  std::vector<std::vector<SourceFile>> found(names.size());
  std::vector<std::optional<Result<>>> outcomes(names.size());
  std::atomic<size_t> next = 0;
  std::mutex mutex;  // of what follows, and of outcomes
  size_t taken = 0;
  const auto work = [&] {
    for (size_t n = next++; n < names.size(); n = next++) {
      auto outcome = Descent(walk_, spare_, found[n]).add(above, names[n].text);
      // In order, and at once: the memory of one name's files is soon that of another's.
      const std::scoped_lock lock(mutex);
      outcomes[n] = std::move(outcome);
      for (; taken < names.size() && outcomes[taken]; ++taken) {
        take(std::exchange(found[taken], {}), names.size() - taken - 1);
      }
    }
  };
  {
    std::jthread helper([&] {
      work();
      spare_.give_back();
    });
    work();
  }
  for (auto& outcome : outcomes) TRY(std::move(*outcome));
  return {};
}

// As many again may follow so many times; memory that is not written to costs nothing.
void Descent::take(std::vector<SourceFile> files, size_t times) {
  constexpr size_t kMost = size_t{1} << 16U;
  const size_t needed = out_.size() + files.size();
  if (needed > out_.capacity()) make_room(files.size() + std::min(files.size() * times, kMost));
  std::ranges::move(files, std::back_inserter(out_));
}

}  // namespace

std::string join_path(const std::string& directory, const std::string& name) {
  if (directory.empty()) return name;
  std::string path;
  path.reserve(directory.size() + 1 + name.size());
  return path.append(directory).append(1, '/').append(name);
}

Result<std::vector<std::string>> names_in(int directory) {
  std::vector<std::string> names;
  for (Name& name : TRY(list(directory))) names.push_back(std::move(name.text));
  return names;
}

Result<> SourceWalk::below(int directory, const std::string& path,
                           std::vector<SourceFile>& files) const {
  Spare spare;
  return Descent(*this, spare, files).below({directory, path, below_at(path), 0});
}

}  // namespace skiff::builder
