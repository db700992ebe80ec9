#include "builder/remote_context.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/strings.h"
#include "builder/git_checkout.h"
#include "builder/remote_file.h"
#include "builder/source_epoch.h"
#include "builder/untar.h"
#include "codec/compress.h"
#include "codec/tar.h"
#include "net/url.h"
#include "sys/root_dir.h"

namespace skiff::builder {

namespace {

constexpr const char* kDownload = "download";

bool keeps_git_dir(const BuildRequest& request) {
  const auto given = request.build_args.find("BUILDKIT_CONTEXT_KEEP_GIT_DIR");
  return given != request.build_args.end() && (given->second == "1" || given->second == "true");
}

Result<FetchedContext> check_out(const GitSource& source, TempDir keep, const BuildRequest& request,
                                 const CancelToken& cancel) {
  const GitAccess access = TRY(git_access(request, source.remote));
  const std::string commit = TRY(find_commit(source, access, cancel));
  const Path tree = keep.path() / "tree";
  // What a build with a time of its own makes of a commit is the same whenever it is fetched.
  const auto epoch = request.build_args.find(kEpochArgument);
  const bool is_dated = epoch != request.build_args.end() && !epoch->second.value_or("").empty();
  const Checkout wanted{.keep_git_dir = source.keep_git_dir.value_or(keeps_git_dir(request)),
                        .commit_times = source.commit_times.value_or(is_dated)};
  const TimePoint time = TRY(fetch_commit(source, access, commit, wanted, tree, cancel));
  // A link of the repository leads nowhere else.
  const sys::RootDir root = TRY(sys::RootDir::open(tree));
  const UniqueFd inside = TRY_CONTEXT(
      root.open_at(source.subdirectory, O_PATH | O_DIRECTORY),
      cat(net::shown_url(source.remote), ": subdirectory ", skiff::quoted(source.subdirectory)));
  const std::string directory = TRY(read_link_at(AT_FDCWD, sys::fd_path(inside.get())));
  const std::string remote = net::shown_url(source.remote);
  const std::string address = source.ref.empty() ? remote : cat(remote, "#", source.ref);
  FetchedContext out{std::move(keep), directory, std::nullopt, ContextOrigin{address, commit},
                     time};
  if (wanted.commit_times) out.of_files = time;
  return out;
}

Result<std::optional<TimePoint>> newest_entry(const Path& archive) {
  const UniqueFd fd = TRY(open_file(archive, O_RDONLY));
  FdSource file(fd.get());
  const auto plain = TRY(open_decompressed(file));
  TarReader tar(*plain);
  std::optional<TimePoint> newest;
  while (const TarEntry* entry = TRY(tar.next())) {
    if (entry->type != TarType::kFile) continue;
    newest = std::max(newest.value_or(entry->mtime), entry->mtime);
  }
  return newest;
}

// As the server says, else of an archive's newest file.
Result<std::optional<TimePoint>> time_of_file(const Path& path) {
  const UniqueFd fd = TRY(open_file(path, O_RDONLY));
  struct stat st{};
  // 1970 is no answer.
  if (::fstat(fd.get(), &st) == 0 && st.st_mtim.tv_sec > 0) {
    return std::optional(TimePoint(std::chrono::seconds(st.st_mtim.tv_sec)));
  }
  if (!TRY(is_archive(fd.get()))) return std::optional<TimePoint>();
  // Nobody has said that it is a whole one: what cannot be read through tells nothing.
  auto newest = newest_entry(path);
  return newest ? std::move(*newest) : std::nullopt;
}

Result<FetchedContext> download_context(const std::string& url, TempDir keep,
                                        const CancelToken& cancel) {
  const Path download_dir = keep.path() / kDownload;
  const Path tree = keep.path() / "tree";
  TRY(make_directories(download_dir, 0755));
  TRY(make_directories(tree, 0755));
  const std::string name = TRY(download(url, {}, download_dir, cancel)).name;
  const Path file = download_dir / name;
  FetchedContext out{std::move(keep), tree, std::nullopt, std::nullopt, std::nullopt};
  const UniqueFd fd = TRY(open_file(file, O_RDONLY));
  if (!TRY(is_archive(fd.get()))) {
    out.directory = download_dir;
    out.file = name;
  } else {
    const sys::RootDir root = TRY(sys::RootDir::open(tree));
    FdSource tar(fd.get());
    TRY_CONTEXT(untar(tar, root, "", {}, cancel), net::shown_url(url));
  }
  out.time = TRY(time_of_file(file));
  return out;
}

}  // namespace

Result<FetchedContext> fetch_context(const std::string& url, const BuildRequest& request,
                                     const Path& scratch, const CancelToken& cancel) {
  TempDir keep = TRY(TempDir::make(scratch, "context-"));
  if (const auto git = TRY(parse_git_context(url))) {
    return check_out(*git, std::move(keep), request, cancel);
  }
  if (is_url(url)) return download_context(url, std::move(keep), cancel);
  const size_t scheme = url.find("://");
  const std::string why = scheme == std::string::npos
                              ? "neither a git repository nor a URL"
                              : cat("unknown scheme ", skiff::quoted(url.substr(0, scheme)),
                                    ": it is one of http, https, git and ssh");
  return Error(Code::kInvalidArgument,
               cat("build context ", skiff::quoted(net::shown_url(url)), ": ", why));
}

Result<TakenSource> take_source(const std::string& source, const std::string& checksum,
                                const BuildRequest& request, Downloads& downloads,
                                const Path& scratch, const CancelToken& cancel) {
  TempDir keep = TRY(TempDir::make(scratch, "source-"));
  TakenSource out{.source = source, .checksum = checksum};
  if (auto git = TRY(parse_git_source(source))) {
    if (git->checksum.empty()) git->checksum = checksum;
    const GitAccess access = TRY(git_access(request, git->remote));
    out.commit = TRY(find_commit(*git, access, cancel));
    out.time = TRY(commit_time(*git, access, out.commit, keep.path() / "objects", cancel));
    return out;
  }
  if (!is_url(source)) {
    return Error(Code::kInvalidArgument, cat(kEpochArgument, ": ", net::shown_url(source),
                                             " is neither a URL nor a git repository"));
  }
  std::optional<oci::Digest> wanted;
  if (!checksum.empty()) wanted = TRY(oci::Digest::parse(checksum));
  out.file = TRY(downloads.fetch(source, wanted, keep.path(), cancel));
  out.time = TRY_CONTEXT(time_of_file(keep.path() / out.file), net::shown_url(source));
  out.keep = std::move(keep);
  return out;
}

}  // namespace skiff::builder
