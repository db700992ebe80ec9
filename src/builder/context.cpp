#include "builder/context.h"

#include <fcntl.h>

#include "base/strings.h"
#include "builder/untar.h"

namespace skiff::builder {

namespace {

constexpr size_t kMaxDockerfile = size_t{16} << 20U;

Result<std::string> read_dockerfile(const sys::RootDir& root, const BuildRequest& request) {
  if (request.dockerfile_text) return *request.dockerfile_text;
  auto text = root.read_file(request.dockerfile, kMaxDockerfile);
  if (text || text.error().code() != Code::kNotFound) return text;
  return Error(Code::kInvalidArgument,
               cat("Cannot locate specified Dockerfile: ", request.dockerfile));
}

// The file of the Dockerfile's own wins over that of the context.
Result<oci::IgnorePatterns> read_ignore(const sys::RootDir& root, const BuildRequest& request) {
  for (const std::string& name :
       {cat(request.dockerfile, ".dockerignore"), std::string(".dockerignore")}) {
    auto text = root.read_file(name, kMaxDockerfile);
    if (text) return oci::IgnorePatterns::parse(*text).context(name);
    if (text.error().code() != Code::kNotFound) return std::move(text.error());
  }
  return oci::IgnorePatterns();
}

}  // namespace

Result<Context> Context::open(const BuildRequest& request, const Path& scratch,
                              const CancelToken& cancel) {
  Context context;
  Path directory = request.context_directory;
  if (directory.empty()) {
    context.unpacked_ = TRY(TempDir::make(scratch, "context-"));
    directory = context.unpacked_->path();
  }
  sys::RootDir root = TRY_CONTEXT(sys::RootDir::open(directory), "build context");
  if (request.context_directory.empty() && request.context_tar != nullptr) {
    TRY_CONTEXT(untar(*request.context_tar, root, "", {}, cancel), "build context");
  }
  context.dockerfile_ = TRY(read_dockerfile(root, request));
  SourceTree::Options options{.ignore = TRY(read_ignore(root, request)),
                              .changing = !request.context_directory.empty()};
  context.tree_ = std::make_unique<SourceTree>(std::move(root), std::move(options));
  return context;
}

}  // namespace skiff::builder
