// Progress of pull, push, load and build as the daemon streams it: on a terminal one line
// for each layer, redrawn in place with a bar; otherwise plain lines, one a change of status.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "codec/json.h"

namespace skiff::cli {

class ProgressPrinter {
 public:
  // `quiet` prints nothing but keeps the errors.
  // `plain` writes lines even to a terminal.
  explicit ProgressPrinter(int fd, bool quiet = false, bool plain = false);
  // Also shows all that a step differs in from when it was cached.
  void explain() { explains_ = true; }
  // One object of the stream; an object with "error" is returned as the Error it is.
  Result<> show(const json::Value& object);

  const std::string& last_aux_id() const { return aux_id_; }
  const std::string& last_aux_digest() const { return aux_digest_; }
  // Of the command that the error is about; 0 for none.
  int exit_code() const { return exit_code_; }

 private:
  void show_layer(const std::string& id, const std::string& text);
  std::string bar(const json::Value& detail) const;

  int fd_;
  bool terminal_;
  bool quiet_;
  bool explains_ = false;
  std::vector<std::string> order_;             // layers, in order of appearance
  std::map<std::string, std::string> status_;  // the last plain status of each
  std::string aux_id_;
  std::string aux_digest_;
  int exit_code_ = 0;
};

}  // namespace skiff::cli
