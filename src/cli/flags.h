// Command-line flags as Docker's users type them: --name value, --name=value, -abc, -p80:80,
// repeated flags, and commands whose own flags end at the first argument (run, exec, create).
//
// A parser of our own, not CLI11: the commands are tables, the texts are Docker's, and the
// program has to start in about a millisecond.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace skiff::cli {

enum class FlagKind { kBool, kString, kList };

struct FlagSpec {
  std::string_view name;
  char letter = 0;  // 0: none
  FlagKind kind = FlagKind::kBool;
  std::string_view help;  // "": accepted, and not shown
  std::string_view value_name = "string";
};

class Flags {
 public:
  bool has(std::string_view name) const { return values_.contains(name); }
  bool on(std::string_view name, bool if_absent = false) const;                   // a bool flag
  std::string get(std::string_view name, std::string_view if_absent = "") const;  // the last one
  const std::vector<std::string>& all(std::string_view name) const;
  // A whole number; refuses others: `invalid argument "x" for "-n, --number" flag: ...`.
  Result<int64_t> number(std::string_view name, int64_t if_absent = 0) const;

  std::vector<std::string> args;

 private:
  friend Result<Flags> parse_flags(std::span<const std::string>, std::span<const FlagSpec>, bool);
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::map<std::string, char, std::less<>> letters_;  // of the flags that were given
};

// With `stop_at_args` the first word that is no flag ends the flags; "--" always does.
Result<Flags> parse_flags(std::span<const std::string> words, std::span<const FlagSpec> specs,
                          bool stop_at_args);

// The table of options as --help shows it.
std::string flag_help(std::span<const FlagSpec> specs);

// "1.5" CPUs -> 1500000000.
Result<int64_t> parse_nano_cpus(std::string_view text);

}  // namespace skiff::cli
