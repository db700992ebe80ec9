// Any bytes as a layer. What is accepted mounts, and shows what the unpacking back end makes, and
// what libarchive and GNU tar make as far as they can; what is refused is refused by both back ends
// with an error, and leaves nothing in their stores. Checksums of headers are made right first, or
// no change of a header would get past them. A failed expectation is an exception. Needs root;
// without it, nothing is tried.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "codec/tar_format.h"
#include "snapshot/layer_index_test_support.h"

using namespace skiff;
using namespace skiff::snapshot;

namespace {

constexpr size_t kBlock = 512;
constexpr size_t kMostTarget = 100;  // in an entry's own header
// Of all files of a layer, holes with them: all of it is read, several times.
constexpr uint64_t kMostExpanded = uint64_t{8} << 20U;
// Trees that need no disk.
constexpr char kMemory[] = "/dev/shm";

// Zero bytes in front of a number: docker's reader and ours pass over them, GNU tar over one,
// libarchive over none.
void fill_numbers(char* header) {
  constexpr std::pair<size_t, size_t> kFields[] = {{100, 8},  {108, 8}, {116, 8}, {124, 12},
                                                   {136, 12}, {329, 8}, {337, 8}};
  for (const auto& [offset, size] : kFields) {
    char* const end = header + offset + size;
    char* const first = std::find_if(header + offset, end, [](char c) { return c != 0; });
    if (first != end) std::fill(header + offset, first, '0');
  }
}

void repair_checksums(std::string& tar) {
  for (size_t at = 0; at + kBlock <= tar.size();) {
    char* header = tar.data() + at;
    fill_numbers(header);
    std::memset(header + 148, ' ', 8);
    unsigned sum = 0;
    for (size_t i = 0; i < kBlock; ++i) sum += static_cast<unsigned char>(header[i]);
    if (sum == 8 * ' ') {  // the end mark
      std::memset(header + 148, 0, 8);
      return;
    }
    std::snprintf(header + 148, 8, "%06o", sum);
    const auto size = parse_uint(std::string(header + 124, 11).c_str(), 8);
    if (!size || *size > tar.size()) return;
    at += kBlock + (*size + kBlock - 1) / kBlock * kBlock;
  }
}

// Stores that have nothing in them, and must stay so.
class EmptyStores {
 public:
  EmptyStores() {
    for (const Backend backend : {Backend::kErofs, Backend::kOverlay}) {
      const Path root = dir_.path() / name_of(backend);
      stores_.push_back(open_snapshotter(root, {.backend = backend}).value());
    }
    files_ = count();
  }
  void expect_refused(std::string_view tar) {
    for (const auto& store : stores_) {
      StringSource source(tar);
      const Result<> done = store->unpack("layer", "", source);
      ASSERT_FALSE(done);
      EXPECT_FALSE(done.error().message().empty());
      EXPECT_EQ(store->stat("layer").error().code(), Code::kNotFound);
      store->settle();
    }
    EXPECT_EQ(count(), files_);
  }

 private:
  ptrdiff_t count() const {
    return std::distance(std::filesystem::recursive_directory_iterator(dir_.path()), {});
  }
  TempDir dir_ = *TempDir::make("/var/tmp", "skiff-fuzz-");
  std::vector<std::unique_ptr<Snapshotter>> stores_;
  ptrdiff_t files_ = 0;
};

// What is to be known of an archive before anybody is asked of it. An oracle is no judge of what it
// is known to get wrong without a word:
struct Known {
  uint64_t expanded = 0;  // of all entries up to the first that cannot be read; saturates
  bool by_gnu_tar = true;
  bool by_libarchive = true;

