#include "runtime/seccomp_filter.h"

#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <optional>

#include "base/io.h"
#include "base/strings.h"
#include "base/unique_fd.h"
#include "runtime/new_syscalls.h"
#include "runtime/seccomp_shrink.h"

namespace skiff::runtime {

namespace {

constexpr uint16_t kDefaultErrno = EPERM;
constexpr int64_t kMaxErrno = 0xffff;

using Context = std::unique_ptr<void, decltype(&::seccomp_release)>;

Error invalid_seccomp(const std::string& text) {
  return {Code::kInvalidArgument, cat("linux.seccomp: ", text)};
}

Error failed(int negative_errno, const std::string& what) {
  return Error::from_errno(-negative_errno, cat("linux.seccomp: ", what));
}

// `errno_value`: of the rule or the default; EPERM when it has none.
Result<uint32_t> action_of(const std::string& name, uint16_t errno_value) {
  if (name == "SCMP_ACT_ALLOW") return uint32_t{SCMP_ACT_ALLOW};
  if (name == "SCMP_ACT_ERRNO") return uint32_t{SCMP_ACT_ERRNO(errno_value)};
  if (name == "SCMP_ACT_KILL" || name == "SCMP_ACT_KILL_THREAD") {
    return uint32_t{SCMP_ACT_KILL_THREAD};
  }
  if (name == "SCMP_ACT_KILL_PROCESS") return uint32_t{SCMP_ACT_KILL_PROCESS};
  if (name == "SCMP_ACT_TRAP") return uint32_t{SCMP_ACT_TRAP};
  if (name == "SCMP_ACT_TRACE") return uint32_t{SCMP_ACT_TRACE(errno_value)};
  if (name == "SCMP_ACT_LOG") return uint32_t{SCMP_ACT_LOG};
  if (name == "SCMP_ACT_NOTIFY") return uint32_t{SCMP_ACT_NOTIFY};
  return invalid_seccomp(cat("unknown action ", quoted(name)));
}

Result<uint16_t> errno_of(const json::Value& object, const char* key) {
  const json::Value* value = object.find(key);
  if (value == nullptr || value->is_null()) return kDefaultErrno;
  if (!value->is_int() || value->as_int() < 0 || value->as_int() > kMaxErrno) {
    return invalid_seccomp(cat(key, " is no errno"));
  }
  return static_cast<uint16_t>(value->as_int());
}

Result<uint32_t> architecture_of(const std::string& name) {
  constexpr std::string_view kPrefix = "SCMP_ARCH_";
  std::string plain = name.starts_with(kPrefix) ? to_lower(name.substr(kPrefix.size())) : name;
  uint32_t architecture = ::seccomp_arch_resolve_name(plain.c_str());
  if (architecture == 0) return invalid_seccomp(cat("unknown architecture ", quoted(name)));
  return architecture;
}

Result<scmp_compare> operator_of(const std::string& name) {
  constexpr std::pair<std::string_view, scmp_compare> kOperators[] = {
      {"SCMP_CMP_NE", SCMP_CMP_NE},
      {"SCMP_CMP_LT", SCMP_CMP_LT},
      {"SCMP_CMP_LE", SCMP_CMP_LE},
      {"SCMP_CMP_EQ", SCMP_CMP_EQ},
      {"SCMP_CMP_GE", SCMP_CMP_GE},
      {"SCMP_CMP_GT", SCMP_CMP_GT},
      {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ}};
  for (const auto& [known, compare] : kOperators) {
    if (known == name) return compare;
  }
  return invalid_seccomp(cat("unknown operator ", quoted(name)));
}

Result<uint64_t> operand_of(const json::Value& arg, const char* key) {
  const json::Value* value = arg.find(key);
  if (value == nullptr) return uint64_t{0};
  if (!value->is_int()) return invalid_seccomp(cat("args.", key, " is not a 64-bit number"));
  return static_cast<uint64_t>(value->as_int());
}

Result<std::vector<scmp_arg_cmp>> parse_args(const json::Value& rule) {
  std::vector<scmp_arg_cmp> args;
  for (const json::Value& entry : rule.array("args")) {
    int64_t index = entry.integer("index");
    if (index < 0 || index > 5) return invalid_seccomp("args.index is out of range");
    scmp_arg_cmp arg{};
    arg.arg = static_cast<unsigned>(index);
    arg.op = TRY(operator_of(entry.string("op")));
    arg.datum_a = TRY(operand_of(entry, "value"));
    arg.datum_b = TRY(operand_of(entry, "valueTwo"));
    args.push_back(arg);
  }
  return args;
}

// Conditions on one argument twice cannot be one rule; each is then a rule of its own, as
// runc has it.
bool repeats_an_argument(const std::vector<scmp_arg_cmp>& args) {
  unsigned seen = 0;
  for (const scmp_arg_cmp& arg : args) {
    if ((seen & (1U << arg.arg)) != 0) return true;
    seen |= 1U << arg.arg;
  }
  return false;
}

Result<> add_rule(scmp_filter_ctx context, uint32_t action, int number, const std::string& name,
                  const std::vector<scmp_arg_cmp>& args) {
  if (!repeats_an_argument(args)) {
    int err = ::seccomp_rule_add_array(context, action, number, static_cast<unsigned>(args.size()),
                                       args.data());
    if (err != 0) return failed(err, cat("rule for ", name));
    return {};
  }
  for (const scmp_arg_cmp& arg : args) {
    int err = ::seccomp_rule_add_array(context, action, number, 1, &arg);
    if (err != 0) return failed(err, cat("rule for ", name));
  }
  return {};
}

// A system call libseccomp has no name for, with what the profile says of it.
struct NewRule {
  uint32_t number = 0;
  uint32_t action = 0;
};

class Compiler {
 public:
  explicit Compiler(const json::Value& seccomp) : seccomp_(seccomp) {}

