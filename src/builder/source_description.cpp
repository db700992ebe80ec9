// What SourceTree tells of files: the parts of keys.
#include <fcntl.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <type_traits>

#include "base/file.h"
#include "base/strings.h"
#include "builder/source_tree.h"
#include "codec/hash.h"
#include "snapshot/file_attributes.h"

namespace skiff::builder {

namespace {

constexpr size_t kPiece = 512;  // files that are described at once

bool is_same_state(const struct stat& one, const struct stat& other) {
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino && one.st_size == other.st_size &&
         snapshot::time_of(one.st_mtim) == snapshot::time_of(other.st_mtim) &&
         snapshot::time_of(one.st_ctim) == snapshot::time_of(other.st_ctim);
}

std::string hex_of(const StatCache::Hash& hash) {
  std::string hex;
  StatCache::append_hex(hash, hex);
  return hex;
}

std::string octal(mode_t mode) {
  std::string text(4, '0');
  for (size_t i = 0; i < text.size(); ++i) {
    text[text.size() - 1 - i] = static_cast<char>('0' + (mode >> (3 * i) & 7U));
  }
  return text;
}

// All that a key has of a file, each text behind its length.
void append_summary(const SourceFile& file, bool mode_given, std::string& to) {
  const mode_t mode = file.st.st_mode;
  const bool is_node = !S_ISREG(mode) && !S_ISLNK(mode) && !S_ISDIR(mode);
  struct Head {
    uint64_t device;
    uint64_t link;
    uint32_t mode;
    uint32_t path;
  };
  static_assert(std::has_unique_object_representations_v<Head>);
  const Head head{.device = is_node ? file.st.st_rdev : 0,
                  .link = file.link.size(),
                  .mode = mode_given || S_ISLNK(mode) ? mode & S_IFMT : mode,
                  .path = static_cast<uint32_t>(file.path.size())};
  to.append(reinterpret_cast<const char*>(&head), sizeof head).append(file.path).append(file.link);
  if (file.hash) to.append(file.hash->data(), file.hash->size());
}

}  // namespace

Result<std::string> SourceTree::hash_of(const SourceFile& file, const CancelToken& cancel) {
  if (file.hash) return hex_of(*file.hash);
  // Other file systems may be mounted below.
  if (options_.stats != nullptr && file.st.st_dev == device_) {
    if (auto remembered = options_.stats->find(file.st)) return std::move(*remembered);
  }
  {
    const std::scoped_lock lock(mutex_);
    auto known = hashes_.find(file.path);
    if (known != hashes_.end()) return known->second;
  }
  TRY(cancel.check());
  std::string hash = TRY_CONTEXT(read_hash(file), file.path);
  const std::scoped_lock lock(mutex_);
  return hashes_[file.path] = std::move(hash);
}

Result<std::string> SourceTree::read_hash(const SourceFile& file) {
  struct stat before{};
  struct stat after{};
  UniqueFd fd = TRY(root_.open_at(file.path, O_RDONLY | O_NONBLOCK));
  const bool asked = ::fstat(fd.get(), &before) == 0;
  const TimePoint began = options_.stats != nullptr ? options_.stats->now() : TimePoint();
  FdSource source(fd.get());
  Hasher hasher;
  TRY(copy(source, hasher));
  std::string hash = hasher.hex();
  if (options_.stats == nullptr || !asked || before.st_dev != device_) return hash;
  // Else it was changed while it was read: nobody knows what was.
  if (::fstat(fd.get(), &after) == 0 && is_same_state(before, after))
    options_.stats->put(before, began, hash);
  return hash;
}

bool SourceTree::is_unchanged(const SourceFile& file, int fd) const {
  struct stat st{};
  return file.settled && ::fstat(fd, &st) == 0 && is_same_state(file.st, st);
}

// Capabilities and the like, which are copied along; "" for the many that have none.
Result<std::string> SourceTree::describe_xattrs(const std::string& path) const {
  if (path.empty()) return std::string();  // the root, which has no place to be copied to
  const sys::Place place = TRY(root_.place_of(path));
  const snapshot::Xattrs xattrs = TRY(snapshot::read_xattrs(place.parent.get(), place.name));
  if (xattrs.empty()) return std::string();
  Hasher hasher;
  for (const auto& [name, value] : xattrs) {
    hasher.update(cat(name, " ", value.size(), " "));
    hasher.update(value);
  }
  return cat(" attributes ", hasher.hex());
}

Result<KeyParts> SourceTree::describe(Selected& selected, bool mode_given, bool owner_given,
                                      const CancelToken& cancel) {
  const Terms terms{.mode_given = mode_given, .owner_given = owner_given};
  const std::span<SourceFile> files(selected.files);
  KeyParts parts(files.size());
  const size_t pieces = (files.size() + kPiece - 1) / kPiece;
  std::vector<Result<>> outcomes(pieces);
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t n = next++; n < pieces; n = next++) {
      const size_t at = n * kPiece;
      const size_t count = std::min(kPiece, files.size() - at);
      outcomes[n] = describe_some(files.subspan(at, count), terms, cancel,
                                  std::span(parts).subspan(at, count));
    }
  };
  {
    std::jthread helper;
    if (pieces > 2 && std::thread::hardware_concurrency() > 1) helper = std::jthread(work);
    work();
  }
  for (Result<>& outcome : outcomes) TRY(std::move(outcome));
  if (!options_.times.empty()) {
    parts.push_back({PartKind::kValue, "the time of the commit", options_.times});
  }
  return parts;
}

