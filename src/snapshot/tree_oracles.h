// For tests: what other programs make of a layer's archive, and how that compares with what we
// make.
//
// Where they do otherwise, all in one place:
//  - `.wh.*` are ordinary names to them: they are told to leave these out, and are asked of lowest
//    layers only, where such names mean nothing. What they do to the layers below is for tests of
//    our own.
//  - trusted.overlay.* and security.selinux, which no layer may set, are in no listing.
//  - A directory that the archive only implies has the time at which it was made.
//  - libarchive gives the directory that it unpacks to no time, and loses that of others which it
//  had
//    made before their entry came: GNU tar alone is asked of directories' times.
//  - A directory's size is its file system's affair, and so is its number of links through
//    overlayfs, which shows 1 where layers are merged; elsewhere it is 2 and its subdirectories.
//  - What an oracle complains of it is no judge of. A hand-made case says of which, and why
//    (layer_cases.h, tree_samples.h), and fails where that is not so.
#pragma once

#include <optional>

#include "snapshot/suite_support.h"

namespace skiff::snapshot {

struct Oracle {
  std::string name;
  std::vector<std::string> command;  // followed by a directory; the archive is its input
  bool knows_directory_times = true;
};

inline const Oracle& gnu_tar() {
  static const Oracle kOracle{
      "GNU tar",
      {"tar", "-xpf", "-", "--numeric-owner", "--xattrs", "--xattrs-include=*", "--exclude=.wh.*",
       "--delay-directory-restore", "-C"}};
  return kOracle;
}
inline const Oracle& libarchive() {
  // -P: symlinks of the archive are followed, as we do; they cannot leave the directory, its root.
  static const Oracle kOracle{"libarchive",
                              {"bsdtar", "-xpPf", "-", "--chroot", "--numeric-owner", "--xattrs",
                               "--no-fflags", "--exclude=.wh.*", "-C"},
                              false};
  return kOracle;
}
inline std::vector<const Oracle*> oracles() { return {&gnu_tar(), &libarchive()}; }

// Who can be asked of an archive.
enum class Judges { kBoth, kGnuTar, kLibarchive, kNone };

inline bool is_judge(const Oracle& oracle, Judges judges) {
  if (judges == Judges::kBoth) return true;
  return judges == (&oracle == &gnu_tar() ? Judges::kGnuTar : Judges::kLibarchive);
}

// Times of new files come from the kernel's last tick, which may lie before the clock's now; no
// sample has a time of this second or later.
inline const int64_t test_start =
    unix_nanos(Clock::system().now()) - std::chrono::nanoseconds(std::chrono::seconds(1)).count();

inline int64_t time_in(const std::string& line) {
  return std::stoll(line.substr(line.find(" mtime ") + 7));
}
inline void hide_time(std::string& line) {
  const size_t at = line.find(" mtime ") + 7;
  line.replace(at, line.find(' ', at) - at, "-");
}

inline void hide_directory_times(Listing& listing) {
  for (auto& [path, line] : listing) {
    if (line.starts_with(kDirectoryMode)) hide_time(line);
  }
}

// Without the times of what a test made itself, and of deletions, which nobody sees.
inline Listing without_new_times(Listing listing) {
  for (auto& [path, line] : listing) {
    if (time_in(line) > test_start || line.find(" device 0:0 ") != std::string::npos)
      hide_time(line);
  }
  return listing;
}

// What an oracle unpacks, as long as this lives.
class OracleTree {
 public:
  // In a new directory of `place`, which is root's with mode 0700 like one that a test unpacks to.
  OracleTree(const Oracle& oracle, std::string_view tar, const Path& place = "/tmp")
      : dir_(*TempDir::make(place, "skiff-oracle-")) {
    std::vector<std::string> args = {"sh", "-c", "umask 022; LC_ALL=C.UTF-8 exec \"$@\"", "sh"};
    args.insert(args.end(), oracle.command.begin(), oracle.command.end());
    args.push_back(dir_.path().native());
    const auto ran = sys::run_captured({.args = args}, tar, {}, size_t{1} << 20U);
    EXPECT_TRUE(ran) << ran.error().message();
    if (ran && ran->code != 0) complaint_ = cat(oracle.name, ": ", ran->err);
  }
  // What it cannot do; "" where it made all of the archive.
  const std::string& complaint() const { return complaint_; }
  Listing listing(RootShown root) const { return list_tree(dir_.path(), root); }

 private:
  TempDir dir_;
  std::string complaint_;
};

struct OracleVerdict {
  std::string complaint;   // the oracle cannot make it
  std::string difference;  // of our tree from the oracle's
};

inline OracleVerdict judge(const Oracle& oracle, std::string_view tar, const Listing& ours,
                           RootShown root = RootShown::kNo, const Path& place = "/tmp") {
  const OracleTree tree(oracle, tar, place);
  if (!tree.complaint().empty()) return {.complaint = tree.complaint()};
  Listing theirs = without_new_times(tree.listing(root));
  Listing mine = without_new_times(ours);
  if (!oracle.knows_directory_times) {
    hide_directory_times(theirs);
    hide_directory_times(mine);
  }
  return {.difference = difference(std::move(theirs), std::move(mine))};
}

// `ours` is what they make.
inline void expect_judged(std::string_view tar, const Listing& ours,
                          const std::vector<const Oracle*>& judges, RootShown root) {
  for (const Oracle* oracle : judges) {
    const OracleVerdict found = judge(*oracle, tar, ours, root);
    EXPECT_EQ(found.complaint + found.difference, "") << oracle->name;
  }
}

// The same; and those that are said to be no judges cannot be asked.
inline void expect_judged(std::string_view tar, const Listing& ours, Judges judges,
                          RootShown root) {
  for (const Oracle* oracle : oracles()) {
    if (is_judge(*oracle, judges)) {
      expect_judged(tar, ours, {oracle}, root);
    } else {
      const OracleVerdict found = judge(*oracle, tar, ours, root);
      EXPECT_NE(found.complaint + found.difference, "") << oracle->name << " can be asked, too";
    }
  }
}

}  // namespace skiff::snapshot
