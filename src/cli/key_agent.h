// KeyAgent: an SSH agent of one build's own that holds the keys of files: `--ssh
// default=KEY[,KEY]`. It is the program ssh-agent, which knows every kind of key, on a socket that
// only this user can reach; it ends with this, or soon after this process has ended however it has.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "sys/process.h"

namespace skiff::cli {

class KeyAgent {
 public:
  // A key that a passphrase protects is refused: nobody is asked for one.
  static Result<KeyAgent> start(const std::vector<Path>& keys);
  Path socket() const { return directory_.path() / "agent"; }

 private:
  KeyAgent(TempDir directory, UniqueFd life, sys::Process process)
      : directory_(std::move(directory)), life_(std::move(life)), process_(std::move(process)) {}
  static Result<KeyAgent> run();
  Result<> add(const Path& key) const;

  TempDir directory_;
  UniqueFd life_;  // the agent ends once this is closed
  sys::Process process_;
};

}  // namespace skiff::cli
