#include "engine/tree.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "engine/node.h"

namespace skiff::engine {

namespace {

// Each level holds a descriptor open.
constexpr int kDeepest = 512;
constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// Sockets cannot be archived, and a live tree may lose entries while it is read.
bool is_skippable(const Error& error) {
  return error.code() == Code::kUnimplemented || error.code() == Code::kNotFound;
}

// A file's bytes, exactly `size` of them, whatever happens to the file.
class FixedSizeSource : public Source {
 public:
  FixedSizeSource(int fd, uint64_t size) : file_(fd), left_(size) {}
  Result<size_t> read(std::span<char> buffer) override {
    buffer = buffer.first(std::min<uint64_t>(buffer.size(), left_));
    if (buffer.empty()) return size_t{0};
    size_t count = ended_ ? 0 : TRY(file_.read(buffer));
    if (count == 0) {
      ended_ = true;
      count = buffer.size();
      std::fill(buffer.begin(), buffer.end(), '\0');
    }
    left_ -= count;
    return count;
  }

 private:
  FdSource file_;
  uint64_t left_;
  bool ended_ = false;
};

class TreeWriter {
 public:
  TreeWriter(TarWriter& tar, const IdShift& ids, const CancelToken& cancel)
      : tar_(tar), ids_(ids), cancel_(cancel) {}

  Result<> node(int parent, const std::string& name, const std::string& entry_name) {
    TRY(cancel_.check());
    auto described = describe_node(parent, name, entry_name);
    if (!described) {
      if (is_skippable(described.error())) return {};
      return std::move(described.error());
    }
    ids_.to_inside(*described);
    if (described->type == TarType::kFile) return file(parent, name, std::move(*described));
    TRY(tar_.add(*described));
    if (described->type != TarType::kDirectory) return {};
    UniqueFd directory(::openat(parent, name.c_str(), kDirectoryFlags));
    if (!directory) return {};
    TRY(check_depth(++depth_, entry_name));
    TRY(contents(directory.get(), described->name));
    --depth_;
    return {};
  }

  Result<> contents(int directory, const std::string& prefix) {
    std::vector<std::string> names = TRY(names_in(directory));
    for (const std::string& name : names) TRY(node(directory, name, prefix + name));
    return {};
  }

 private:
  Result<> file(int parent, const std::string& name, TarEntry entry) {
    auto opened = open_regular(parent, name);
    if (!opened) return {};
    struct stat st{};
    if (::fstat(opened->get(), &st) != 0) return Error::from_errno(errno, cat("stat ", name));
    if (st.st_nlink > 1) {
      auto [first, is_new] = linked_.emplace(std::pair(st.st_dev, st.st_ino), entry.name);
      if (!is_new) {
        entry.type = TarType::kHardLink;
        entry.link_target = first->second;
        entry.size = 0;
        return tar_.add(entry);
      }
    }
    FixedSizeSource body(opened->get(), entry.size);
    return tar_.add_file(entry, body);
  }

  TarWriter& tar_;
  const IdShift& ids_;
  const CancelToken& cancel_;
  int depth_ = 0;
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;
};

Result<> copy_directory(int from, int to, const CancelToken& cancel, int depth);

Result<> copy_node(int from, int to, const std::string& name, const CancelToken& cancel,
                   int depth) {
  TRY(cancel.check());
  auto described = describe_node(from, name, name);
  if (!described) {
    if (is_skippable(described.error())) return {};
    return std::move(described.error());
  }
  if (described->type == TarType::kFile) {
    UniqueFd file = TRY(open_regular(from, name));
    FdSource body(file.get());
    return make_node(to, name, *described, body, OnConflict::kReplace);
  }
  StringSource nothing("");
  TRY(make_node(to, name, *described, nothing, OnConflict::kReplace));
  if (described->type != TarType::kDirectory) return {};
  UniqueFd from_directory(::openat(from, name.c_str(), kDirectoryFlags));
  UniqueFd to_directory(::openat(to, name.c_str(), kDirectoryFlags));
  if (!from_directory || !to_directory) return Error::from_errno(errno, cat("open ", name));
  TRY(check_depth(depth, name));
  TRY(copy_directory(from_directory.get(), to_directory.get(), cancel, depth + 1));
  return set_attributes(to, name, *described);
}

Result<> copy_directory(int from, int to, const CancelToken& cancel, int depth) {
  std::vector<std::string> names = TRY(names_in(from));
  for (const std::string& name : names) TRY(copy_node(from, to, name, cancel, depth));
  return {};
}

}  // namespace

Result<std::vector<std::string>> names_in(int directory) {
  UniqueFd own(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::unique_ptr<DIR, int (*)(DIR*)> stream(own ? ::fdopendir(own.get()) : nullptr, ::closedir);
  if (!stream) return Error::from_errno(errno, "read directory");
  (void)own.release();
  std::vector<std::string> names;
  while (dirent* entry = ::readdir(stream.get())) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<> check_depth(int depth, const std::string& where) {
  if (depth <= kDeepest) return {};
  return Error(Code::kResourceExhausted,
               cat("directories nested deeper than ", kDeepest, " at ", where.substr(0, 80)));
}

Result<> write_tree(int parent, const std::string& name, const std::string& entry_name,
                    TarWriter& tar, const IdShift& ids, const CancelToken& cancel) {
  return TreeWriter(tar, ids, cancel).node(parent, name, entry_name);
}

Result<> write_contents(int directory, const std::string& prefix, TarWriter& tar,
                        const IdShift& ids, const CancelToken& cancel) {
  return TreeWriter(tar, ids, cancel).contents(directory, prefix);
}

Result<> copy_contents(int from, int to, const CancelToken& cancel) {
  return copy_directory(from, to, cancel, 1);
}

}  // namespace skiff::engine
