// ClientContent: blobs of an OCI layout of the client's, over its session
// (containerd.services.content.v1.Content). A client gives each layout a name: "oci:ID",
// "local:DIRECTORY".
#pragma once

#include <memory>
#include <string>

#include "base/cancellation.h"
#include "base/io.h"
#include "builder/builder.h"
#include "buildkit/sessions.h"
#include "oci/digest.h"

namespace skiff::buildkit {

class ClientContent {
 public:
  ClientContent(std::shared_ptr<Session> session, std::string name, CancelToken cancel)
      : session_(std::move(session)), name_(std::move(name)), cancel_(std::move(cancel)) {}

  // kNotFound.
  Result<uint64_t> size(const oci::Digest& blob) const;
  // The bytes may be others than the digest's: who takes them looks.
  Result<> read(const oci::Digest& blob, Sink& to) const;
  // They are not. kResourceExhausted for one that is too large for a document.
  Result<std::string> document(const oci::Digest& blob) const;
  // Unless it is there: false then.
  Result<bool> write(const oci::Descriptor& blob, Source& from) const;

 private:
  Result<> check() const;
  Metadata metadata() const { return {{"buildkit-attachable-store-id", name_}}; }

  std::shared_ptr<Session> session_;
  std::string name_;
  CancelToken cancel_;
};

// The image of that name, "oci-layout://STORE:TAG@DIGEST", as a layout in a new directory `into`,
// for these platforms and the host's. Blobs that are here already are left out; `lease` holds them.
Result<builder::LayoutContext> fetch_layout(const std::shared_ptr<Session>& session,
                                            const std::string& name, const Path& into,
                                            const std::vector<oci::Platform>& platforms,
                                            content::ContentStore& store, images::ImageLease& lease,
                                            const CancelToken& cancel);

}  // namespace skiff::buildkit
