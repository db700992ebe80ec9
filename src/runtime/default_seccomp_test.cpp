// The filter that a container gets is Docker's profile, call by call: the compiled program is run
// over each system call that the profile names, and over each number that it does not name, and
// compared with a reading of the profile of the test's own, for every capability that a rule asks
// for.
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <map>
#include <optional>
#include <set>

#include "codec/hash.h"
#include "runtime/bpf_reading.h"
#include "runtime/default_capabilities.h"
#include "runtime/new_syscalls.h"
#include "runtime/seccomp_filter.h"
#include "runtime/seccomp_profile.h"

namespace skiff::runtime {
namespace {

constexpr std::string_view kPublished =
#include "runtime/default_seccomp.inc"
    ;
// Of the file that the module publishes.
constexpr std::string_view kPublishedDigest =
    "536529b665dd0972c37bfb569f5d4ac8a53592e7b00752bc39ff063ca9864c74";

#if defined(__x86_64__)

constexpr uint32_t kRefused = SECCOMP_RET_ERRNO | EPERM;

using test::answer_of;
using Arguments = std::array<uint64_t, 6>;

std::optional<uint32_t> number_of(const std::string& name) {
  int number = ::seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name.c_str());
  if (number >= 0) return static_cast<uint32_t>(number);
  return new_syscall_number(name);
}

// A reading of the profile.
class Profile {
 public:
  explicit Profile(sys::CapabilityMask capabilities) : capabilities_(capabilities) {
    for (const json::Value& rule : whole_.array("syscalls")) {
      if (!applies(rule)) continue;
      for (const std::string& name : rule.strings("names")) rules_[name].push_back(&rule);
    }
  }

  const json::Value& whole() const { return whole_; }

  uint32_t answer(const std::string& name, const Arguments& arguments) const {
    auto found = rules_.find(name);
    if (found == rules_.end()) return kRefused;
    for (const json::Value* rule : found->second) {
      if (!matches(*rule, arguments)) continue;
      if (rule->string("action") == "SCMP_ACT_ALLOW") return SECCOMP_RET_ALLOW;
      return SECCOMP_RET_ERRNO | static_cast<uint32_t>(rule->integer("errnoRet"));
    }
    return kRefused;
  }

 private:
  bool has(const std::string& capability) const {
    return (capabilities_ >> static_cast<unsigned>(sys::capability_number(capability)) & 1U) != 0;
  }
  static bool names_amd64(const json::Value& condition) {
    std::vector<std::string> arches = condition.strings("arches");
    return std::find(arches.begin(), arches.end(), "amd64") != arches.end();
  }
  // Every kernel that we run on is newer than the 4.8 that a rule asks for.
  bool applies(const json::Value& rule) const {
    if (const json::Value* includes = rule.find("includes")) {
      if (!includes->array("arches").empty() && !names_amd64(*includes)) return false;
      for (const std::string& name : includes->strings("caps")) {
        if (!has(name)) return false;
      }
    }
    if (const json::Value* excludes = rule.find("excludes")) {
      if (names_amd64(*excludes)) return false;
      for (const std::string& name : excludes->strings("caps")) {
        if (has(name)) return false;
      }
    }
    return true;
  }
  static bool holds(std::string_view op, uint64_t got, uint64_t value, uint64_t second) {
    if (op == "SCMP_CMP_EQ") return got == value;
    if (op == "SCMP_CMP_NE") return got != value;
    if (op == "SCMP_CMP_LT") return got < value;
    if (op == "SCMP_CMP_LE") return got <= value;
    if (op == "SCMP_CMP_GE") return got >= value;
    if (op == "SCMP_CMP_GT") return got > value;
    EXPECT_EQ(op, "SCMP_CMP_MASKED_EQ");
    return (got & value) == second;
  }
  static bool matches(const json::Value& rule, const Arguments& arguments) {
    for (const json::Value& wanted : rule.array("args")) {
      uint64_t got = arguments.at(static_cast<size_t>(wanted.integer("index")));
      auto value = static_cast<uint64_t>(wanted.integer("value"));
      auto second = static_cast<uint64_t>(wanted.integer("valueTwo"));
      std::string op = wanted.string("op");
      if (!holds(op, got, value, second)) return false;
    }
    return true;
  }

