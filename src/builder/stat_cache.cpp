#include "builder/stat_cache.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cstring>
#include <vector>

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

}  // namespace

size_t StatCache::KeyHash::operator()(const Key& key) const {
  constexpr uint64_t kOdd = 0x9e3779b97f4a7c15U;
  return static_cast<size_t>((key.inode ^ (key.device << 32U)) * kOdd);
}

std::unique_ptr<StatCache> StatCache::open(Path file, const Clock& clock, size_t most) {
  std::unique_ptr<StatCache> cache(new StatCache(std::move(file), clock, most));
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

std::optional<std::string> StatCache::find(const struct stat& st) {
  std::array<char, 32> hash;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = entries_.find({st.st_dev, st.st_ino});
    if (found == entries_.end()) return std::nullopt;
    Entry& entry = found->second;
    const bool same = entry.size == static_cast<uint64_t>(st.st_size) &&
                      entry.mtime == nanos(st.st_mtim) && entry.ctime == nanos(st.st_ctim);
    if (!same) return std::nullopt;
    entry.seen = run_;
    hash = entry.hash;
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * hash.size());
  for (const char byte : hash) {
    hex += kDigits[static_cast<unsigned char>(byte) >> 4U];
    hex += kDigits[static_cast<unsigned char>(byte) & 15U];
  }
  return hex;
}

bool StatCache::is_settled(const struct stat& st, TimePoint now) {
  const int64_t changed = std::max(nanos(st.st_mtim), nanos(st.st_ctim));
  return changed + kGranularity.count() < unix_nanos(now);
}

void StatCache::put(const struct stat& st, TimePoint began, const std::string& hex) {
  Entry entry{.size = static_cast<uint64_t>(st.st_size),
              .mtime = nanos(st.st_mtim),
              .ctime = nanos(st.st_ctim)};
  if (!is_settled(st, began) || hex.size() != 2 * entry.hash.size()) return;
  for (size_t i = 0; i < entry.hash.size(); ++i) {
    entry.hash[i] = static_cast<char>(digit(hex[2 * i]) << 4U | digit(hex[2 * i + 1]));
  }
  const std::scoped_lock lock(mutex_);
  entry.seen = run_;
  entries_[{st.st_dev, st.st_ino}] = entry;
  is_new_ = true;
}

// Numbers as this machine has them: nobody else reads it.
Result<> StatCache::save() {
  const std::scoped_lock saving(saving_);
  std::string out(kMagic);
  {
    const std::scoped_lock lock(mutex_);
    if (!std::exchange(is_new_, false)) return {};
    drop_oldest();
    append(out, &++run_, sizeof run_);
    out.reserve(out.size() + entries_.size() * (sizeof(Key) + sizeof(Entry)) + kChecksum);
    for (const auto& [key, entry] : entries_) {
      append(out, &key, sizeof key);
      append(out, &entry, sizeof entry);
    }
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
  if (entries_.size() <= most_) return;
  std::vector<uint64_t> seen;
  seen.reserve(entries_.size());
  for (const auto& [key, entry] : entries_) seen.push_back(entry.seen);
  const auto limit = seen.begin() + static_cast<ptrdiff_t>(entries_.size() - most_);
  std::ranges::nth_element(seen, limit);
  const uint64_t oldest = *limit;
  std::erase_if(entries_, [&](const auto& one) { return one.second.seen < oldest; });
  // Of one age any may go.
  for (auto it = entries_.begin(); it != entries_.end() && entries_.size() > most_;) {
    it = it->second.seen == oldest ? entries_.erase(it) : std::next(it);
  }
}

void StatCache::load(std::string_view bytes) {
  constexpr size_t kRow = sizeof(Key) + sizeof(Entry);
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
    Key key;
    Entry entry;
    std::memcpy(&key, bytes.data() + at, sizeof key);
    std::memcpy(&entry, bytes.data() + at + sizeof key, sizeof entry);
    entries_[key] = entry;
  }
}

}  // namespace skiff::builder
