#include "runtime/oci_config.h"

#include <algorithm>
#include <climits>

#include "base/strings.h"
#include "runtime/annotations.h"
#include "runtime/config_types.h"
#include "runtime/oci_parts.h"

namespace skiff::runtime {

namespace {

constexpr size_t kConfigLimit = size_t{16} << 20U;

Result<> parse_mounts(const json::Value& config, OciConfig& out) {
  for (const json::Value& entry : config.array("mounts")) {
    OciMount mount;
    mount.destination = TRY_CONTEXT(entry.require_string("destination"), "mounts");
    if (mount.destination.empty()) return invalid("mounts: empty destination");
    // As runc: the host's name of a place in the root means that place.
    if (auto inside = out.path_in_root(mount.destination)) mount.destination = *inside;
    mount.type = entry.string("type");
    mount.source = entry.string("source");
    mount.options = entry.strings("options");
    mount.uid_mappings = TRY_CONTEXT(parse_mappings(entry, "uidMappings"), mount.destination);
    mount.gid_mappings = TRY_CONTEXT(parse_mappings(entry, "gidMappings"), mount.destination);
    out.mounts.push_back(std::move(mount));
  }
  return {};
}

Result<std::vector<OciHook>> parse_hook_list(const json::Value& hooks, const char* key) {
  std::vector<OciHook> list;
  for (const json::Value& entry : hooks.array(key)) {
    OciHook hook;
    hook.path = TRY_CONTEXT(entry.require_string("path"), cat("hooks.", key));
    if (!hook.path.starts_with('/')) return invalid(cat("hooks.", key, ": path is not absolute"));
    hook.args = entry.strings("args");
    const json::Value* env = entry.find("env");
    if (env != nullptr && !env->is_null()) hook.env = entry.strings("env");
    hook.timeout_seconds = TRY_CONTEXT(int_of(entry, "timeout", 1, INT_MAX), cat("hooks.", key));
    list.push_back(std::move(hook));
  }
  return list;
}

Result<> parse_hooks(const json::Value& config, OciHooks& out) {
  const json::Value* hooks = config.find("hooks");
  if (hooks == nullptr) return {};
  out.prestart = TRY(parse_hook_list(*hooks, "prestart"));
  out.create_runtime = TRY(parse_hook_list(*hooks, "createRuntime"));
  out.create_container = TRY(parse_hook_list(*hooks, "createContainer"));
  out.start_container = TRY(parse_hook_list(*hooks, "startContainer"));
  out.poststart = TRY(parse_hook_list(*hooks, "poststart"));
  out.poststop = TRY(parse_hook_list(*hooks, "poststop"));
  return {};
}

}  // namespace

const OciNamespace* OciConfig::find_namespace(uint64_t flag) const {
  auto found = std::find_if(namespaces.begin(), namespaces.end(),
                            [&](const OciNamespace& ns) { return ns.kind->flag == flag; });
  return found == namespaces.end() ? nullptr : &*found;
}

bool OciConfig::has_new_namespace(uint64_t flag) const {
  const OciNamespace* found = find_namespace(flag);
  return found != nullptr && found->path.empty();
}

std::optional<std::string> OciConfig::path_in_root(const Path& path) const {
  const std::string whole = path.lexically_normal().native();
  const std::string above = (root.lexically_normal() / "").native();
  if (above == "/" || !whole.starts_with(above)) return std::nullopt;
  return whole.substr(above.size() - 1);
}

Result<OciConfig> parse_config(const json::Value& config, const Path& bundle) {
  OciConfig out;
  TRY(check_types(config));
  out.version = TRY(config.require_string("ociVersion"));
  if (!out.version.starts_with("1.")) {
    return invalid(cat("ociVersion ", quoted(out.version), " is not supported"));
  }
  const json::Value* process = config.find("process");
  if (process != nullptr && !process->is_null()) out.process = TRY(parse_process(*process));
  const json::Value* root = TRY(config.require_object("root"));
  std::string path = TRY_CONTEXT(root->require_string("path"), "root");
  if (path.empty()) return invalid("root.path must not be empty");
  out.root = Path(path).is_absolute() ? Path(path) : bundle / path;
  out.root_readonly = root->boolean("readonly");
  TRY(parse_mounts(config, out));
  out.hostname = config.string("hostname");
  out.domainname = config.string("domainname");
  TRY(parse_hooks(config, out.hooks));
  out.annotations = config.string_map("annotations");
  const auto keeps = out.annotations.find(kKeepGroupsAnnotation);
  if (out.process && keeps != out.annotations.end()) {
    out.process->keeps_groups = keeps->second == "1";
  }
  const json::Value none = json::object();
  const json::Value* lx = config.find("linux");
  TRY(parse_linux(lx != nullptr && !lx->is_null() ? *lx : none, out));
  for (OciMount& mount : out.mounts) mount.label = out.mount_label;
  if (!out.hostname.empty() && out.find_namespace(CLONE_NEWUTS) == nullptr) {
    return invalid("unable to set hostname without a private UTS namespace");
  }
  if (!out.domainname.empty() && out.find_namespace(CLONE_NEWUTS) == nullptr) {
    return invalid("unable to set domainname without a private UTS namespace");
  }
  return out;
}

Result<Bundle> read_bundle(const Path& path) {
  Bundle out;
  std::error_code failed;
  out.path = std::filesystem::absolute(path, failed).lexically_normal();
  if (failed) return Error::from_errno(failed.value(), cat("bundle ", path.native()));
  if (!out.path.has_filename()) out.path = out.path.parent_path();  // "/its/path/"
  const Path file = out.path / "config.json";
  out.text = TRY(read_file(file, kConfigLimit));
  const json::Value value = TRY_CONTEXT(json::parse(out.text), file.native());
  out.config = TRY_CONTEXT(parse_config(value, out.path), file.native());
  return out;
}

}  // namespace skiff::runtime
