// ModeChange: what --chmod says: "755", or chmod(1)'s "u=rwX,go=rX".
#pragma once

#include <sys/stat.h>

#include <string_view>
#include <vector>

#include "base/result.h"

namespace skiff::dockerfile {

class ModeChange {
 public:
  static Result<ModeChange> parse(std::string_view text);

  // The same for all files: their own modes do not matter.
  bool absolute() const { return clauses_.empty(); }
  mode_t apply(mode_t mode, bool directory) const;

 private:
  // "g+rX" is one, "u=rw-x" are two.
  struct Clause {
    mode_t who = 0;  // the bits that may change: 0700, 0070, 0007 with the special ones
    char op = '=';
    mode_t bits = 0;           // as rwx of all three, and special bits
    bool conditional = false;  // X: x for directories and what has one x
    char copied = 0;           // 'u', 'g' or 'o', whose bits are meant
  };
  static Result<> parse_clauses(std::string_view text, std::vector<Clause>& out);

  mode_t mode_ = 0;
  std::vector<Clause> clauses_;
};

}  // namespace skiff::dockerfile
