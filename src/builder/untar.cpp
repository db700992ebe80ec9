#include "builder/untar.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <map>

#include "base/strings.h"
#include "codec/compress.h"
#include "codec/tar.h"
#include "snapshot/file_attributes.h"
#include "sys/namespaces.h"

namespace skiff::builder {

namespace {

constexpr size_t kBlock = 512;

Result<std::string> clean_name(const std::string& name) {
  std::vector<std::string> parts = split(name, '/');
  std::erase_if(parts, [](const std::string& part) { return part.empty() || part == "."; });
  if (std::ranges::find(parts, "..") != parts.end()) {
    return Error(Code::kInvalidArgument,
                 cat("archive entry ", skiff::quoted(name), " leads out of its directory"));
  }
  return join(parts, "/");
}

// One cut down to 32 bits could be root's.
Result<std::pair<uid_t, gid_t>> owner_of(const TarEntry& entry) {
  constexpr uint64_t kHighest = std::numeric_limits<uid_t>::max() - 1;  // above it: "unchanged"
  if (entry.uid <= kHighest && entry.gid <= kHighest) {
    return std::pair(static_cast<uid_t>(entry.uid), static_cast<gid_t>(entry.gid));
  }
  return Error(Code::kInvalidArgument,
               cat(entry.name, ": owner ", entry.uid, ":", entry.gid, " is out of range"));
}

Error failed_on(const char* what, const std::string& name) {
  return Error::from_errno(errno, cat(what, " ", name));
}

class Untar {
 public:
  Untar(const sys::RootDir& root, const std::string& directory, const UntarOptions& options)
      : root_(root), directory_(directory), options_(options) {}

  Result<> add(const TarEntry& entry, Source& body);
  // Times of directories, which what was put into them has changed.
  Result<> finish();

 private:
  std::string path_of(const std::string& name) const { return cat(directory_, "/", name); }
  Result<> make(const TarEntry& entry, const sys::Place& place, Source& body);
  Result<> make_directory(const TarEntry& entry, const sys::Place& place);
  Result<> make_file(const TarEntry& entry, const sys::Place& place, Source& body);
  Result<> make_link(const TarEntry& entry, const sys::Place& place);
  Result<> make_node(const TarEntry& entry, const sys::Place& place);
  Result<> set_attributes(const TarEntry& entry, const sys::Place& place);