Result<> SourceTree::describe_some(std::span<SourceFile> files, const Terms& terms,
                                   const CancelToken& cancel, std::span<KeyPart> parts) {
  if (options_.stats != nullptr) {
    for (SourceFile& file : files) {
      if (S_ISREG(file.st.st_mode) && file.st.st_dev == device_)
        file.settled = options_.stats->is_settled(file.st);
    }
    find_hashes(files);
  }
  for (size_t i = 0; i < files.size(); ++i) {
    parts[i] = TRY(describe_one(files[i], terms, cancel));
  }
  return {};
}

bool SourceTree::find_hashes(std::span<SourceFile> files) const {
  std::vector<StatCache::Asked> asked;
  std::vector<SourceFile*> whose;
  bool are_known = true;
  for (SourceFile& file : files) {
    if (!S_ISREG(file.st.st_mode) || file.hash) continue;
    // Other file systems may be mounted below.
    if (file.st.st_dev != device_) {
      are_known = false;
      continue;
    }
    asked.push_back({.file = &file.st, .hash = {}});
    whose.push_back(&file);
  }
  if (!asked.empty()) options_.stats->find(asked);
  for (size_t i = 0; i < asked.size(); ++i) {
    whose[i]->hash = asked[i].hash;
    are_known = are_known && asked[i].hash;
  }
  return are_known;
}

// What is hashed are the bytes of describe_one(), as this machine has them: nobody else sees them.
std::optional<std::string> SourceTree::digest(Selected& selected, bool mode_given) const {
  if (options_.stats == nullptr || options_.keep_owners) return std::nullopt;
  const std::span<SourceFile> files(selected.files);
  Hasher hasher;
  std::string bytes;
  for (size_t at = 0; at < files.size(); at += kPiece) {
    const auto piece = files.subspan(at, std::min(kPiece, files.size() - at));
    if (!find_hashes(piece)) return std::nullopt;
    bytes.clear();
    for (const SourceFile& file : piece) append_summary(file, mode_given, bytes);
    hasher.update(bytes);
  }
  return hasher.hex();
}

Result<KeyPart> SourceTree::describe_one(SourceFile& file, const Terms& terms,
                                         const CancelToken& cancel) {
  constexpr size_t kMostOfFiles = 96;
  const mode_t mode = file.st.st_mode;
  std::string value;
  value.reserve(kMostOfFiles);
  value += terms.mode_given || S_ISLNK(mode) ? "-" : octal(mode);
  if (options_.keep_owners && !terms.owner_given) {
    value += cat(":", file.st.st_uid, ":", file.st.st_gid);
  }
  if (S_ISREG(mode)) {
    if (!file.hash) {
      const std::string hex = TRY(hash_of(file, cancel));
      file.hash = StatCache::from_hex(hex);
    }
    value += " file ";
    StatCache::append_hex(*file.hash, value);
  } else if (S_ISLNK(mode)) {
    value += cat(" link ", file.link);
  } else if (S_ISDIR(mode)) {
    value += " directory";
  } else {
    value += cat(" node ", mode & S_IFMT, " ", major(file.st.st_rdev), ":", minor(file.st.st_rdev));
  }
  if (options_.keep_owners) value += TRY(describe_xattrs(file.path));
  return KeyPart{PartKind::kFile, file.path.empty() ? "/" : file.path, std::move(value)};
}

}  // namespace skiff::builder
