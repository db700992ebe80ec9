// Warnings: what the runtime could not do but goes on without (a limit that it may not raise).
#pragma once

#include <functional>
#include <string_view>

namespace skiff::runtime {

// Where warnings go; standard error until set. Not thread-safe.
void set_warning_sink(std::function<void(std::string_view)> sink);
void warn(std::string_view text);

}  // namespace skiff::runtime
