#include "builder/context.h"

#include <fcntl.h>

#include "base/strings.h"
#include "builder/untar.h"
#include "codec/hash.h"

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

}  // namespace

Result<oci::IgnorePatterns> read_ignore(const sys::RootDir& root,
                                        const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    auto text = root.read_file(name, kMaxDockerfile);
    if (text) return oci::IgnorePatterns::parse(*text).context(name);
    if (text.error().code() != Code::kNotFound) return std::move(text.error());
  }
  return oci::IgnorePatterns();
}

Result<Path> Context::settle(const BuildRequest& request, const Path& scratch,
                             const CancelToken& cancel) {
  if (!request.context_url.empty()) {
    fetched_ = TRY(fetch_context(request.context_url, request, scratch, cancel));
    return fetched_->directory;
  }
  if (!request.context_directory.empty()) return request.context_directory;
  unpacked_ = TRY(TempDir::make(scratch, "context-"));
  if (request.context_tar != nullptr) {
    const sys::RootDir root = TRY(sys::RootDir::open(unpacked_->path()));
    TRY(untar(*request.context_tar, root, "", {}, cancel));
  }
  return unpacked_->path();
}

Result<Context> Context::open(const BuildRequest& request, const Path& scratch, StatCache& stats,
                              const CancelToken& cancel) {
  Context context;
  context.named_ = TRY(NamedSources::open(request, scratch, stats, cancel));
  const Path directory = TRY_CONTEXT(context.settle(request, scratch, cancel), "build context");
  sys::RootDir root = TRY_CONTEXT(sys::RootDir::open(directory), "build context");
  const bool is_dockerfile = context.fetched_ && context.fetched_->file && !request.dockerfile_text;
  context.dockerfile_ = is_dockerfile ? TRY(root.read_file(*context.fetched_->file, kMaxDockerfile))
                                      : TRY(read_dockerfile(root, request));
  SourceTree::Options options{.changing =
                                  !request.context_directory.empty() && !request.context_is_still};
  // The file of the Dockerfile's own wins over that of the context. What is fetched has none.
  if (request.ignore_text) {
    options.ignore = TRY(oci::IgnorePatterns::parse(*request.ignore_text).context(".dockerignore"));
  } else if (!context.fetched_) {
    options.ignore =
        TRY(read_ignore(root, {cat(request.dockerfile, ".dockerignore"), ".dockerignore"}));
  }
  if (!request.context_directory.empty()) {
    options.stats = &stats;
    options.names_in = request.names_in_context;
  }
  if (context.fetched_) options.times = context.fetched_->times();
  if (!request.context_version.empty() && request.ignore_text) {
    options.version = cat(request.context_version, " ", sha256_hex(*request.ignore_text));
  }
  context.tree_ = std::make_unique<SourceTree>(std::move(root), std::move(options));
  return context;
}

}  // namespace skiff::builder
