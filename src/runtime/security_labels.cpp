#include "runtime/security_labels.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include "base/strings.h"
#include "runtime/diagnostics.h"
#include "sys/procfs.h"

namespace skiff::runtime {

namespace {

void drop(std::string& label, std::string_view field, std::string_view module) {
  if (label.empty()) return;
  warn(cat(field, " ", quoted(label), " is not enforced: ", module, " is off in this kernel"));
  label.clear();
}

}  // namespace

bool apparmor_enabled() {
  Result<std::string> enabled = read_file("/sys/module/apparmor/parameters/enabled");
  return enabled && enabled->starts_with('Y');
}

bool selinux_enabled() {
  struct statfs info{};
  return ::statfs("/sys/fs/selinux", &info) == 0 && info.f_type == SELINUX_MAGIC;
}

void drop_unenforced_labels(OciProcess& process) {
  if (!apparmor_enabled()) {
    // Without AppArmor everything is.
    if (process.apparmor_profile == kUnconfined) process.apparmor_profile.clear();
    drop(process.apparmor_profile, "process.apparmorProfile", "AppArmor");
  }
  if (!selinux_enabled()) drop(process.selinux_label, "process.selinuxLabel", "SELinux");
}

void drop_unenforced_labels(OciConfig& config) {
  if (config.process) drop_unenforced_labels(*config.process);
  if (config.mount_label.empty() || selinux_enabled()) return;
  drop(config.mount_label, "linux.mountLabel", "SELinux");
  for (OciMount& mount : config.mounts) mount.label.clear();
}

Result<LabelFile> LabelFile::open(const OciProcess& process) {
  LabelFile file;
  if (process.apparmor_profile.empty() && process.selinux_label.empty()) return file;
  bool apparmor = !process.apparmor_profile.empty();
  file.text_ = apparmor ? cat("exec ", process.apparmor_profile) : process.selinux_label;
  file.what_ = apparmor ? cat("process.apparmorProfile ", quoted(process.apparmor_profile))
                        : cat("process.selinuxLabel ", quoted(process.selinux_label));
  // Since Linux 5.8 each module has files of its own; before, one module had the common ones.
  const sys::ProcFs* proc = TRY_CONTEXT(sys::ProcFs::ours(), file.what_);
  Result<UniqueFd> own = Error(Code::kNotFound, "");
  if (apparmor) own = proc->open_at("thread-self/attr/apparmor/exec", O_WRONLY);
  bool common = !own && own.error().code() == Code::kNotFound;
  if (common) own = proc->open_at("thread-self/attr/exec", O_WRONLY);
  file.fd_ = TRY_CONTEXT(std::move(own), file.what_);
  return file;
}

Result<> LabelFile::write() const {
  if (!fd_) return {};
  if (::write(fd_.get(), text_.data(), text_.size()) != static_cast<ssize_t>(text_.size())) {
    const bool missing = errno == ENOENT && text_.starts_with("exec ");
    return Error::from_errno(
        errno, missing ? cat(what_, " is no profile that AppArmor has loaded") : what_);
  }
  return {};
}

}  // namespace skiff::runtime
