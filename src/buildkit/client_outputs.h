// ClientOutputs: the exporters of Control.Solve as outputs of the builder, whose bytes and files go
// to the client over its session (moby.filesync.v1.FileSend).
#pragma once

#include <memory>
#include <vector>

#include "builder/builder.h"
#include "buildkit/builds.h"
#include "buildkit/sessions.h"

namespace skiff::buildkit {

class ClientLayout;
class ClientStream;

class ClientOutputs {
 public:
  // kUnimplemented or kFailedPrecondition for an exporter that cannot be served. `progress` must
  // outlive it.
  static Result<ClientOutputs> make(const std::vector<ServiceSpec>& exporters,
                                    const std::shared_ptr<Session>& session,
                                    ProgressWriter& progress, const CancelToken& cancel);
  ClientOutputs(ClientOutputs&&) noexcept;
  ClientOutputs& operator=(ClientOutputs&&) noexcept;
  ~ClientOutputs();

  // To be built while this is there.
  const std::vector<builder::Output>& outputs() const { return outputs_; }
  // Whether one of them is an image, and the names of those.
  bool has_image() const { return has_image_; }
  const std::vector<oci::Reference>& names() const { return names_; }
  // Whether one of them stays in the image store.
  bool keeps_image() const { return keeps_image_; }

  // The build has succeeded: the client has all. Without that it learns that it has not.
  Result<> finish();

 private:
  ClientOutputs();
  Result<> take(const builder::Output& output);

  std::vector<builder::Output> outputs_;
  std::vector<oci::Reference> names_;
  bool has_image_ = false;
  bool keeps_image_ = false;
  std::vector<std::unique_ptr<ClientStream>> streams_;
  std::vector<std::unique_ptr<ClientLayout>> layouts_;
};

}  // namespace skiff::buildkit
