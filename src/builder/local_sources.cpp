#include "builder/local_sources.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "base/log.h"
#include "base/strings.h"
#include "codec/hash.h"
#include "codec/json.h"
#include "content/ingest_state.h"
#include "snapshot/file_attributes.h"
#include "snapshot/tree_usage.h"

namespace skiff::builder {

namespace {

constexpr const char* kAbout = "about";
constexpr const char* kRecord = "record";
constexpr const char* kFilesFolder = "files";
constexpr std::string_view kUnfinishedSource = "new-";
constexpr size_t kHashDigits = 32;
constexpr size_t kMaxRecord = size_t{1} << 30U;

// NAME is HASH-NUMBER.
std::string hash_of(const std::string& name) { return name.substr(0, kHashDigits); }

}  // namespace

Result<> LocalSources::start() {
  TRY(make_directories(root_, 0700));
  std::error_code ec;
  const std::scoped_lock lock(mutex_);
  for (const auto& entry : std::filesystem::directory_iterator(root_, ec)) {
    const std::string name = entry.path().filename();
    const auto text = read_file(entry.path() / kAbout);
    const auto about = text ? json::parse(*text) : json::parse("");
    const bool whole = !name.starts_with(kUnfinishedSource) && about &&
                       about->string("boot") == content::current_boot() &&
                       std::filesystem::exists(entry.path() / kRecord);
    if (!whole || !current_.try_emplace(hash_of(name), name).second) {
      TRY(remove_tree(entry.path()));
      continue;
    }
    const auto number = split_last(name, '-');
    if (number) made_ = std::max(made_, parse_uint(number->second).value_or(0));
  }
  return {};
}

// True: it is this one's.
Result<bool> LocalSources::wait_for_turn(const std::string& hash, const CancelToken& cancel) {
  constexpr std::chrono::milliseconds kCheck{50};
  using Clock = std::chrono::steady_clock;
  uint64_t seen = 0;
  Clock::time_point since;
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto [other, mine] = transfers_.try_emplace(hash, progress_ + 1);
    if (mine) {
      ++progress_;
      return true;
    }
    if (std::exchange(seen, other->second) != other->second) since = Clock::now();
    if (Clock::now() - since >= limits_.patience) return false;
    TRY(cancel.check());
    turn_over_.wait_for(lock, std::min(kCheck, limits_.patience));
  }
}

void LocalSources::end_turn(const std::string& hash) {
  const std::scoped_lock lock(mutex_);
  transfers_.erase(hash);
  turn_over_.notify_all();
}

void LocalSources::Transfer::progressed() {
  const std::scoped_lock lock(owner_->mutex_);
  owner_->transfers_[hash_] = ++owner_->progress_;
}

Result<std::optional<LocalSources::Transfer>> LocalSources::begin(const std::string& key,
                                                                  const std::string& what,
                                                                  const CancelToken& cancel) {
  const std::string hash = sha256_hex(key).substr(0, kHashDigits);
  if (!TRY(wait_for_turn(hash, cancel))) return std::optional<Transfer>();
  Transfer transfer(*this, hash);
  transfer.about_ = json::object({{"what", what}, {"boot", content::current_boot()}}).dump();
  if (auto use = use_current(hash)) {
    const Path directory = root_ / use->name_;
    transfer.use_.emplace(std::move(*use));
    if (auto record = read_file(directory / kRecord, kMaxRecord)) {
      transfer.record_ = std::move(*record);
    }
  }
  return std::optional(std::move(transfer));
}

std::optional<LocalSources::Use> LocalSources::use_current(const std::string& hash) {
  const std::scoped_lock lock(mutex_);
  const auto current = current_.find(hash);
  if (current == current_.end()) return std::nullopt;
  ++uses_[current->second];
  return Use(this, current->second);
}

std::string LocalSources::Use::version() const {
  const std::scoped_lock lock(owner_->mutex_);
  const auto [version, is_new] = owner_->versions_.try_emplace(name_);
  if (is_new) version->second = ++owner_->latest_version_;
  return cat("source ", version->second);
}

LocalSources::Use LocalSources::Transfer::share() {
  Use out = std::move(*use_);
  use_.reset();
  return out;
}

Result<LocalSources::Place> LocalSources::Transfer::change() {
  if (use_ && !record_.empty()) {
    const std::scoped_lock lock(owner_->mutex_);
    in_place_ = owner_->uses_[use_->name_] == 1;
    if (in_place_) owner_->versions_.erase(use_->name_);
  }
  if (in_place_) {
    std::error_code ec;
    std::filesystem::remove(use_->files().parent_path() / kRecord, ec);
    if (ec) return Error::from_errno(ec.value(), "local source");
    return Place{.files = use_->files(), .empty = false};
  }
  fresh_ = TRY(TempDir::make(owner_->root_, kUnfinishedSource));
  const Path files = fresh_->path() / kFilesFolder;
  TRY(make_directories(files, 0700));
  return Place{.files = files};
}

