#include "content/reconcile.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/strings.h"
#include "content/local_store.h"

namespace skiff::content {

namespace {

constexpr std::chrono::hours kStaleIngest{24};

bool has_file(const Layout& layout, const BlobInfo& blob) {
  struct stat st{};
  if (::stat(layout.blob(blob.digest).c_str(), &st) == 0) return true;
  const Path aside = Quarantine(layout.quarantine()).file(blob.digest);
  return blob.damaged && ::stat(aside.c_str(), &st) == 0;
}

Result<> drop_rows_without_file(const Layout& layout, BlobTable& table) {
  std::string after;
  for (;;) {
    std::vector<BlobInfo> page = TRY(table.page(after));
    if (page.empty()) return {};
    after = page.back().digest.str();
    std::erase_if(page, [&](const BlobInfo& blob) { return has_file(layout, blob); });
    if (page.empty()) continue;
    for (const BlobInfo& blob : page) log_warn(cat("blob ", blob.digest.str(), " lost its file"));
    TRY(table.erase(page));
  }
}

Result<bool> has_content(const Path& file, const oci::Digest& digest) {
  UniqueFd fd = TRY(open_file(file, O_RDONLY));
  FdSource source(fd.get());
  Hasher hasher(digest.algorithm());
  TRY_CONTEXT(copy(source, hasher), file.native());
  return hasher.hex() == digest.hex();
}

}  // namespace

Result<oci::Digest> digest_of_path(const Path& file) {
  std::string algorithm = file.parent_path().parent_path().filename().native();
  return TRY(oci::Digest::parse(cat(algorithm, ":", file.filename().native())));
}

Result<Stray> adopt_or_remove(const Path& file, BlobTable& table, DurableFiles& files,
                              const Clock& clock) {
  Result<oci::Digest> digest = digest_of_path(file);
  if (digest && TRY(table.find(*digest))) return Stray::kAdopted;
  const Result<bool> is_it = digest ? has_content(file, *digest) : false;
  if (!is_it) {
    // A bad sector must not keep all other blobs away.
    log_error(cat("left alone, it cannot be read: ", is_it.error().message()));
    return Stray::kUnreadable;
  }
  if (!*is_it) {
    log_warn(cat("removing ", file.native(), ": not the content it is named for"));
    TRY(files.unlink(file));
    return Stray::kRemoved;
  }
  log_info(cat("blob ", digest->str(), " found without its row: kept"));
  struct stat st{};
  if (::stat(file.c_str(), &st) != 0) return Error::from_errno(errno, cat("stat ", file.native()));
  TimePoint now = clock.now();
  TRY(table.put({.digest = *digest,
                 .size = static_cast<uint64_t>(st.st_size),
                 .created = now,
                 .verified = now,
                 .modified = modified_time(st)}));
  return Stray::kAdopted;
}

Result<> visit_files(const Path& directory, const std::function<Result<>(const Path&)>& visit) {
  std::error_code error;
  std::vector<Path> files;
  std::vector<Path> below;
  std::filesystem::directory_iterator list(directory, error);
  for (; !error && list != std::filesystem::directory_iterator(); list.increment(error)) {
    std::error_code gone;  // since it was listed: none of ours
    const bool is_directory = !list->is_symlink(gone) && list->is_directory(gone);
    (is_directory ? below : files).push_back(list->path());
  }
  if (error) return Error::from_errno(error.value(), cat("list ", directory.native()));
  for (const Path& file : files) TRY(visit(file));
  for (const Path& each : below) TRY(visit_files(each, visit));
  return {};
}

bool is_lost(const Path& ingest, TimePoint now) {
  if (Layout::is_once(ingest)) return true;
  struct stat st{};
  if (::stat(ingest.c_str(), &st) != 0) return false;
  return now - modified_time(st) >= kStaleIngest;
}

Result<> reconcile(const Layout& layout, BlobTable& table, DurableFiles& files,
                   const Clock& clock) {
  TRY(drop_rows_without_file(layout, table));
  TRY(visit_files(layout.blobs(), [&](const Path& file) -> Result<> {
    TRY(adopt_or_remove(file, table, files, clock));
    return {};
  }));
  return visit_files(layout.ingests(), [&](const Path& ingest) -> Result<> {
    return is_lost(ingest, clock.now()) ? files.unlink(ingest) : Result<>();
  });
}

}  // namespace skiff::content
