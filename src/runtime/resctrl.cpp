#include "runtime/resctrl.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/scope_exit.h"
#include "base/strings.h"

namespace skiff::runtime {

namespace {

constexpr const char* kIntelRdt = "linux.intelRdt";

std::string schemata_text(const OciIntelRdt& rdt) {
  std::string text;
  for (const std::string& line : rdt.schemata) text += line + "\n";
  for (const std::string& lines : {rdt.l3_cache_schema, rdt.memory_bandwidth_schema}) {
    if (!lines.empty()) text += lines + "\n";
  }
  return text;
}

// The kernel's answer to a schema it does not take is in a file beside.
Result<> write_schemata(const Path& root, const Path& directory, const std::string& text) {
  Result<> written = write_file(directory / "schemata", text);
  if (written) return {};
  std::string told = read_file(root / "info/last_cmd_status").value_or("");
  return Error(written.error().code(), cat(kIntelRdt, ": schemata ", quoted(trim(text)), ": ",
                                           written.error().message(), ": ", trim(told)));
}

}  // namespace

Result<ResctrlGroup> ResctrlGroup::open(const OciIntelRdt& rdt, const std::string& id,
                                        const Path& root) {
  if (::access((root / "info").c_str(), F_OK) != 0) {
    return Error(Code::kUnimplemented,
                 cat("intelRdt is specified in config, but Intel RDT is not supported or enabled: "
                     "no resctrl file system is mounted at ",
                     root.native()));
  }
  ResctrlGroup group;
  ScopeExit undo([&] { [[maybe_unused]] auto removed = remove_resctrl(group.made_); });
  group.directory_ = root / (rdt.clos_id.empty() ? id : rdt.clos_id);
  std::string schemata = schemata_text(rdt);
  bool exists = ::access(group.directory_.c_str(), F_OK) == 0;
  if (!exists && schemata.empty() && !rdt.clos_id.empty()) {
    return Error(Code::kNotFound, cat(kIntelRdt, ".closID: ", group.directory_.native(),
                                      " does not exist and no schemata are given"));
  }
  if (!exists) TRY(group.make(group.directory_));
  if (!schemata.empty()) TRY(write_schemata(root, group.directory_, schemata));
  if (rdt.monitoring) {
    group.monitor_ = group.directory_ / "mon_groups" / id;
    TRY(group.make(group.monitor_));
  }
  undo.dismiss();
  return group;
}

Result<> ResctrlGroup::make(const Path& directory) {
  if (::mkdir(directory.c_str(), 0755) != 0) {
    return Error::from_errno(errno, cat(kIntelRdt, ": mkdir ", directory.native()));
  }
  made_.insert(made_.begin(), directory.native());
  return {};
}

Result<> ResctrlGroup::add(pid_t pid) const {
  TRY_CONTEXT(write_file(directory_ / "tasks", cat(pid)), kIntelRdt);
  if (!monitor_.empty()) TRY_CONTEXT(write_file(monitor_ / "tasks", cat(pid)), kIntelRdt);
  return {};
}

Result<> remove_resctrl(const std::vector<std::string>& made) {
  for (const std::string& directory : made) {
    if (::rmdir(directory.c_str()) != 0 && errno != ENOENT) {
      return Error::from_errno(errno, cat(kIntelRdt, ": rmdir ", directory));
    }
  }
  return {};
}

}  // namespace skiff::runtime
