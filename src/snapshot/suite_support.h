// For tests: everything observable about a file tree, as text that can be compared; archives made
// entry by entry; and what a check finds.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <string>

#include "base/strings.h"
#include "codec/hash.h"
#include "codec/tar.h"
#include "snapshot/file_attributes.h"
#include "snapshot/snapshotter.h"
#include "sys/process.h"

namespace skiff::snapshot {

// Path ("" for the root, "a/b") -> a line of all its attributes.
using Listing = std::map<std::string, std::string>;

enum class RootShown { kYes, kNo };

// Overlayfs counts the links of no directory that it merged.
inline constexpr std::string_view kDirectoryLinks = " links ";
inline constexpr std::string_view kDirectoryMode = "mode 04/";

inline bool is_overlay(const Path& path) {
  struct statfs info{};
  return ::statfs(path.c_str(), &info) == 0 && info.f_type == OVERLAYFS_SUPER_MAGIC;
}

inline bool has_directory_links(const Listing& listing) {
  return std::ranges::any_of(listing, [](const auto& each) {
    return each.second.starts_with(kDirectoryMode) &&
           each.second.find(kDirectoryLinks) != std::string::npos;
  });
}

inline void hide_directory_links(Listing& listing) {
  for (auto& [path, line] : listing) {
    const size_t at = line.find(kDirectoryLinks);
    if (line.starts_with(kDirectoryMode) && at != std::string::npos)
      line.erase(at, line.find(' ', at + kDirectoryLinks.size()) - at);
  }
}

inline std::string describe(const Path& root, const std::string& path, const struct stat& st,
                            const std::string& first_name) {
  std::string text =
      cat("mode ", skiff::to_hex(std::string(1, static_cast<char>(st.st_mode >> 12))), "/",
          st.st_mode & 07777, " owner ", st.st_uid, ":", st.st_gid, " mtime ",
          unix_nanos(time_of(st.st_mtim)));
  Path full = root / path;
  if (S_ISREG(st.st_mode)) {
    Hasher hasher;
    UniqueFd fd(::open(full.c_str(), O_RDONLY | O_CLOEXEC));
    FdSource source(fd.get());
    EXPECT_TRUE(copy(source, hasher)) << full;
    text += cat(" size ", st.st_size, " sha256 ", hasher.hex());
  }
  if (S_ISLNK(st.st_mode)) text += cat(" -> ", std::filesystem::read_symlink(full).native());
  if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
    text += cat(" device ", major(st.st_rdev), ":", minor(st.st_rdev));
  }
  if (!S_ISDIR(st.st_mode)) text += cat(" links ", st.st_nlink, " first ", first_name);
  if (S_ISDIR(st.st_mode) && !is_overlay(full)) text += cat(kDirectoryLinks, st.st_nlink);
  UniqueFd parent(::open(full.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  auto xattrs = read_xattrs(parent.get(), path.empty() ? "." : full.filename().native());
  EXPECT_TRUE(xattrs) << full;
  for (const auto& [key, value] : *xattrs) text += cat(" ", key, "=", to_hex(value));
  return text;
}

inline Listing list_tree(const Path& root, RootShown root_shown = RootShown::kNo) {
  Listing listing;
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    paths.push_back(entry.path().lexically_relative(root).native());
  }
  std::ranges::sort(paths);
  std::map<ino_t, std::string> first_names;
  for (const std::string& path : paths) {
    struct stat st{};
    EXPECT_EQ(::lstat((root / path).c_str(), &st), 0) << path;
    auto [first, added] = first_names.try_emplace(st.st_ino, path);
    listing[path] = describe(root, path, st, first->second);
  }
  if (root_shown == RootShown::kYes) {
    struct stat st{};
    EXPECT_EQ(::stat(root.c_str(), &st), 0);
    listing[""] = describe(root, "", st, "");
  }
  return listing;
}

// The first differences, or "". Links of directories count where both show them.
inline std::string difference(Listing expected, Listing actual) {
  if (has_directory_links(expected) != has_directory_links(actual)) {
    hide_directory_links(expected);
    hide_directory_links(actual);
  }
  std::string text;
  for (const auto& [path, line] : expected) {
    auto found = actual.find(path);
    if (found == actual.end()) text += cat("missing ", path, ": ", line, "\n");
    if (found != actual.end() && found->second != line) {
      text += cat(path, "\n  expected ", line, "\n  actual   ", found->second, "\n");
    }
  }
  for (const auto& [path, line] : actual) {
    if (!expected.contains(path)) text += cat("unexpected ", path, ": ", line, "\n");
  }
  return text.substr(0, 4000);
}

// A layer tar made entry by entry.
class LayerTar {
 public:
  LayerTar& add(TarEntry entry, std::string_view body = {}) {
    entry.size = body.size();
    EXPECT_TRUE(writer_.add(entry) && (body.empty() || writer_.write_body(body))) << entry.name;
    return *this;
  }
  LayerTar& file(const std::string& name, std::string_view body = {}, uint32_t mode = 0644) {
    return add({.name = name, .mode = mode, .mtime = kTime}, body);
  }
  LayerTar& directory(const std::string& name, uint32_t mode = 0755) {
    return add({.name = name, .type = TarType::kDirectory, .mode = mode, .mtime = kTime});
  }
  LayerTar& symlink(const std::string& name, const std::string& target) {
    return add({.name = name,
                .type = TarType::kSymlink,
                .mode = 0777,
                .mtime = kTime,
                .link_target = target});
  }
  LayerTar& hard_link(const std::string& name, const std::string& target) {
    return add({.name = name, .type = TarType::kHardLink, .mtime = kTime, .link_target = target});
  }
  std::string take() {
    EXPECT_TRUE(writer_.finish());
    return sink_.take();
  }

  static constexpr TimePoint kTime{std::chrono::seconds(1'000'000'000)};

 private:
  StringSink sink_;
  TarWriter writer_{sink_};
};

inline std::vector<Problem> check_of(Snapshotter& store, const CheckOptions& options = {}) {
  std::vector<Problem> problems;
  const auto checked = store.check(options, [&](const Problem& p) { problems.push_back(p); });
  EXPECT_TRUE(checked) << checked.error().message();
  return problems;
}

inline std::string run(const std::vector<std::string>& args) {
  auto ran = sys::run_captured({.args = args}, {}, {}, size_t{1} << 30U);
  EXPECT_TRUE(ran) << ran.error().message();
  EXPECT_EQ(ran->code, 0) << join(args, " ") << ": " << ran->err;
  return ran->out;
}

}  // namespace skiff::snapshot
