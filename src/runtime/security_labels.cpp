#include "runtime/security_labels.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include "base/strings.h"
#include "sys/procfs.h"

namespace skiff::runtime {

namespace {

Error no_selinux(std::string_view where) {
  return {Code::kUnimplemented, cat(where,
                                    ": selinux label is specified in config, but selinux is "
                                    "disabled or not supported")};
}

Result<> check_process(const OciProcess& process) {
  if (!process.apparmor_profile.empty() && !apparmor_enabled()) {
    return Error(Code::kUnimplemented,
                 cat("process.apparmorProfile ", quoted(process.apparmor_profile),
                     ": apparmor: config provided but apparmor not supported"));
  }
  if (!process.selinux_label.empty() && !selinux_enabled()) {
    return no_selinux(cat("process.selinuxLabel ", quoted(process.selinux_label)));
  }
  return {};
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

Result<> check_labels(const OciConfig& config) {
  if (!config.mount_label.empty() && !selinux_enabled()) {
    return no_selinux(cat("linux.mountLabel ", quoted(config.mount_label)));
  }
  return config.process ? check_process(*config.process) : Result<>{};
}

Result<LabelFile> LabelFile::open(const OciProcess& process) {
  LabelFile file;
  if (process.apparmor_profile.empty() && process.selinux_label.empty()) return file;
  TRY(check_process(process));
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
    return Error::from_errno(errno, what_);
  }
  return {};
}

}  // namespace skiff::runtime
