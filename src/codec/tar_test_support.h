// For tests: whole archives read and written, and real file trees described as the entries
// that an archive of them must have.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <vector>

#include "codec/hash.h"
#include "codec/tar.h"
#include "codec/test_programs.h"

namespace skiff {

struct ReadEntry {
  TarEntry entry;
  std::string body;
};

// Bodies are read up to `limit` bytes each, and skipped from there.
inline Result<std::vector<ReadEntry>> read_tar(Source& source, size_t limit = SIZE_MAX) {
  std::vector<ReadEntry> out;
  TarReader tar(source);
  while (const TarEntry* entry = TRY(tar.next())) {
    out.push_back({*entry, {}});
    LimitedSource body(tar.body(), limit);
    out.back().body = TRY(read_all(body, size_t{64} << 20U));
  }
  return out;
}

inline Result<std::vector<ReadEntry>> read_tar(std::string_view bytes, size_t limit = SIZE_MAX) {
  StringSource source(bytes);
  return read_tar(source, limit);
}

// Each body is what lies in the archive where its pieces say.
inline void expect_pieces(std::string_view archive) {
  StringSource source(archive);
  TarReader tar(source);
  for (;;) {
    const auto entry = tar.next();
    ASSERT_TRUE(entry) << entry.error().message();
    if (*entry == nullptr) return;
    std::string expanded((*entry)->size, '\0');
    for (const TarPiece& piece : tar.body_pieces()) {
      expanded.replace(piece.offset, piece.size, archive.substr(piece.archive_offset, piece.size));
    }
    EXPECT_TRUE(read_all(tar.body(), size_t{64} << 20U).value() == expanded) << (*entry)->name;
  }
}

inline Result<std::string> write_tar(const std::vector<ReadEntry>& entries) {
  StringSink out;
  TarWriter tar(out);
  for (const ReadEntry& each : entries) {
    StringSource body(each.body);
    TRY(tar.add_file(each.entry, body));
  }
  TRY(tar.finish());
  return out.take();
}

// Everything about an entry, as text that can be compared.
inline std::string describe(const ReadEntry& each) {
  const TarEntry& e = each.entry;
  std::string text = cat("type ", static_cast<int>(e.type), " mode ", e.mode, " owner ", e.uid, ":",
                         e.gid, " size ", e.size, " mtime ", unix_nanos(e.mtime), " -> ",
                         e.link_target, " device ", e.dev_major, ":", e.dev_minor);
  for (const auto& [key, value] : e.xattrs) text += cat(" ", key, "=", to_hex(value));
  return text + cat(" sha256 ", sha256_hex(each.body));
}

// By name, without the "./" in front and the slash behind.
using Tree = std::map<std::string, std::string>;

inline std::string plain_name(std::string name) {
  if (name.starts_with("./")) name.erase(0, 2);
  if (name.ends_with('/')) name.pop_back();
  return name;
}

inline Tree tree_of(const std::vector<ReadEntry>& entries) {
  Tree tree;
  for (const ReadEntry& each : entries) {
    // A hard link has what the file has that it names; only the link counts here.
    ReadEntry shown = each;
    if (each.entry.type == TarType::kHardLink) {
      shown = {};
      shown.entry.type = TarType::kHardLink;
      shown.entry.link_target = plain_name(each.entry.link_target);
    }
    tree[plain_name(each.entry.name)] = describe(shown);
  }
  tree.erase("");
  tree.erase(".");
  return tree;
}

// The first differences, or "".
inline std::string difference(const Tree& expected, const Tree& actual) {
  std::string text;
  for (const auto& [name, line] : expected) {
    const auto found = actual.find(name);
    if (found == actual.end()) text += cat("missing ", name, "\n");
    if (found != actual.end() && found->second != line) {
      text += cat(name, "\n  expected ", line, "\n  actual   ", found->second, "\n");
    }
  }
  for (const auto& [name, line] : actual) {
    if (!expected.contains(name)) text += cat("unexpected ", name, ": ", line, "\n");
  }
  return text.substr(0, 4000);
}

struct OnDisk {
  bool whole_seconds = false;  // formats that know no more
  bool xattrs = true;
};

inline TarType type_on_disk(mode_t mode) {
  if (S_ISDIR(mode)) return TarType::kDirectory;
  if (S_ISLNK(mode)) return TarType::kSymlink;
  if (S_ISCHR(mode)) return TarType::kCharDevice;
  if (S_ISBLK(mode)) return TarType::kBlockDevice;
  return S_ISFIFO(mode) ? TarType::kFifo : TarType::kFile;
}

inline ReadEntry entry_on_disk(const Path& file, const std::string& name, const OnDisk& how) {
  struct stat st{};
  EXPECT_EQ(::lstat(file.c_str(), &st), 0) << file;
  ReadEntry out;
  TarEntry& e = out.entry;
  e.name = name;
  e.type = type_on_disk(st.st_mode);
  e.mode = st.st_mode & 07777;
  e.uid = st.st_uid;
  e.gid = st.st_gid;
  e.mtime = TimePoint(std::chrono::seconds(st.st_mtim.tv_sec));
  if (!how.whole_seconds) e.mtime += std::chrono::nanoseconds(st.st_mtim.tv_nsec);
  if (S_ISLNK(st.st_mode)) e.link_target = std::filesystem::read_symlink(file).native();
  if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
    e.dev_major = major(st.st_rdev);
    e.dev_minor = minor(st.st_rdev);
  }
  if (S_ISREG(st.st_mode)) {
    e.size = static_cast<uint64_t>(st.st_size);
    out.body = *read_file(file, size_t{64} << 20U);
  }
  char names[4096];
  const ssize_t n = how.xattrs ? ::llistxattr(file.c_str(), names, sizeof names) : 0;
  for (std::string_view left(names, static_cast<size_t>(std::max<ssize_t>(n, 0))); !left.empty();) {
    const std::string key(left.substr(0, left.find('\0')));
    left.remove_prefix(key.size() + 1);
    char value[4096];
    const ssize_t size = ::lgetxattr(file.c_str(), key.c_str(), value, sizeof value);
    e.xattrs[key] = std::string(value, static_cast<size_t>(std::max<ssize_t>(size, 0)));
  }
  return out;
}

// Of several names of one file the first by the alphabet is the file, as with `--sort=name`.
inline std::vector<ReadEntry> entries_on_disk(const Path& root, const OnDisk& how = {}) {
  std::vector<std::string> names;
  for (const auto& each : std::filesystem::recursive_directory_iterator(root)) {
    names.push_back(each.path().lexically_relative(root).native());
  }
  std::ranges::sort(names);
  std::map<ino_t, std::string> first;
  std::vector<ReadEntry> out;
  for (const std::string& name : names) {
    struct stat st{};
    EXPECT_EQ(::lstat((root / name).c_str(), &st), 0) << name;
    out.push_back(entry_on_disk(root / name, name, how));
    const auto [known, added] = first.try_emplace(st.st_ino, name);
    if (added || S_ISDIR(st.st_mode)) continue;
    out.back().entry.type = TarType::kHardLink;
    out.back().entry.link_target = known->second;
    out.back().entry.size = 0;
    out.back().body.clear();
  }
  return out;
}

}  // namespace skiff