  Result<SeccompFilter> compile() {
    std::string name = TRY_CONTEXT(seccomp_.require_string("defaultAction"), "linux.seccomp");
    default_action_ = TRY(action_of(name, TRY(errno_of(seccomp_, "defaultErrnoRet"))));
    if (default_action_ == SCMP_ACT_NOTIFY) {
      return invalid_seccomp("SCMP_ACT_NOTIFY cannot be used as default action");
    }
    context_.reset(::seccomp_init(default_action_));
    if (!context_) return invalid_seccomp(cat("default action ", name, " cannot be used"));
    TRY(add_architectures());
    ::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a binary tree
    for (const json::Value& rule : seccomp_.array("syscalls")) TRY(add_rules(rule));
    SeccompFilter filter;
    filter.flags = TRY(parse_flags());
    filter.program = prefix();
    std::vector<sock_filter> body = TRY(export_program());
    filter.program.insert(filter.program.end(), body.begin(), body.end());
    filter.program = shrink_seccomp(std::move(filter.program));
    return filter;
  }

 private:
  Result<> add_architectures() {
    for (const std::string& name : seccomp_.strings("architectures")) {
      uint32_t architecture = TRY(architecture_of(name));
      int err = ::seccomp_arch_add(context_.get(), architecture);
      if (err != 0 && err != -EEXIST) return failed(err, cat("architecture ", name));
    }
    return {};
  }

  Result<> add_rules(const json::Value& rule) {
    uint32_t action = TRY(action_of(rule.string("action"), TRY(errno_of(rule, "errnoRet"))));
    std::vector<scmp_arg_cmp> args = TRY(parse_args(rule));
    for (const std::string& name : rule.strings("names")) {
      if (action == SCMP_ACT_NOTIFY) TRY(check_notified(name));
      int number = ::seccomp_syscall_resolve_name(name.c_str());
      if (number == __NR_SCMP_ERROR) {
        std::optional<uint32_t> fresh = new_syscall_number(name);
        if (fresh && args.empty()) new_rules_.push_back({*fresh, action});
        continue;
      }
      if (action == default_action_) continue;
      TRY(add_rule(context_.get(), action, number, name, args));
    }
    return {};
  }

  // With one the listener itself is handed over, before anybody could answer; with the other in
  // runc, whose words these are.
  Result<> check_notified(const std::string& name) {
    if (name == "sendmsg" || name == "write") {
      return invalid_seccomp(cat("SCMP_ACT_NOTIFY cannot be used for the ", name, " syscall"));
    }
    notifies_ = true;
    return {};
  }

