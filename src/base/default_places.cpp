#include "base/default_places.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/strings.h"

namespace skiff {

namespace {

Path from_environment(const char* name) {
  const char* value = ::getenv(name);
  return value != nullptr && *value == '/' ? Path(value) : Path();
}

Result<Path> runtime_directory() {
  if (Path given = from_environment("XDG_RUNTIME_DIR"); !given.empty()) return given;
  const Path usual = cat("/run/user/", ::geteuid());
  struct stat st{};
  if (::stat(usual.c_str(), &st) == 0 && st.st_uid == ::geteuid()) return usual;
  return Error(Code::kFailedPrecondition,
               "XDG_RUNTIME_DIR is not set: log in through the system's login, or set it to a "
               "directory of yours with mode 0700");
}

Result<Path> data_directory() {
  if (Path given = from_environment("XDG_DATA_HOME"); !given.empty()) return given;
  if (Path home = from_environment("HOME"); !home.empty()) return home / ".local/share";
  return Error(Code::kFailedPrecondition, "HOME is not set");
}

}  // namespace

DefaultPlaces system_places() { return {"/var/lib/skiff", "/run/skiff", "/run/skiff/skiff.sock"}; }

Result<DefaultPlaces> default_places() {
  if (::geteuid() == 0) return system_places();
  const Path runtime = TRY(runtime_directory());
  const Path data = TRY(data_directory());
  return DefaultPlaces{data / "skiff", runtime / "skiff", runtime / "skiff.sock"};
}

}  // namespace skiff
