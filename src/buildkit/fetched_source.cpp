#include "buildkit/fetched_source.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/strings.h"
#include "builder/remote_context.h"
#include "builder/remote_file.h"
#include "net/url.h"
#include "sys/root_dir.h"

namespace skiff::buildkit {

namespace {

constexpr size_t kMost = size_t{16} << 20U;

// As it is, under the name that the client will ask for.
Result<Path> download_as(const RemoteSource& source, const Path& keep, const CancelToken& cancel) {
  const Path came = keep / "download";
  const Path directory = keep / "files";
  TRY(make_directories(came, 0700));
  TRY(make_directories(directory, 0700));
  const builder::RemoteFile file = TRY(builder::download(source.url, {}, came, cancel));
  if (source.checksum) {
    TRY_CONTEXT(builder::check_digest(came / file.name, *source.checksum),
                net::shown_url(source.url));
  }
  const sys::RootDir root = TRY(sys::RootDir::open(directory));
  const sys::Place place = TRY(root.make_place(source.file_name));
  if (::renameat(AT_FDCWD, (came / file.name).c_str(), place.parent.get(), place.name.c_str()) ==
      0) {
    return directory;
  }
  return Error::from_errno(errno, cat("name what came of ", net::shown_url(source.url)));
}

}  // namespace

Result<std::shared_ptr<const FetchedSource>> FetchedSource::fetch(
    const RemoteSource& source, const builder::BuildRequest& request, const Path& scratch,
    const CancelToken& cancel) {
  if (source.file_name.empty()) {
    auto context = TRY(builder::fetch_context(source.url, request, scratch, cancel));
    return std::shared_ptr<const FetchedSource>(
        new FetchedSource(std::move(context.keep), std::move(context.directory)));
  }
  TempDir keep = TRY(TempDir::make(scratch, "source-"));
  Path directory = TRY(download_as(source, keep.path(), cancel));
  return std::shared_ptr<const FetchedSource>(
      new FetchedSource(std::move(keep), std::move(directory)));
}

Result<FetchedSource::Stat> FetchedSource::stat(const std::string& path) const {
  const sys::RootDir root = TRY(sys::RootDir::open(directory_));
  const struct stat st = TRY(root.stat(path));
  return Stat{.mode = st.st_mode,
              .size = static_cast<uint64_t>(st.st_size),
              .modified = st.st_mtim.tv_sec * 1'000'000'000 + st.st_mtim.tv_nsec};
}

Result<std::string> FetchedSource::read(const std::string& path, uint64_t offset,
                                        uint64_t length) const {
  const sys::RootDir root = TRY(sys::RootDir::open(directory_));
  const UniqueFd file = TRY(root.open_at(path, O_RDONLY | O_NONBLOCK));
  struct stat st{};
  if (::fstat(file.get(), &st) != 0) return Error::from_errno(errno, cat("read ", path));
  if (!S_ISREG(st.st_mode)) return Error(Code::kInvalidArgument, cat(path, " is no file"));
  const auto size = static_cast<uint64_t>(st.st_size);
  const uint64_t rest = size - std::min(size, offset);
  const uint64_t wanted = length == 0 ? rest : std::min(rest, length);
  if (wanted > kMost) {
    return Error(Code::kResourceExhausted, cat(path, " has more than 16 MiB"));
  }
  std::string out(wanted, '\0');
  const ssize_t got = ::pread(file.get(), out.data(), out.size(), static_cast<off_t>(offset));
  if (got < 0) return Error::from_errno(errno, cat("read ", path));
  out.resize(static_cast<size_t>(got));
  return out;
}

Result<> fetch_part(const RemoteSource& source, const builder::BuildRequest& request,
                    const Path& scratch, const Path& into, const CancelToken& cancel) {
  TRY(make_directories(into, 0755));
  const auto fetched = TRY(builder::fetch_context(source.url, request, scratch, cancel));
  const sys::RootDir root = TRY(sys::RootDir::open(fetched.directory));
  const sys::Place place = TRY(root.place_of(source.part));
  const sys::RootDir to = TRY(sys::RootDir::open(into));
  if (::renameat(place.parent.get(), place.name.c_str(), to.fd(), place.name.c_str()) == 0) {
    return {};
  }
  return Error::from_errno(errno, cat(net::shown_url(source.url), ": ", source.part));
}

}  // namespace skiff::buildkit
