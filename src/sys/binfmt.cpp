#include "sys/binfmt.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <mutex>

#include "base/file.h"
#include "base/strings.h"

namespace skiff::sys {

namespace {

constexpr const char* kDirectory = "/proc/sys/fs/binfmt_misc";

// The ELF header of an architecture's programs: class, byte order and machine (elf.h, e_ident
// and e_machine).
struct Emulated {
  std::string_view architecture;  // OCI's name
  std::string_view qemu;          // QEMU's
  bool is_64;
  bool big_endian;
  unsigned machine;
};
constexpr Emulated kEmulated[] = {
    {"arm64", "aarch64", true, false, 183},       {"arm", "arm", false, false, 40},
    {"amd64", "x86_64", true, false, 62},         {"386", "i386", false, false, 3},
    {"riscv64", "riscv64", true, false, 243},     {"ppc64le", "ppc64le", true, false, 21},
    {"s390x", "s390x", true, true, 22},           {"mips64le", "mips64el", true, false, 8},
    {"loong64", "loongarch64", true, false, 258},
};

Error missing(std::string message) { return Error(Code::kFailedPrecondition, std::move(message)); }

Error no_binfmt(const char* what) {
  return missing(cat(Error::from_errno(errno, what).message(),
                     ": the kernel needs CONFIG_BINFMT_MISC (try modprobe binfmt_misc)"));
}

// Loads the module; only with that the directory to mount it at is there.
Result<> open_binfmt() {
  const UniqueFd filesystem(::fsopen("binfmt_misc", FSOPEN_CLOEXEC));
  return filesystem ? Result<>{} : no_binfmt("open binfmt_misc");
}

bool is_mounted() {
  struct statfs info{};
  return ::statfs(kDirectory, &info) == 0 && info.f_type == BINFMTFS_MAGIC;
}

Result<> mount_binfmt() {
  if (is_mounted()) return {};
  TRY(open_binfmt());
  if (::mount("binfmt_misc", kDirectory, "binfmt_misc", 0, nullptr) == 0) return {};
  return no_binfmt("mount binfmt_misc");
}

// Whether the host's can be written to, or mounted first.
Result<> check_host_binfmt() {
  if (!is_mounted()) {
    TRY(open_binfmt());
    return ::access(kDirectory, F_OK) == 0 ? Result<>{} : no_binfmt("mount binfmt_misc");
  }
  const Path file = Path(kDirectory) / "register";
  return ::access(file.c_str(), W_OK) == 0 ? Result<>{} : no_binfmt("register QEMU");
}

std::string escaped(std::string_view bytes) {
  std::string out;
  for (char c : bytes) out += cat("\\x", to_hex(std::string_view(&c, 1)));
  return out;
}

// The first 20 bytes of a program: identification, type (executable or shared), machine.
std::string magic_of(const Emulated& e) {
  std::string magic(
      "\x7f"
      "ELF");
  magic += e.is_64 ? '\2' : '\1';
  magic += e.big_endian ? '\2' : '\1';
  magic += '\1';
  magic.append(9, '\0');
  char low = static_cast<char>(e.machine & 0xffU);
  char high = static_cast<char>(e.machine >> 8U);
  magic += e.big_endian ? std::string{'\0', '\2', high, low} : std::string{'\2', '\0', low, high};
  return magic;
}

// What of it counts: not the ABI, and type 3 (shared) as well as 2.
std::string mask_of(const Emulated& e) {
  std::string mask(7, '\xff');
  mask.append(9, '\0');
  mask += e.big_endian ? "\xff\xfe\xff\xff" : "\xfe\xff\xff\xff";
  return mask;
}

// An enabled handler whose magic is that machine's, whoever registered it.
bool is_served(const Emulated& e) {
  std::string wanted = to_hex(magic_of(e));
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(kDirectory, ec)) {
    std::string name = entry.path().filename();
    if (name == "register" || name == "status") continue;
    auto text = read_file(entry.path());
    if (!text || !text->starts_with("enabled\n")) continue;
    size_t at = text->find("\nmagic ");
    if (at == std::string::npos) continue;
    std::string magic = text->substr(at + 7, text->find('\n', at + 7) - at - 7);
    bool same_machine = magic.size() >= wanted.size() && magic.compare(8, 4, wanted, 8, 4) == 0 &&
                        magic.compare(36, 4, wanted, 36, 4) == 0;
    // F: the interpreter is found from inside a container, too.
    bool fixed = text->find("flags: ") != std::string::npos &&
                 text->substr(text->find("flags: ")).substr(0, 16).find('F') != std::string::npos;
    if (same_machine && fixed) return true;
  }
  return false;
}

// P keeps argv[0], O passes the program open, F opens QEMU now: containers have none. With C a
// program's set-user-id bits count, by which QEMU, and what its environment tells it, gets that
// user's rights: in a user namespace of the container's own those reach the container's processes
// and whatever files are mounted there (decision 023).
Result<std::string> registration_of(const Emulated& e, EmulationScope scope) {
  const std::string program = cat("/usr/bin/qemu-", e.qemu, "-static");
  if (::access(program.c_str(), X_OK) != 0) {
    return missing(
        cat("programs of ", e.architecture, " need ", program, ": install qemu-user-static"));
  }
  return cat(":skiff-", e.qemu, ":M::", escaped(magic_of(e)), ":", escaped(mask_of(e)), ":",
             program, scope == EmulationScope::kContainer ? ":POCF" : ":POF");
}

Result<> register_at_host(const Emulated& e) {
  static std::mutex mutex;
  const std::scoped_lock lock(mutex);
  TRY(mount_binfmt());
  if (is_served(e)) return {};
  auto written =
      write_file(Path(kDirectory) / "register", TRY(registration_of(e, EmulationScope::kHost)));
  // Another process has just done it.
  if (!written && is_served(e)) return {};
  return std::move(written).context("register QEMU");
}

// Since Linux 6.7.
Result<> check_own_binfmt(const Emulated& e) {
  utsname names{};
  ::uname(&names);
  int major = 0;
  int minor = 0;
  std::sscanf(names.release, "%d.%d", &major, &minor);
  constexpr std::pair kFirst{6, 7};
  if (std::pair(major, minor) < kFirst) {
    return missing(cat("programs of ", e.architecture, " cannot be run: the kernel ", names.release,
                       " has no binfmt_misc for single containers (6.7 has); start skiffd with "
                       "--emulation=host, or install qemu-user-static with binfmt-support"));
  }
  return open_binfmt();
}

}  // namespace

