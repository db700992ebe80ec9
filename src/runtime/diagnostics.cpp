#include "runtime/diagnostics.h"

#include <unistd.h>

#include <string>

#include "base/strings.h"

namespace skiff::runtime {

namespace {

void to_standard_error(std::string_view text) {
  std::string line = cat("skiff-runtime: warning: ", text, "\n");
  [[maybe_unused]] ssize_t n = ::write(STDERR_FILENO, line.data(), line.size());
}

struct Sinks {
  TextSink warnings = to_standard_error;
  TextSink steps;
};

Sinks& sinks() {
  static Sinks current;
  return current;
}

}  // namespace

void set_warning_sink(TextSink sink) { sinks().warnings = std::move(sink); }

void warn(std::string_view text) { sinks().warnings(text); }

void set_debug_sink(TextSink sink) { sinks().steps = std::move(sink); }

bool debugging() { return static_cast<bool>(sinks().steps); }

void debug(std::string_view text) {
  if (debugging()) sinks().steps(text);
}

}  // namespace skiff::runtime
