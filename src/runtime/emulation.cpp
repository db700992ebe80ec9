#include "runtime/emulation.h"

#include <fcntl.h>

#include "base/io.h"
#include "base/strings.h"
#include "runtime/annotations.h"
#include "sys/user_namespace.h"

namespace skiff::runtime {

namespace {

Error refuse(std::string_view what) {
  return Error(Code::kFailedPrecondition,
               cat("programs of another processor are emulated in a user namespace of the "
                   "container's own, which does not go with ",
                   what, ": start skiffd with --emulation=host"));
}

bool is_shared(const std::string& name_space) {
  return name_space == "host" || name_space.starts_with('/');
}

}  // namespace

Result<> emulate(ContainerSpec& spec, const std::string& registration) {
  if (registration.empty()) return {};
  if (spec.privileged) return refuse("privileged containers");
  if (is_shared(spec.network_namespace)) return refuse("another's network");
  if (is_shared(spec.pid_namespace)) return refuse("another's process ids");
  if (is_shared(spec.ipc_namespace)) return refuse("another's IPC");
  if (!spec.user_namespace.empty()) return refuse("another's user namespace");
  if (!spec.id_maps) spec.id_maps = TRY(sys::same_ids());
  spec.emulation = registration;
  return {};
}

Result<> register_emulation(const OciConfig& config, const sys::RootDir& root) {
  const auto line = config.annotations.find(kEmulationAnnotation);
  if (line == config.annotations.end()) return {};
  const UniqueFd file =
      TRY_CONTEXT(root.open_at(cat(kBinfmtDirectory, "/register"), O_WRONLY), "register QEMU");
  FdSink sink(file.get());
  return sink.write(line->second).context("register QEMU");
}

}  // namespace skiff::runtime