bool runs_natively(const std::string& architecture) {
  utsname names{};
  ::uname(&names);
  const std::string_view machine = names.machine;
  if (machine == "x86_64") return architecture == "amd64" || architecture == "386";
  if (machine == "aarch64") return architecture == "arm64";
  if (machine.starts_with("armv")) return architecture == "arm";
  return machine == architecture;
}

Result<std::string> find_emulation(const std::string& architecture, EmulationScope scope) {
  if (runs_natively(architecture)) return std::string();
  const auto* found =
      std::ranges::find(kEmulated, std::string_view(architecture), &Emulated::architecture);
  if (found == std::end(kEmulated)) {
    return missing(cat("programs of ", architecture, " cannot be run on this machine"));
  }
  if (is_served(*found)) return std::string();
  if (scope == EmulationScope::kHost) {
    TRY(register_at_host(*found));
    return std::string();
  }
  std::string line = TRY(registration_of(*found, scope));
  TRY(check_own_binfmt(*found));
  return line;
}

bool can_run(const std::string& architecture, EmulationScope scope) {
  if (scope == EmulationScope::kContainer) return find_emulation(architecture, scope).has_value();
  if (runs_natively(architecture)) return true;
  const auto* found =
      std::ranges::find(kEmulated, std::string_view(architecture), &Emulated::architecture);
  if (found == std::end(kEmulated)) return false;
  return is_served(*found) || (registration_of(*found, scope) && check_host_binfmt());
}

}  // namespace skiff::sys
