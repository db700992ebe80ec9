// Blobs that two local content stores share as one file.
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
  std::optional<BlobInfo> existing = TRY(table_.find(digest));
  if (existing && visible_fault(*existing).empty()) {
    existing->created = clock_.now();
    TRY(table_.put(*existing));
    return *existing;
  }
  return share(*source, digest).context(cat("link blob ", digest.str()));
}

Result<BlobInfo> LocalStore::share(LocalStore& source, const oci::Digest& digest) {
  BlobInfo blob = TRY(source.info(digest));
  const Path from = source.layout_.blob(digest);
  struct stat st{};
  if (::stat(from.c_str(), &st) != 0) return Error::from_errno(errno, "stat");
  if (!source.visible_fault(blob).empty() || modified_time(st) != blob.modified) {
    return Error(Code::kUnavailable, "its file was changed since it was verified");
  }
  TRY(make_shelf(digest));
  // Of a damaged blob, or left by a removal that failed.
  TRY(remove_file(blob));
  const Path to = layout_.blob(digest);
  if (::link(from.c_str(), to.c_str()) != 0) return Error::from_errno(errno, "link");
  ScopeExit undo([&] { ::unlink(to.c_str()); });
  TRY(files_.sync_directory(to.parent_path()));
  blob.created = clock_.now();
  TRY(table_.put(blob));
  undo.dismiss();
  return blob;
}

}  // namespace skiff::content
