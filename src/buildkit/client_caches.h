// The caches of Control.Solve (`--cache-to`, `--cache-from`) as places of the builder's.
#pragma once

#include "builder/builder.h"
#include "builder/cache_shelf.h"
#include "buildkit/builds.h"
#include "buildkit/client_content.h"

namespace skiff::buildkit {

// A cache in a directory of the client's. What is put there the client gives its name in the layout
// when the build is over, by the descriptor that it is told.
class ClientShelf final : public builder::CacheShelf {
 public:
  // `known`: the manifest that the client has under the name.
  ClientShelf(ClientContent content, content::ContentStore& store, std::optional<oci::Digest> known)
      : content_(std::move(content)), store_(store), known_(std::move(known)) {}

  Result<std::optional<std::string>> manifest() override;
  Result<std::string> document(const oci::Descriptor& blob) override;
  Result<> fetch(const oci::Descriptor& blob, content::Ingest& to) override;
  Result<> put(const oci::Descriptor& blob) override;
  Result<> put_manifest(const oci::Manifest& manifest, const std::string& before) override;

  const std::optional<oci::Descriptor>& written() const { return written_; }

 private:
  ClientContent content_;
  content::ContentStore& store_;
  std::optional<oci::Digest> known_;
  std::optional<oci::Descriptor> written_;
};

// kUnimplemented for a kind of cache that is not served: one that the client took for written and
// that is not there would be found out late. Returns the shelves that are written to.
Result<std::vector<std::shared_ptr<ClientShelf>>> add_caches(
    const BuildOrder& order, const std::shared_ptr<Session>& session, content::ContentStore& store,
    const CancelToken& cancel, builder::BuildRequest& request);

}  // namespace skiff::buildkit