  Result<unsigned> parse_flags() const {
    unsigned flags = notifies_ ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
    // As runc: a filter alone is no wish for the slower mitigations that some kernels tie to it.
    const json::Value* said = seccomp_.find("flags");
    if (said == nullptr || said->is_null()) flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    for (const std::string& name : seccomp_.strings("flags")) {
      if (name == "SECCOMP_FILTER_FLAG_TSYNC") continue;  // there is one thread
      if (name == "SECCOMP_FILTER_FLAG_LOG") {
        flags |= SECCOMP_FILTER_FLAG_LOG;
      } else if (name == "SECCOMP_FILTER_FLAG_SPEC_ALLOW") {
        flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
      } else if (name == "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV") {
        // Of notifications; the kernel refuses it where there are none.
        if (notifies_) flags |= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
      } else {
        return Error(Code::kUnimplemented, cat("linux.seccomp: flag ", name, " is not supported"));
      }
    }
    return flags;
  }

  // Decides on system calls newer than libseccomp, whose numbers all architectures share; all
  // others go on to the program behind it.
  std::vector<sock_filter> prefix() const {
    bool answers_errno = (default_action_ & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;
    if (!answers_errno) return {};
    std::vector<sock_filter> tail;
    for (const NewRule& rule : new_rules_) {
      tail.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rule.number, 0, 1));
      tail.push_back(BPF_STMT(BPF_RET | BPF_K, rule.action));
    }
    tail.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
    auto skip = static_cast<uint8_t>(std::min<size_t>(tail.size(), 255));
    std::vector<sock_filter> code = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        // x32 has numbers of its own up there.
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kFirstForeignNumber, static_cast<uint8_t>(skip + 1), 0),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, first_unknown_syscall(), 0, skip)};
    code.insert(code.end(), tail.begin(), tail.end());
    return code;
  }

  Result<std::vector<sock_filter>> export_program() {
    UniqueFd file(::memfd_create("seccomp", MFD_CLOEXEC));
    if (!file) return Error::from_errno(errno, "linux.seccomp: make a memory file");
    if (int err = ::seccomp_export_bpf(context_.get(), file.get()); err != 0) {
      return failed(err, "compile the filter");
    }
    if (::lseek(file.get(), 0, SEEK_SET) != 0) return Error::from_errno(errno, "seek");
    FdSource source(file.get());
    std::string bytes = TRY(read_all(source, size_t{1} << 20U));
    std::vector<sock_filter> program(bytes.size() / sizeof(sock_filter));
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(program.data()));
    return program;
  }

  const json::Value& seccomp_;
  Context context_{nullptr, ::seccomp_release};
  uint32_t default_action_ = 0;
  bool notifies_ = false;
  std::vector<NewRule> new_rules_;
};

}  // namespace

Result<SeccompFilter> compile_seccomp(const json::Value& seccomp) {
  if (!seccomp.is_object() || seccomp.as_object().empty()) return SeccompFilter{};
  return Compiler(seccomp).compile();
}

// Of what compile_seccomp() makes of a profile: another with each change of that, so that what an
// older program has compiled and kept is not taken for it.
constexpr int kForm = 2;

std::string seccomp_identity(const json::Value& seccomp) {
  if (seccomp.has("listenerPath") || seccomp.has("listenerMetadata")) {
    json::Value profile = seccomp;
    profile.make_object().erase("listenerPath");
    profile.make_object().erase("listenerMetadata");
    return seccomp_identity(profile);
  }
  return cat(kForm, " ", libseccomp_version(), " ", ::seccomp_arch_native(), " ", seccomp.dump());
}

std::string libseccomp_version() {
  const scmp_version* library = ::seccomp_version();
  return cat(library->major, ".", library->minor, ".", library->micro);
}

Result<UniqueFd> load_seccomp(const SeccompFilter& filter) {
  if (filter.program.empty()) return UniqueFd();
  sock_fprog program{};
  program.len = static_cast<unsigned short>(filter.program.size());
  program.filter = const_cast<sock_filter*>(filter.program.data());
  long done = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, filter.flags, &program);
  if (done < 0) return Error::from_errno(errno, "load the seccomp filter");
  return filter.notifies() ? UniqueFd(static_cast<int>(done)) : UniqueFd();
}

}  // namespace skiff::runtime
