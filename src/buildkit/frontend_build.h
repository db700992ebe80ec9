// FrontendBuild: one evaluation of the Dockerfile frontend for a client: its files come from the
// session, the builder does the work, and the result is exported.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "builder/builder.h"
#include "buildkit/build_progress.h"
#include "buildkit/builds.h"
#include "buildkit/client_caches.h"
#include "buildkit/client_outputs.h"
#include "buildkit/frontend_options.h"
#include "buildkit/sessions.h"
#include "images/image_store.h"

namespace skiff::buildkit {

struct SyncRequest;

// What builds work with.
struct BuildTools {
  builder::Builder& builder;
  images::ImageStore& images;
  Sessions& sessions;
  Path scratch;
};

class FrontendBuild {
 public:
  FrontendBuild(BuildTools& tools, Build& build, BuildOrder order, FrontendOptions options)
      : tools_(tools),
        build_(build),
        order_(std::move(order)),
        options_(std::move(options)),
        cancel_(build.cancelled()) {}

  BuildOutcome run();
  // Where the client has a question ("frontend.lint") instead: what the result says.
  Result<std::map<std::string, std::string>> answer();
  RpcFailure failure_of(const Error& error) const;

 private:
  Result<> prepare();
  Result<> load_definition();
  Result<> load_ignore_file();
  Result<> load_context();
  using Transfer = std::function<Result<>(const std::function<void(uint64_t)>& progress)>;
  Result<> load(const std::string& vertex_name, const std::string& what, const Transfer& transfer);
  Result<> load_files(const std::string& vertex_name, const std::string& what,
                      const SyncRequest& request);
  // A directory of the client's: its path here while the build lasts.
  Result<builder::LocalFiles> load_source(const std::string& vertex_name,
                                          const SyncRequest& request);
  Result<> load_upload();
  Result<> load_tar(const std::function<Result<>(
                        const Path& into, const std::function<void(uint64_t)>& progress)>& unpack);
  Result<> load_named_contexts();
  Result<builder::LocalFiles> load_part(const RemoteSource& source, const Path& into);
  Result<builder::NamedContext> named_context(const std::string& what, const Path& into);
  void answer_questions();
  void tell_of_image(const oci::Digest& id);
  Result<builder::BuildResult> build();
  std::map<std::string, std::string> describe(const builder::BuildResult& result) const;

  BuildTools& tools_;
  Build& build_;
  BuildOrder order_;
  FrontendOptions options_;
  CancelToken cancel_;
  std::shared_ptr<Session> session_;
  std::optional<TempDir> files_;  // of the client, while the build lasts
  std::vector<builder::LocalSources::Use> sources_;
  std::string definition_vertex_;
  DockerfileText dockerfile_;
  std::optional<ClientOutputs> outputs_;
  std::vector<std::shared_ptr<ClientShelf>> caches_;  // that are written to
  std::unique_ptr<images::ImageLease> lease_;         // of what is fetched, and of the result
};

}  // namespace skiff::buildkit