  json::Value whole_ = *json::parse(kPublished);
  sys::CapabilityMask capabilities_;
  std::map<std::string, std::vector<const json::Value*>> rules_;
};

// Each value that a rule compares with, its neighbours, and each of its bits.
std::vector<Arguments> samples(const json::Value& profile) {
  std::set<uint64_t> values{0, 1, ~uint64_t{0}};
  for (const json::Value& rule : profile.array("syscalls")) {
    for (const json::Value& argument : rule.array("args")) {
      auto value = static_cast<uint64_t>(argument.integer("value"));
      values.insert({value, value - 1, value + 1, ~value, value | uint64_t{1} << 32U});
      for (unsigned bit = 0; bit < 64; ++bit) values.insert(value & uint64_t{1} << bit);
    }
  }
  std::vector<Arguments> made;
  for (uint64_t value : values) made.push_back({value, value, value, value, value, value});
  return made;
}

std::set<sys::CapabilityMask> capability_sets(const json::Value& profile) {
  std::set<sys::CapabilityMask> sets{0, default_capabilities(), ~sys::CapabilityMask{0}};
  for (const json::Value& rule : profile.array("syscalls")) {
    for (const char* kind : {"includes", "excludes"}) {
      const json::Value* condition = rule.find(kind);
      if (condition == nullptr) continue;
      for (const std::string& name : condition->strings("caps")) {
        auto bit = sys::CapabilityMask{1} << static_cast<unsigned>(sys::capability_number(name));
        sets.insert({bit, default_capabilities() | bit});
      }
    }
  }
  return sets;
}

std::vector<sock_filter> filter_for(sys::CapabilityMask capabilities) {
  return compile_seccomp(*make_oci_seccomp("", capabilities))->program;
}

seccomp_data call(uint32_t number, const Arguments& arguments) {
  seccomp_data data{};
  data.nr = static_cast<int>(number);
  data.arch = AUDIT_ARCH_X86_64;
  for (size_t i = 0; i < arguments.size(); ++i) data.args[i] = arguments.at(i);
  return data;
}

TEST(DefaultSeccomp, AnswersEachCallAsTheProfileSays) {
  const json::Value published = *json::parse(kPublished);
  const std::vector<Arguments> many = samples(published);
  const std::vector<Arguments> few{many.front(), many.back()};
  std::set<std::string> names, by_argument;
  for (const json::Value& rule : published.array("syscalls")) {
    for (const std::string& name : rule.strings("names")) {
      names.insert(name);
      if (!rule.array("args").empty()) by_argument.insert(name);
    }
  }
  size_t compared = 0;
  for (sys::CapabilityMask capabilities : capability_sets(published)) {
    const Profile profile(capabilities);
    const std::vector<sock_filter> program = filter_for(capabilities);
    for (const std::string& name : names) {
      std::optional<uint32_t> number = number_of(name);
      if (!number) continue;  // a call of another architecture
      for (const Arguments& arguments : by_argument.contains(name) ? many : few) {
        ++compared;
        uint32_t wanted = profile.answer(name, arguments);
        // Refused in another word: of a call that libseccomp does not know, it is not told apart
        // whether the profile names it under other circumstances.
        bool unknown = *number >= first_unknown_syscall();
        if (unknown && wanted == kRefused) wanted = SECCOMP_RET_ERRNO | ENOSYS;
        ASSERT_EQ(answer_of(program, call(*number, arguments)), wanted)
            << name << "(" << arguments[0] << ") with capabilities " << capabilities;
      }
    }
  }
  EXPECT_GT(compared, 10000U);
}

TEST(DefaultSeccomp, RefusesWhatTheProfileDoesNotName) {
  const Profile profile(0);
  std::set<uint32_t> named;
  for (const json::Value& rule : profile.whole().array("syscalls")) {
    for (const std::string& name : rule.strings("names")) {
      if (std::optional<uint32_t> number = number_of(name)) named.insert(*number);
    }
  }
  for (sys::CapabilityMask capabilities : capability_sets(profile.whole())) {
    const std::vector<sock_filter> program = filter_for(capabilities);
    for (uint32_t number = 0; number < 1000; ++number) {
      if (named.contains(number)) continue;
      uint32_t answer = answer_of(program, call(number, {}));
      bool refused = answer == kRefused ||
                     (answer == (SECCOMP_RET_ERRNO | ENOSYS) && number > *named.rbegin());
      EXPECT_TRUE(refused) << "system call " << number << " is answered with " << answer;
    }
  }
}

#endif

TEST(DefaultSeccomp, IsThePublishedProfileUnchanged) {
  EXPECT_EQ(sha256_hex(kPublished), kPublishedDigest);
}

}  // namespace
}  // namespace skiff::runtime