  const sys::RootDir& root_;
  const std::string& directory_;
  const UntarOptions& options_;
  std::map<std::string, TimePoint> directories_;
};

Result<> Untar::add(const TarEntry& entry, Source& body) {
  std::string name = TRY(clean_name(entry.name));
  if (name.empty()) return {};  // the directory itself
  sys::Place place = TRY(root_.make_place(path_of(name)));
  const bool is_device = entry.type == TarType::kCharDevice || entry.type == TarType::kBlockDevice;
  // Left out there, as from a layer.
  if (is_device && sys::in_user_namespace()) return {};
  TRY_CONTEXT(make(entry, place, body), entry.name);
  if (entry.type == TarType::kDirectory) directories_[name] = entry.mtime;
  if (entry.type == TarType::kHardLink) return {};
  return set_attributes(entry, place);
}

Result<> Untar::make(const TarEntry& entry, const sys::Place& place, Source& body) {
  if (entry.type == TarType::kDirectory) return make_directory(entry, place);
  struct stat st{};
  bool exists = ::fstatat(place.parent.get(), place.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
  if (exists && S_ISDIR(st.st_mode)) {
    if (::unlinkat(place.parent.get(), place.name.c_str(), AT_REMOVEDIR) != 0) {
      return failed_on("replace directory", entry.name);
    }
  } else if (exists && ::unlinkat(place.parent.get(), place.name.c_str(), 0) != 0) {
    return failed_on("replace", entry.name);
  }
  switch (entry.type) {
    case TarType::kFile:
      return make_file(entry, place, body);
    case TarType::kHardLink:
      return make_link(entry, place);
    case TarType::kSymlink:
      if (::symlinkat(entry.link_target.c_str(), place.parent.get(), place.name.c_str()) != 0) {
        return failed_on("symlink", entry.name);
      }
      return {};
    default:
      return make_node(entry, place);
  }
}

Result<> Untar::make_directory(const TarEntry& entry, const sys::Place& place) {
  if (::mkdirat(place.parent.get(), place.name.c_str(), 0755) == 0) return {};
  if (errno != EEXIST) return failed_on("mkdir", entry.name);
  struct stat st{};
  if (::fstatat(place.parent.get(), place.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
    return failed_on("stat", entry.name);
  }
  if (S_ISDIR(st.st_mode)) return {};
  if (::unlinkat(place.parent.get(), place.name.c_str(), 0) != 0 ||
      ::mkdirat(place.parent.get(), place.name.c_str(), 0755) != 0) {
    return failed_on("mkdir", entry.name);
  }
  return {};
}

Result<> Untar::make_file(const TarEntry& entry, const sys::Place& place, Source& body) {
  UniqueFd fd(::openat(place.parent.get(), place.name.c_str(),
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return failed_on("create", entry.name);
  return copy_sparse(body, fd.get(), {});
}

Result<> Untar::make_link(const TarEntry& entry, const sys::Place& place) {
  std::string target = TRY(clean_name(entry.link_target));
  sys::Place from = TRY(root_.place_of(path_of(target)));
  if (::linkat(from.parent.get(), from.name.c_str(), place.parent.get(), place.name.c_str(), 0) !=
      0) {
    return failed_on("link to", entry.link_target);
  }
  return {};
}

Result<> Untar::make_node(const TarEntry& entry, const sys::Place& place) {
  bool fifo = entry.type == TarType::kFifo;
  if (!fifo && !options_.devices) {
    return Error(Code::kInvalidArgument, "devices are not allowed here");
  }
  mode_t type = S_IFIFO;
  if (!fifo) type = entry.type == TarType::kCharDevice ? S_IFCHR : S_IFBLK;
  dev_t number = fifo ? 0 : makedev(entry.dev_major, entry.dev_minor);
  if (::mknodat(place.parent.get(), place.name.c_str(), type | 0600, number) != 0) {
    return failed_on("mknod", entry.name);
  }
  return {};
}

Result<> Untar::set_attributes(const TarEntry& entry, const sys::Place& place) {
  int parent = place.parent.get();
  const char* name = place.name.c_str();
  auto owner = std::pair(uid_t{0}, gid_t{0});
  if (options_.owner) {
    owner = *options_.owner;
  } else if (options_.keep_owners) {
    owner = TRY(owner_of(entry));
  }
  if (::fchownat(parent, name, owner.first, owner.second, AT_SYMLINK_NOFOLLOW) != 0) {
    return failed_on("chown", entry.name);
  }
  if (entry.type != TarType::kSymlink && ::fchmodat(parent, name, entry.mode & 07777, 0) != 0) {
    return failed_on("chmod", entry.name);
  }
  if (!entry.xattrs.empty()) {
    TRY_CONTEXT(snapshot::write_xattrs(parent, place.name, entry.xattrs), entry.name);
  }
  const timespec times[2] = {{0, UTIME_OMIT}, snapshot::timespec_of(entry.mtime)};
  if (::utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) != 0) {
    return failed_on("set time of", entry.name);
  }
  return {};
}

Result<> Untar::finish() {
  for (const auto& [name, mtime] : directories_) {
    auto place = root_.place_of(path_of(name));
    if (!place) continue;  // replaced by a later entry
    const timespec times[2] = {{0, UTIME_OMIT}, snapshot::timespec_of(mtime)};
    ::utimensat(place->parent.get(), place->name.c_str(), times, AT_SYMLINK_NOFOLLOW);
  }
  return {};
}

// The sum of the header's bytes with blanks in place of the sum itself (POSIX pax, ustar).
bool is_header(std::string_view block) {
  if (block.size() < kBlock) return false;
  std::string digits(block.substr(148, 8));
  digits.resize(std::min(digits.find(static_cast<char>(0)), digits.size()));
  auto sum = parse_uint(trim(digits), 8);
  uint64_t actual = 0;
  for (size_t i = 0; i < kBlock; ++i) {
    actual += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(block[i]);
  }
  return sum && *sum == actual && block[0] != '\0';
}

}  // namespace

Result<> untar(Source& tar, const sys::RootDir& root, const std::string& directory,
               const UntarOptions& options, const CancelToken& cancel) {
  auto plain = TRY(open_decompressed(tar));
  // Docker's client puts a Dockerfile from elsewhere last, and leaves its padding out.
  TarReader reader(*plain, TarReader::LastPadding::kMayBeMissing);
  Untar out(root, directory, options);
  while (const TarEntry* entry = TRY(reader.next())) {
    TRY(cancel.check());
    TRY(out.add(*entry, reader.body()));
  }
  TRY(out.finish());
  // What stands behind the archive's end is read too: a sender waits for that.
  std::array<char, 64 * 1024> rest;
  while (TRY(tar.read(rest)) != 0) {
  }
  return {};
}

Result<bool> is_archive(int fd) {
  if (::lseek(fd, 0, SEEK_SET) != 0) return Error::from_errno(errno, "seek");
  FdSource file(fd);
  auto plain = open_decompressed(file);
  std::array<char, kBlock> block{};
  auto read = plain ? read_full(**plain, block) : Result<size_t>(0);
  if (::lseek(fd, 0, SEEK_SET) != 0) return Error::from_errno(errno, "seek");
  return read && is_header(std::string_view(block.data(), *read));
}

}  // namespace skiff::builder
