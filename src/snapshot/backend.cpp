#include <fcntl.h>

#include <cerrno>

#include "base/strings.h"
#include "codec/erofs_writer.h"
#include "snapshot/snapshotter.h"
#include "sys/erofs_mount.h"

namespace skiff::snapshot {

namespace {

Result<> mount_empty_index(const Path& scratch) {
  const TempDir directory = TRY(TempDir::make(scratch, "probe-"));
  const Path index = directory.path() / "index";
  const Path data = directory.path() / "data";
  TRY(write_file(data, std::string(512, '\0')));
  const UniqueFd file = TRY(open_file(index, O_WRONLY | O_CREAT | O_EXCL, 0600));
  FdSink sink(file.get());
  TRY(write_erofs(ErofsTree(), {.source_size = 512}, sink));
  TRY(sys::mount_erofs(index, data));
  return {};
}

Result<> mount_empty_overlay(const Path& scratch) {
  const TempDir directory = TRY(TempDir::make(scratch, "probe-"));
  const auto part = [&](const char* name) { return directory.path() / name; };
  for (const char* name : {"lower", "upper", "work", "target"}) TRY(make_directories(part(name)));
  const Mount what{.lowers = {part("lower")}, .upper = part("upper"), .work = part("work")};
  TRY(MountedSnapshot::mount(what, part("target")));
  return {};
}

std::string why_not(const Error& error) {
  if (error.sys_errno() != ENOTBLK) return error.message();
  return cat(
      "this kernel mounts EROFS from block devices alone, and from files from Linux 6.12 on: ",
      error.message());
}

}  // namespace

std::string_view name_of(Backend backend) {
  return backend == Backend::kErofs ? "erofs" : "overlay";
}

BackendChoice choose_backend(const Path& scratch) {
  BackendChoice choice{.backend = Backend::kErofs};
  const Path place = std::filesystem::absolute(scratch);
  if (const Result<> mounted = mount_empty_index(place); !mounted) {
    const std::string why = why_not(mounted.error());
    choice = {.backend = Backend::kOverlay, .why_not_erofs = why, .why_no_indexes = why};
  }
  if (const Result<> mounted = mount_empty_overlay(place); !mounted) {
    choice.why_no_upper = mounted.error().message();
  }
  return choice;
}

}  // namespace skiff::snapshot
