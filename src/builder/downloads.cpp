#include "builder/downloads.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/strings.h"
#include "codec/hash.h"
#include "codec/json.h"
#include "net/url.h"

namespace skiff::builder {

namespace {

constexpr const char* kBody = "body";
constexpr const char* kMeta = "meta.json";

Result<json::Value> read_meta(const Path& directory) {
  return json::parse(TRY(read_file(directory / kMeta)));
}

// The time of its description is that of its last use.
Result<> note_use(const Path& directory) {
  const UniqueFd meta = TRY(open_file(directory / kMeta, O_RDONLY));
  if (::futimens(meta.get(), nullptr) == 0) return {};
  return Error::from_errno(errno, "set the time of a download");
}

}  // namespace

Result<> link_file(const Path& from, const Path& to) {
  if (::link(from.c_str(), to.c_str()) == 0) return {};
  return Error::from_errno(errno, cat("link ", to.native()));
}

Path Downloads::place(const std::string& url) const { return root_ / sha256_hex(url); }

Result<std::string> Downloads::fetch(const std::string& url,
                                     const std::optional<oci::Digest>& checksum,
                                     const Path& directory, const CancelToken& cancel) {
  const auto guard = TRY(by_url_.lock(url, cancel));
  const auto meta = read_meta(place(url));
  Validator known;
  if (meta && meta->string("url") == url) {
    known = {.etag = meta->string("etag"), .modified = meta->string("modified")};
  }
  RemoteFile file = TRY_CONTEXT(download(url, known, directory, cancel), "ADD");
  const Path path = directory / file.name;
  if (file.unchanged) {
    const std::scoped_lock lock(mutex_);
    const auto linked = link_file(place(url) / kBody, path);
    file.unchanged = linked.has_value();
    if (linked) TRY(note_use(place(url)));
  }
  // It was pruned meanwhile.
  const bool is_gone = !known.empty() && ::access(path.c_str(), F_OK) != 0;
  if (is_gone) file = TRY_CONTEXT(download(url, {}, directory, cancel), "ADD");
  if (checksum) TRY_CONTEXT(check_digest(path, *checksum), cat("ADD ", net::shown_url(url)));
  if (!file.unchanged && !file.validator.empty())
    TRY_CONTEXT(keep(url, file, path), "keep a download");
  return file.name;
}

Result<> Downloads::keep(const std::string& url, const RemoteFile& file, const Path& path) {
  const std::scoped_lock lock(mutex_);
  const Path directory = place(url);
  TRY(remove_tree(directory));
  TRY(make_directories(directory, 0700));
  TRY(link_file(path, directory / kBody));
  const json::Value meta = json::object(
      {{"url", url}, {"etag", file.validator.etag}, {"modified", file.validator.modified}});
  TRY(write_file(directory / kMeta, meta.dump()));
  uint64_t kept = 0;
  for (const Entry& entry : TRY(entries())) {
    kept += entry.bytes;
    if (kept > most_bytes_) TRY(remove_tree(root_ / entry.name));
  }
  return {};
}

Result<std::vector<Downloads::Entry>> Downloads::entries() {
  std::vector<Entry> out;
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(root_, ec)) {
    struct stat body{};
    struct stat meta{};
    const bool whole = ::stat((entry.path() / kBody).c_str(), &body) == 0 &&
                       ::stat((entry.path() / kMeta).c_str(), &meta) == 0;
    const auto told = read_meta(entry.path());
    // What a crash has left half done.
    if (!whole || !told) {
      TRY(remove_tree(entry.path()));
      continue;
    }
    const auto used =
        std::chrono::seconds(meta.st_mtim.tv_sec) + std::chrono::nanoseconds(meta.st_mtim.tv_nsec);
    constexpr uint64_t kBlock = 512;
    out.push_back({.name = entry.path().filename(),
                   .url = told->string("url"),
                   .bytes = static_cast<uint64_t>(body.st_blocks) * kBlock,
                   .used = TimePoint(used)});
  }
  std::ranges::sort(out, std::greater(), &Entry::used);
  return out;
}

Result<std::vector<CacheRecord>> Downloads::list() {
  const std::scoped_lock lock(mutex_);
  std::vector<CacheRecord> out;
  for (const Entry& entry : TRY(entries())) {
    out.push_back({.id = entry.name,
                   .description = cat("download of ", net::shown_url(entry.url)),
                   .size = entry.bytes,
                   .created = entry.used,
                   .last_used = entry.used,
                   .kind = CacheRecord::Kind::kDownload});
  }
  return out;
}

Result<bool> Downloads::remove(const std::string& id) {
  const std::scoped_lock lock(mutex_);
  std::error_code ec;
  if (!std::filesystem::exists(root_ / id, ec)) return false;
  TRY(remove_tree(root_ / id));
  return true;
}

}  // namespace skiff::builder
