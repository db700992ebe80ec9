#include "builder/stat_cache.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/log.h"
#include "base/strings.h"
#include "codec/hash.h"
#include "snapshot/file_attributes.h"

namespace skiff::builder {

namespace {

constexpr std::string_view kMagic = "skiff-stat-cache-1\n";
constexpr size_t kChecksum = 64;

int64_t nanos(const timespec& time) { return unix_nanos(snapshot::time_of(time)); }

void append(std::string& out, const void* bytes, size_t size) {
  out.append(static_cast<const char*>(bytes), size);
}

int digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

constexpr size_t kLeastSlots = 1024;

}  // namespace

// Files of one directory have numbers close to each other, and so are asked for together: 64 of
// them lie side by side.
size_t StatCache::slot_of(const Key& key) const {
  constexpr uint64_t kOdd = 0x9e3779b97f4a7c15U;
  constexpr uint64_t kTogether = 64;
  const uint64_t group = ((key.inode / kTogether) ^ (key.device << 40U)) * kOdd >> 20U;
  const size_t mask = index_.size() - 1;
  size_t at = (group * kTogether + key.inode % kTogether) & mask;
  while (index_[at] != 0 && rows_[index_[at] - 1].key != key) at = (at + 1) & mask;
  return at;
}

void StatCache::make_index() {
  size_t slots = std::max(kLeastSlots, index_.size());
  while (slots < 2 * (rows_.size() + 1)) slots *= 2;
  index_.assign(slots, 0);
  for (size_t i = 0; i < rows_.size(); ++i) {
    index_[slot_of(rows_[i].key)] = static_cast<uint32_t>(i + 1);
  }
}

void StatCache::put_row(const Row& row) {
  if (index_.size() < 2 * (rows_.size() + 1)) make_index();
  uint32_t& place = index_[slot_of(row.key)];
  if (place != 0) {
    rows_[place - 1] = row;
    return;
  }
  rows_.push_back(row);
  place = static_cast<uint32_t>(rows_.size());
}

std::unique_ptr<StatCache> StatCache::open(Path file, const Clock& clock, size_t most) {
  std::unique_ptr<StatCache> cache(new StatCache(std::move(file), clock, most));
  cache->make_index();
  if (auto bytes = read_file(cache->file_)) cache->load(*bytes);
  return cache;
}

bool StatCache::trusts_files_at(int directory) {
  constexpr unsigned long kXfs = 0x58465342;
  constexpr unsigned long kLocal[] = {EXT4_SUPER_MAGIC, BTRFS_SUPER_MAGIC,     TMPFS_MAGIC,
                                      F2FS_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC, kXfs};
  struct statfs about{};
  return ::fstatfs(directory, &about) == 0 &&
         std::ranges::find(kLocal, static_cast<unsigned long>(about.f_type)) != std::end(kLocal);
}

void StatCache::find(std::span<Asked> files) {
  const std::shared_lock lock(mutex_);
  for (Asked& one : files) {
    const struct stat& st = *one.file;
    const uint32_t place = index_[slot_of({st.st_dev, st.st_ino})];
    if (place == 0) continue;
    Entry& entry = rows_[place - 1].entry;
    const bool same = entry.size == static_cast<uint64_t>(st.st_size) &&
                      entry.mtime == nanos(st.st_mtim) && entry.ctime == nanos(st.st_ctim);
    if (!same) continue;
    // Others may find the same one now.
    std::atomic_ref(entry.seen).store(run_, std::memory_order_relaxed);
    one.hash = entry.hash;
  }
}

std::optional<std::string> StatCache::find(const struct stat& st) {
  Asked one{.file = &st, .hash = {}};
  find(std::span(&one, 1));
  if (!one.hash) return std::nullopt;
  std::string hex;
  append_hex(*one.hash, hex);
  return hex;
}

void StatCache::append_hex(const Hash& hash, std::string& to) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const size_t before = to.size();
  to.resize(before + 2 * hash.size());
  char* at = to.data() + before;
  for (const char byte : hash) {
    *at++ = kDigits[static_cast<unsigned char>(byte) >> 4U];
    *at++ = kDigits[static_cast<unsigned char>(byte) & 15U];
  }
}

std::optional<StatCache::Hash> StatCache::from_hex(std::string_view hex) {
  Hash hash{};
  if (hex.size() != 2 * hash.size()) return std::nullopt;
  for (size_t i = 0; i < hash.size(); ++i) {
    hash[i] = static_cast<char>(digit(hex[2 * i]) << 4U | digit(hex[2 * i + 1]));
  }
  return hash;
}

bool StatCache::is_settled(const struct stat& st, TimePoint now) {
  const int64_t changed = std::max(nanos(st.st_mtim), nanos(st.st_ctim));
  return changed + kGranularity.count() < unix_nanos(now);
}

void StatCache::put(const struct stat& st, TimePoint began, const std::string& hex) {
  if (is_settled(st, began)) put_still(st, hex);
}

void StatCache::put_still(const struct stat& st, const std::string& hex) {
  Row row{.key = {st.st_dev, st.st_ino},
          .entry = {.size = static_cast<uint64_t>(st.st_size),
                    .mtime = nanos(st.st_mtim),
                    .ctime = nanos(st.st_ctim)}};
  const std::optional<Hash> hash = from_hex(hex);
  if (!hash) return;
  row.entry.hash = *hash;
  const std::unique_lock lock(mutex_);
  row.entry.seen = run_;
  put_row(row);
  is_new_ = true;
}

// Numbers as this machine has them: nobody else reads it.
Result<> StatCache::save() {
  const std::scoped_lock saving(saving_);
  std::string out(kMagic);
  {
    const std::unique_lock lock(mutex_);
    if (!std::exchange(is_new_, false)) return {};
    drop_oldest();
    append(out, &++run_, sizeof run_);
    out.reserve(out.size() + rows_.size() * sizeof(Row) + kChecksum);
    append(out, rows_.data(), rows_.size() * sizeof(Row));
  }
  out += sha256_hex(out);
  // What is lost or half written after a power cut is only hashed again.
  const Path beside = cat(file_.native(), ".new");
  TRY(write_file(beside, out));
  std::error_code ec;
  std::filesystem::rename(beside, file_, ec);
  if (ec) return Error::from_errno(ec.value(), cat("rename ", beside.native()));
  return {};
}

void StatCache::drop_oldest() {
  if (rows_.size() <= most_) return;
  const auto by_age = [](const Row& row) { return row.entry.seen; };
  // Of one age any may go.
  std::ranges::nth_element(rows_, rows_.begin() + static_cast<ptrdiff_t>(most_),
                           std::ranges::greater(), by_age);
  rows_.resize(most_);
  make_index();
}

void StatCache::load(std::string_view bytes) {
  constexpr size_t kRow = sizeof(Row);
  static_assert(kRow == sizeof(Key) + sizeof(Entry));
  const size_t head = kMagic.size() + sizeof run_;
  if (bytes.size() < head + kChecksum || !bytes.starts_with(kMagic)) return;
  const std::string_view checked = bytes.substr(0, bytes.size() - kChecksum);
  const bool whole =
      (checked.size() - head) % kRow == 0 && sha256_hex(checked) == bytes.substr(checked.size());
  if (!whole) {
    log_warn(cat(file_.native(), " is damaged: files of contexts are hashed again"));
    return;
  }
  std::memcpy(&run_, bytes.data() + kMagic.size(), sizeof run_);
  for (size_t at = head; at < checked.size(); at += kRow) {
    Row row;
    std::memcpy(&row, bytes.data() + at, kRow);
    put_row(row);
  }
}

}  // namespace skiff::builder
