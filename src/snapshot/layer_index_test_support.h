// For tests: layers indexed and mounted, unpacked by the other back end, and compared.
#pragma once

#include "snapshot/erofs_test_support.h"
#include "snapshot/layer_apply.h"
#include "snapshot/layer_index.h"
#include "snapshot/overlay_format.h"
#include "snapshot/tree_oracles.h"

namespace skiff::snapshot {

using Lines = std::vector<std::string>;

enum class Position { kLowest, kAbove };

// Whether an entry is the root's opaque marker, however its name is written.
inline bool has_opaque_root(std::string_view tar) {
  StringSource source(tar);
  TarReader reader(source);
  for (;;) {
    const auto entry = reader.next();
    if (!entry || *entry == nullptr) return false;
    std::string_view name = (*entry)->name;
    while (name.starts_with('/') || name.starts_with("./")) name.remove_prefix(1);
    if (name == kOpaqueMarker) return true;
  }
}

inline Result<std::string> index_of_layer(
    std::string_view tar, Position position, const LowerDirectory& lower = {},
    TimePoint implied_mtime = LayerTar::kTime,
    size_t least_small_files = LayerPlace{}.least_small_files) {
  StringSource source(tar);
  StringSink index;
  LayerIndexer indexer(
      {.is_lowest = position == Position::kLowest, .implied_mtime = implied_mtime});
  TRY(indexer.read(source, {}));
  LayerPlace place{.lower = lower};
  place.least_small_files = least_small_files;
  place.read_archive = [tar](uint64_t offset, std::span<char> buffer) -> Result<> {
    std::ranges::copy(tar.substr(offset, buffer.size()), buffer.begin());
    return {};
  };
  const LayerIndexed done = TRY(indexer.write(place, index));
  EXPECT_EQ(done.archive_bytes, tar.size());
  EXPECT_EQ(done.index_bytes, index.text().size());
  EXPECT_EQ(indexer.hides_all_below(), position == Position::kAbove && has_opaque_root(tar));
  return index.take();
}

inline MountedIndex mount_layer(std::string_view tar, Position position,
                                const LowerDirectory& lower = {}) {
  auto index = index_of_layer(tar, position, lower);
  EXPECT_TRUE(index) << index.error().message();
  return {index ? *index : "", tar};
}

// What the other back end makes of an archive.
class Unpacked {
 public:
  Unpacked(std::string_view tar, Position position, const Path& place = "/tmp")
      : dir_(*TempDir::make(place, "skiff-unpacked-")) {
    std::vector<Path> lowers;
    if (position == Position::kAbove) lowers.push_back(empty_.path());
    StringSource source(tar);
    done_ = apply_layer(dir_.path(), lowers, source);
  }
  const Result<>& done() const { return done_; }
  const Path& path() const { return dir_.path(); }
  // So that directories which the archive only implies, made now there, do not differ.
  LowerDirectory as_lower() const {
    return [this](const std::string& path) -> Result<std::optional<ErofsAttributes>> {
      struct stat st{};
      if (::stat((dir_.path() / path).c_str(), &st) != 0) return std::nullopt;
      return ErofsAttributes{.mode = st.st_mode & 07777U,
                             .uid = st.st_uid,
                             .gid = st.st_gid,
                             .mtime = time_of(st.st_mtim)};
    };
  }

 private:
  TempDir empty_ = *TempDir::make("/tmp", "skiff-empty-");
  TempDir dir_;
  Result<> done_;
};

inline bool is_opaque_at(const Path& directory) {
  return is_opaque(open_file(directory, O_RDONLY | O_DIRECTORY)->get());
}

struct Agreement {
  std::string error;  // of both
  Listing tree;       // or this
};

// One back end reads bodies and the other skips them: only where an archive is cut short they find
// out at different places.
inline std::string reason_of(const Error& error) {
  constexpr std::string_view kCutShort = "the archive is cut short";
  return error.message().ends_with(kCutShort) ? std::string(kCutShort) : error.message();
}

// Both back ends agree: the same error, or the same tree.
inline Agreement agreement_on(std::string_view tar, Position position, const Path& place = "/tmp") {
  const Unpacked unpacked(tar, position, place);
  const auto index = index_of_layer(tar, position, unpacked.as_lower(), Clock::system().now());
  EXPECT_EQ(index.has_value(), unpacked.done().has_value())
      << (index ? unpacked.done() : Result<>(index.error())).error().message();
  if (!index || !unpacked.done()) {
    if (!index && !unpacked.done()) {
      EXPECT_EQ(reason_of(index.error()), reason_of(unpacked.done().error()));
    }
    return {.error = index ? "" : index.error().message()};
  }
  const MountedIndex mounted(*index, tar);
  Listing tree = list_tree(mounted.path(), RootShown::kYes);
  EXPECT_EQ(difference(without_new_times(list_tree(unpacked.path(), RootShown::kYes)),
                       without_new_times(tree)),
            "");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(unpacked.path())) {
    if (entry.is_symlink() || !entry.is_directory()) continue;
    const Path path = entry.path().lexically_relative(unpacked.path());
    EXPECT_EQ(is_opaque_at(mounted.path() / path), is_opaque_at(entry.path())) << path;
  }
  // Small files in the index itself are the same.
  const auto inlined = index_of_layer(tar, position, unpacked.as_lower(), Clock::system().now(), 0);
  EXPECT_TRUE(inlined) << inlined.error().message();
  if (!inlined) return {};
  const MountedIndex mounted_inlined(*inlined, tar);
  EXPECT_EQ(difference(without_new_times(tree),
                       without_new_times(list_tree(mounted_inlined.path(), RootShown::kYes))),
            "");
  return {.tree = std::move(tree)};
}

// Returns the error's text.
inline std::string expect_agreement(std::string_view tar, Position position) {
  return agreement_on(tar, position).error;
}

}  // namespace skiff::snapshot
