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

std::function<void(std::string_view)>& sink() {
  static std::function<void(std::string_view)> current = to_standard_error;
  return current;
}

}  // namespace

void set_warning_sink(std::function<void(std::string_view)> wanted) { sink() = std::move(wanted); }

void warn(std::string_view text) { sink()(text); }

}  // namespace skiff::runtime