  void look_at(const TarEntry& entry, std::span<const TarPiece> pieces) {
    expanded = std::max(expanded, expanded + entry.size);
    const auto name = parse_layer_name(entry.name);
    // libarchive: the mode of a directory that it has already, and a symlink that is to be one.
    if (!name || !names_.insert(name->path()).second) by_libarchive = false;
    for (std::string above = name ? name->parent : ""; !above.empty();) {
      names_.insert(above);
      above.resize(above.find('/') == std::string::npos ? 0 : above.rfind('/'));
    }
    // libarchive: a target that stands in a PAX header alone.
    if (entry.link_target.size() > kMostTarget) by_libarchive = false;
    // libarchive: fractions of seconds before 1970.
    if (entry.mtime.time_since_epoch().count() < 0) by_libarchive = false;
    // libarchive: ACLs as attributes.
    if (entry.xattrs.contains("system.posix_acl_access")) by_libarchive = false;
    if (entry.xattrs.contains("system.posix_acl_default")) by_libarchive = false;
    // GNU tar: symlinks with .. or from the root, which it makes last, where something else came.
    if (entry.type == TarType::kSymlink && is_late_in_gnu_tar(entry.link_target))
      by_gnu_tar = false;
    if (entry.is_sparse) look_at_pieces(entry.size, pieces);
  }
  // GNU tar: long names that no zero ends, which it reads on in whatever is behind.
  void look_at_long_names(std::string_view archive) {
    for (size_t at = 0; at + sizeof(tar::Header) <= archive.size(); at += kBlock) {
      tar::Header header;
      std::memcpy(&header, archive.data() + at, sizeof header);
      if (header.type != 'K' && header.type != 'L') continue;
      const auto size = parse_uint(std::string_view(header.size, sizeof header.size - 1), 8);
      const size_t body = at + kBlock;
      if (!size || *size == 0 || *size > archive.size() - body) continue;
      if (archive[body + static_cast<size_t>(*size) - 1] != '\0') by_gnu_tar = false;
    }
  }
  bool is_judge(const Oracle& oracle) const {
    return &oracle == &gnu_tar() ? by_gnu_tar : by_libarchive;
  }

 private:
  // GNU tar: its place behind a piece that ends within a block, and a hole at the end that no empty
  // piece tells of.
  void look_at_pieces(uint64_t size, std::span<const TarPiece> pieces) {
    uint64_t end = 0;
    for (const TarPiece& piece : pieces) {
      if (end % kBlock != 0 || piece.size % kBlock != 0) by_gnu_tar = false;
      end = piece.offset + piece.size;
    }
    if (end != size) by_gnu_tar = false;
  }
  static bool is_late_in_gnu_tar(const std::string& target) {
    return target.starts_with('/') || target.find("..") != std::string::npos;
  }
  std::set<std::string> names_;
};

Known look_at(std::string_view tar) {
  StringSource source(tar);
  TarReader reader(source);
  Known known;
  known.look_at_long_names(tar);
  for (;;) {
    const auto entry = reader.next();
    if (!entry || *entry == nullptr) return known;
    known.look_at(**entry, reader.body_pieces());
  }
}

// Claims more than anybody would write: it may be indexed, and its names can be listed.
void expect_mounted(std::string_view tar) {
  const auto index = index_of_layer(tar, Position::kLowest);
  if (!index) return;
  const MountedIndex mounted(*index, tar);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(mounted.path())) {
    struct stat st{};
    EXPECT_EQ(::lstat(entry.path().c_str(), &st), 0);
  }
}

void expect_same(std::string_view tar, const Known& known) {
  if (tar.find(kWhiteoutPrefix) != std::string_view::npos) {
    agreement_on(tar, Position::kAbove, kMemory);
  }
  const Agreement agreed = agreement_on(tar, Position::kLowest, kMemory);
  if (!agreed.error.empty()) {
    static EmptyStores stores;
    return stores.expect_refused(tar);
  }
  // One of them, for twice as many inputs in the same time; an input always meets the same. Where
  // it differs, the other must agree: they read headers that nobody writes in ways of their own.
  std::vector<const Oracle*> asked = oracles();
  if (std::hash<std::string_view>()(tar) % 2 != 0) std::swap(asked[0], asked[1]);
  std::string differences;
  for (const Oracle* oracle : asked) {
    if (!known.is_judge(*oracle)) continue;
    const OracleVerdict found = judge(*oracle, tar, agreed.tree, RootShown::kYes, kMemory);
    if (found.complaint.empty() && found.difference.empty()) return;
    if (found.difference.empty()) continue;
    differences += cat(oracle->name, ": ", found.difference);
  }
  EXPECT_EQ(differences, "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const char* data, size_t size) {
  if (size > size_t{256} << 10U || ::geteuid() != 0) return 0;
  GTEST_FLAG_SET(throw_on_failure, true);
  std::string tar(data, size);
  repair_checksums(tar);
  const Known known = look_at(tar);
  if (known.expanded > kMostExpanded) {
    expect_mounted(tar);
  } else {
    expect_same(tar, known);
  }
  return 0;
}
