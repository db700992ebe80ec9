#include "sys/device_filter.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/strings.h"
#include "base/unique_fd.h"

namespace skiff::sys {

namespace {

static_assert(int{kDeviceMknod} == int{BPF_DEVCG_ACC_MKNOD} &&
              int{kDeviceRead} == int{BPF_DEVCG_ACC_READ} &&
              int{kDeviceWrite} == int{BPF_DEVCG_ACC_WRITE});

// Registers: the context comes in R1, the answer goes out in R0.
constexpr uint8_t kAnswer = BPF_REG_0;
constexpr uint8_t kContext = BPF_REG_1;
constexpr uint8_t kType = BPF_REG_2;
constexpr uint8_t kWanted = BPF_REG_3;  // the accesses that no rule has allowed yet
constexpr uint8_t kMajor = BPF_REG_4;
constexpr uint8_t kMinor = BPF_REG_5;

class Program {
 public:
  Program() {
    load(kType, offsetof(bpf_cgroup_dev_ctx, access_type));
    add(BPF_ALU | BPF_AND | BPF_K, kType, 0xffff);
    load(kWanted, offsetof(bpf_cgroup_dev_ctx, access_type));
    add(BPF_ALU | BPF_RSH | BPF_K, kWanted, 16);
    load(kMajor, offsetof(bpf_cgroup_dev_ctx, major));
    load(kMinor, offsetof(bpf_cgroup_dev_ctx, minor));
  }

  // Rules come last first: the first that speaks of an access decides it.
  void rule(const DeviceRule& rule) {
    std::vector<size_t> skips;
    auto unless_equal = [&](uint8_t reg, int64_t value) {
      skips.push_back(code_.size());
      add(BPF_JMP | BPF_JNE | BPF_K, reg, static_cast<int32_t>(value));
    };
    if (rule.type == 'b') unless_equal(kType, BPF_DEVCG_DEV_BLOCK);
    if (rule.type == 'c') unless_equal(kType, BPF_DEVCG_DEV_CHAR);
    if (rule.major >= 0) unless_equal(kMajor, rule.major);
    if (rule.minor >= 0) unless_equal(kMinor, rule.minor);
    if (rule.allow) {
      add(BPF_ALU | BPF_AND | BPF_K, kWanted, static_cast<int32_t>(~rule.access));
      unless_equal(kWanted, 0);
      answer(1);
    } else {
      add(BPF_ALU | BPF_MOV | BPF_X, kAnswer, 0, kWanted);
      add(BPF_ALU | BPF_AND | BPF_K, kAnswer, static_cast<int32_t>(rule.access));
      skips.push_back(code_.size());
      add(BPF_JMP | BPF_JEQ | BPF_K, kAnswer, 0);
      answer(0);
    }
    for (size_t at : skips) code_[at].off = static_cast<int16_t>(code_.size() - at - 1);
  }

  void answer(int value) {
    add(BPF_ALU | BPF_MOV | BPF_K, kAnswer, value);
    add(BPF_JMP | BPF_EXIT, 0, 0);
  }

  const std::vector<bpf_insn>& code() const { return code_; }

 private:
  void load(uint8_t reg, size_t offset) {
    add(BPF_LDX | BPF_MEM | BPF_W, reg, 0, kContext);
    code_.back().off = static_cast<int16_t>(offset);
  }
  void add(int code, uint8_t reg, int32_t value, uint8_t source = 0) {
    code_.push_back({.code = static_cast<uint8_t>(code),
                     .dst_reg = reg,
                     .src_reg = source,
                     .off = 0,
                     .imm = value});
  }

  std::vector<bpf_insn> code_;
};

uint64_t address(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

int bpf(bpf_cmd command, bpf_attr& attributes) {
  return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

Result<UniqueFd> load(const Program& program) {
  constexpr std::string_view kName = "skiff_devices";
  constexpr char kLicence[] = "Apache-2.0";  // no helper that wants another is called
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.insns = address(program.code().data());
  attributes.insn_cnt = static_cast<uint32_t>(program.code().size());
  attributes.license = address(kLicence);
  static_assert(kName.size() < BPF_OBJ_NAME_LEN);
  std::memcpy(attributes.prog_name, kName.data(), kName.size());
  UniqueFd fd(bpf(BPF_PROG_LOAD, attributes));
  if (!fd) return Error::from_errno(errno, "load the BPF program that filters devices");
  return fd;
}

// The filters that are attached to this very cgroup.
Result<std::vector<UniqueFd>> attached(int directory) {
  std::array<uint32_t, 64> ids{};  // as many as a cgroup can have
  bpf_attr query{};
  query.query.target_fd = static_cast<uint32_t>(directory);
  query.query.attach_type = BPF_CGROUP_DEVICE;
  query.query.prog_ids = address(ids.data());
  query.query.prog_cnt = ids.size();
  if (bpf(BPF_PROG_QUERY, query) != 0) {
    return Error::from_errno(errno, "list the cgroup's filters of devices");
  }
  std::vector<UniqueFd> found;
  for (uint32_t i = 0; i < query.query.prog_cnt; ++i) {
    bpf_attr by_id{};
    by_id.prog_id = ids[i];
    found.emplace_back(bpf(BPF_PROG_GET_FD_BY_ID, by_id));
    if (!found.back()) return Error::from_errno(errno, "open the cgroup's filter of devices");
  }
  return found;
}

Result<> change(bpf_cmd command, int directory, int program) {
  bpf_attr attributes{};
  attributes.target_fd = static_cast<uint32_t>(directory);
  attributes.attach_bpf_fd = static_cast<uint32_t>(program);
  attributes.attach_type = BPF_CGROUP_DEVICE;
  // A cgroup below may bring filters of its own; the kernel asks all of them.
  if (command == BPF_PROG_ATTACH) attributes.attach_flags = BPF_F_ALLOW_MULTI;
  if (bpf(command, attributes) == 0) return {};
  return Error::from_errno(errno, "attach the filter of devices to the cgroup");
}

}  // namespace

Result<> attach_device_filter(int directory, std::span<const DeviceRule> rules) {
  Program program;
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) program.rule(*rule);
  program.answer(0);
  UniqueFd filter = TRY(load(program));
  std::vector<UniqueFd> before = TRY(attached(directory));
  // The new one first: at no time may everything be used.
  TRY(change(BPF_PROG_ATTACH, directory, filter.get()));
  for (const UniqueFd& old : before) TRY(change(BPF_PROG_DETACH, directory, old.get()));
  return {};
}

}  // namespace skiff::sys
