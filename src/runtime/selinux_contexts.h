// The SELinux labels of containers: those that the policy names for them, changed as --security-opt
// asks.
//
//   user:role:type:level      system_u:system_r:container_t:s0:c12,c700
//
// A container's processes and its files have different types and one level. A pair of categories in
// it that no other container has is what keeps containers apart.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace skiff::runtime {

struct SelinuxContext {
  std::string user;
  std::string role;
  std::string type;
  std::string level;  // "" where the policy has none

  static Result<SelinuxContext> parse(std::string_view text);
  std::string str() const;
};

struct SelinuxLabels {
  std::string process;  // "": none of its own
  std::string mount;

  bool operator==(const SelinuxLabels&) const = default;
};

struct SelinuxPlaces {
  Path settings = "/etc/selinux";
  Path filesystem = "/sys/fs/selinux";
  // Goes before the contexts of the policy that the settings name.
  Path contexts = "/usr/share/containers/selinux/contexts";
};

// What the policy has for containers; empty where its files name nothing, or what the policy that
// is loaded does not know: Debian's names types that it does not have.
SelinuxLabels policy_labels(const SelinuxPlaces& places);

// "disable", or "user", "role", "type", "filetype" or "level" with ':' and a value; refuses others
// in Docker's words.
Result<> check_label_options(const std::vector<std::string>& options);

// `own` of a container changed by `options`, of which each was checked. With "disable" its
// processes have none, and its files one that no other container may touch.
Result<SelinuxLabels> apply_label_options(const SelinuxLabels& own,
                                          const std::vector<std::string>& options);

// What gives another container the label `process`, as options: nothing for "".
Result<std::vector<std::string>> label_options_of(const std::string& process);

// The level of files that all containers may use.
inline constexpr std::string_view kSharedLevel = "s0";
// The level of an unconfined container's files; given to no other.
inline constexpr std::string_view kUnconfinedLevel = "s0:c1022,c1023";

}  // namespace skiff::runtime
