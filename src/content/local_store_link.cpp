// Blobs whose file another store has, or a snapshot.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/scope_exit.h"
#include "base/strings.h"
#include "content/local_store.h"

namespace skiff::content {

Result<BlobInfo> LocalStore::link_from(ContentStore& other, const oci::Digest& digest) {
  auto* source = dynamic_cast<LocalStore*>(&other);
  if (source == nullptr || source == this) {
    return Error(Code::kFailedPrecondition, "blobs are linked from another local store only");
  }
  const Result<> own = verify(digest, {}, {});
  // What is damaged here may be the very file of the other store, which need not know of it.
  if (!own) TRY(source->verify(digest, {.always = own.error().code() != Code::kNotFound}, {}));

  const std::scoped_lock pairing(pairing_, source->pairing_);
  const std::optional<BlobInfo> existing = TRY(table_.find(digest));
  if (existing && visible_fault(*existing).empty()) return renew(*existing);
  return share(*source, digest).context(cat("link blob ", digest.str()));
}

Result<BlobInfo> LocalStore::link_file(const Path& file, const oci::Digest& digest, Lease* lease) {
  const std::scoped_lock pairing(pairing_);
  if (lease != nullptr) TRY(lease->hold(digest));
  const std::optional<BlobInfo> existing = TRY(table_.find(digest));
  if (existing && visible_fault(*existing).empty()) return renew(*existing);
  struct stat st{};
  if (::stat(file.c_str(), &st) != 0) return Error::from_errno(errno, cat("stat ", file.native()));
  const TimePoint now = clock_.now();
  const BlobInfo blob{.digest = digest,
                      .size = static_cast<uint64_t>(st.st_size),
                      .created = now,
                      .verified = now,
                      .modified = modified_time(st)};
  if (::chmod(file.c_str(), 0444) != 0) {
    return Error::from_errno(errno, cat("chmod ", file.native()));
  }
  return add_link(file, blob).context(cat("link blob ", digest.str()));
}

Result<BlobInfo> LocalStore::share(LocalStore& source, const oci::Digest& digest) {
  BlobInfo blob = TRY(source.info(digest));
  const Path from = source.layout_.blob(digest);
  struct stat st{};
  if (::stat(from.c_str(), &st) != 0) return Error::from_errno(errno, "stat");
  if (!source.visible_fault(blob).empty() || modified_time(st) != blob.modified) {
    return Error(Code::kUnavailable, "its file was changed since it was verified");
  }
  blob.created = clock_.now();
  return add_link(from, blob);
}

Result<BlobInfo> LocalStore::add_link(const Path& from, const BlobInfo& blob) {
  TRY(make_shelf(blob.digest));
  // Of a damaged blob, or left by a removal that failed.
  TRY(remove_file(blob));
  const Path to = layout_.blob(blob.digest);
  if (::link(from.c_str(), to.c_str()) != 0) return Error::from_errno(errno, "link");
  ScopeExit undo([&] { ::unlink(to.c_str()); });
  TRY(files_.sync_directory(to.parent_path()));
  TRY(table_.put(blob));
  undo.dismiss();
  return blob;
}

}  // namespace skiff::content