Result<LocalSources::Use> LocalSources::Transfer::keep(std::string_view record) {
  const Path directory = fresh_ ? fresh_->path() : use_->files().parent_path();
  const uint64_t bytes = TRY(snapshot::usage_of_tree(directory)).bytes;
  json::Value about = TRY(json::parse(about_));
  about.set("bytes", bytes);
  TRY(write_file(directory / kAbout, about.dump()));
  const Path beside = directory / "record.new";
  TRY(write_file(beside, record));
  std::error_code ec;
  std::filesystem::rename(beside, directory / kRecord, ec);
  if (ec) return Error::from_errno(ec.value(), "local source");
  in_place_ = false;
  if (fresh_) {
    Use out = TRY(owner_->put(hash_, std::move(*fresh_)));
    fresh_.reset();
    owner_->make_room();
    return out;
  }
  Use out = share();
  owner_->make_room();
  return out;
}

// What was begun in place and not ended is no tree any more.
LocalSources::Transfer::~Transfer() {
  if (owner_ == nullptr) return;
  if (in_place_ && use_) {
    const std::scoped_lock lock(owner_->mutex_);
    owner_->current_.erase(hash_);
  }
  use_.reset();
  fresh_.reset();
  owner_->end_turn(hash_);
}

Result<LocalSources::Use> LocalSources::put(const std::string& hash, TempDir fresh) {
  const std::scoped_lock lock(mutex_);
  const std::string name = cat(hash, "-", ++made_);
  std::error_code ec;
  std::filesystem::rename(fresh.path(), root_ / name, ec);
  if (ec) return Error::from_errno(ec.value(), "local source");
  fresh.release();
  std::string& current = current_[hash];
  const std::string before = std::exchange(current, name);
  ++uses_[name];
  // A daemon that is killed now is not to find two.
  if (!before.empty()) std::filesystem::remove(root_ / before / kRecord, ec);
  return Use(this, name);
}

void LocalSources::release(const std::string& name) {
  const Path directory = root_ / name;
  bool is_gone = false;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = uses_.find(name);
    if (--found->second > 0) return;
    uses_.erase(found);
    const auto current = current_.find(hash_of(name));
    is_gone = current == current_.end() || current->second != name;
    if (is_gone) versions_.erase(name);
  }
  if (!is_gone) {
    if (auto about = open_file(directory / kAbout, O_WRONLY)) ::futimens(about->get(), nullptr);
  } else if (auto removed = remove_tree(directory); !removed) {
    log_warn(removed.error().message());
  }
}

void LocalSources::remember(int fd, const std::string& hex) {
  struct stat st{};
  if (::fstat(fd, &st) == 0) stats_.put_still(st, hex);
}

Result<std::vector<LocalSources::Entry>> LocalSources::entries() {
  std::vector<Entry> out;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [hash, name] : current_) {
      out.push_back({.name = name, .in_use = uses_.contains(name)});
    }
  }
  std::erase_if(out, [&](Entry& entry) {
    struct stat st{};
    const Path file = root_ / entry.name / kAbout;
    const auto text = read_file(file);
    const auto about = text ? json::parse(*text) : json::parse("");
    if (!about || ::stat(file.c_str(), &st) != 0) return true;  // it has just gone
    entry.what = about->string("what");
    entry.bytes = static_cast<uint64_t>(about->integer("bytes"));
    entry.used = snapshot::time_of(st.st_mtim);
    return false;
  });
  std::ranges::sort(out, std::greater(), &Entry::used);
  return out;
}

Result<bool> LocalSources::remove(const std::string& name) {
  const Path gone = root_ / cat(kUnfinishedSource, name);
  {
    const std::scoped_lock lock(mutex_);
    const auto current = current_.find(hash_of(name));
    if (uses_.contains(name) || current == current_.end() || current->second != name) return false;
    std::error_code ec;
    std::filesystem::rename(root_ / name, gone, ec);
    if (ec) return Error::from_errno(ec.value(), cat("remove local source ", name));
    current_.erase(current);
    versions_.erase(name);
  }
  TRY(remove_tree(gone));
  return true;
}

void LocalSources::make_room() {
  const auto all = entries();
  if (!all) return;
  uint64_t bytes = 0;
  size_t trees = 0;
  const TimePoint now = clock_.now();
  for (const Entry& entry : *all) {
    const bool stays = bytes + entry.bytes <= limits_.bytes && trees < limits_.trees &&
                       now - entry.used < limits_.unused;
    if (stays || entry.in_use) {
      bytes += entry.bytes;
      ++trees;
    } else if (auto removed = remove(entry.name); !removed) {
      log_warn(removed.error().message());
    }
  }
}

Result<std::vector<CacheRecord>> LocalSources::list() {
  std::vector<CacheRecord> out;
  for (Entry& entry : TRY(entries())) {
    out.push_back({.id = std::move(entry.name),
                   .description = cat("local source for ", entry.what),
                   .size = entry.bytes,
                   .in_use = entry.in_use,
                   .created = entry.used,
                   .last_used = entry.used,
                   .kind = CacheRecord::Kind::kLocalSource});
  }
  return out;
}

}  // namespace skiff::builder
