#include "builder/cache_mounts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/log.h"
#include "base/strings.h"
#include "codec/hash.h"
#include "snapshot/file_attributes.h"
#include "snapshot/tree_usage.h"

namespace skiff::builder {

namespace {

constexpr size_t kNameDigits = 32;
constexpr std::string_view kUnfinishedMount = "new-";

std::string name_of(const std::string& id, int number) {
  return cat(sha256_hex(id).substr(0, kNameDigits), "-", number);
}

}  // namespace

CacheMounts::Use::~Use() {
  if (owner_ != nullptr) owner_->release(name_);
}

Result<> CacheMounts::start() {
  TRY(make_directories(root_, 0700));
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(root_, ec)) {
    const std::string name = entry.path().filename();
    if (name.starts_with(kUnfinishedMount)) TRY(remove_tree(entry.path()));
  }
  return {};
}

std::string CacheMounts::choose_locked(const Wanted& wanted) {
  int number = 0;
  if (wanted.sharing == CacheSharing::kPrivate) {
    while (uses_.contains(name_of(wanted.id, number))) ++number;
  }
  std::string name = name_of(wanted.id, number);
  ++uses_[name];
  return name;
}

Result<CacheMounts::Use> CacheMounts::acquire(const Wanted& wanted, const CancelToken& cancel) {
  std::string name;
  {
    const std::scoped_lock lock(mutex_);
    name = choose_locked(wanted);
  }
  Use use(this, name);
  if (wanted.sharing == CacheSharing::kLocked) use.guard_.emplace(TRY(locked_.lock(name, cancel)));
  const auto guard = TRY(making_.lock(name, cancel));
  if (!std::filesystem::exists(root_ / name)) TRY(make(name, wanted));
  return use;
}

// Whole or not at all, whatever happens meanwhile.
Result<> CacheMounts::make(const std::string& name, const Wanted& wanted) {
  TempDir directory = TRY(TempDir::make(root_, std::string(kUnfinishedMount)));
  const Path data = directory.path() / "data";
  TRY(make_directories(data, 0755));
  if (wanted.seed) TRY(wanted.seed(data));
  UniqueFd fd = TRY(open_file(data, O_RDONLY | O_DIRECTORY));
  if (::fchown(fd.get(), wanted.uid, wanted.gid) != 0 || ::fchmod(fd.get(), wanted.mode) != 0) {
    return Error::from_errno(errno, "cache mount: set owner and mode");
  }
  TRY(write_file(directory.path() / "id", wanted.id));
  std::error_code ec;
  std::filesystem::rename(directory.path(), root_ / name, ec);
  if (ec) return Error::from_errno(ec.value(), cat("cache mount ", wanted.id));
  directory.release();
  return {};
}

void CacheMounts::release(const std::string& name) {
  if (auto id = open_file(root_ / name / "id", O_WRONLY)) ::futimens(id->get(), nullptr);
  const std::scoped_lock lock(mutex_);
  const auto found = uses_.find(name);
  if (--found->second == 0) uses_.erase(found);
}

Result<std::vector<CacheMounts::Entry>> CacheMounts::list() {
  std::vector<Entry> out;
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(root_, ec)) {
    const std::string name = entry.path().filename();
    const Path id_file = entry.path() / "id";
    struct stat st{};
    if (name.starts_with(kUnfinishedMount) || ::stat(id_file.c_str(), &st) != 0) continue;
    Entry one{.name = name};
    one.bytes = TRY(snapshot::usage_of_tree(entry.path())).bytes;
    one.id = TRY(read_file(id_file));
    one.last_used = snapshot::time_of(st.st_mtim);
    const std::scoped_lock lock(mutex_);
    one.in_use = uses_.contains(name);
    out.push_back(std::move(one));
  }
  if (ec) return Error::from_errno(ec.value(), cat("read ", root_.native()));
  return out;
}

Result<bool> CacheMounts::remove(const std::string& name) {
  const Path gone = root_ / cat(kUnfinishedMount, name);
  {
    const std::scoped_lock lock(mutex_);
    if (uses_.contains(name)) return false;
    std::error_code ec;
    std::filesystem::rename(root_ / name, gone, ec);
    if (ec) return false;
  }
  TRY(remove_tree(gone));
  return true;
}

}  // namespace skiff::builder
