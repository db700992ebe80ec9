// What the runtime tells beside its errors. Not thread-safe.
#pragma once

#include <functional>
#include <string_view>

namespace skiff::runtime {

using TextSink = std::function<void(std::string_view)>;

// What could not be done but stops nothing (a limit that may not be raised): to standard error
// until a sink is set.
void set_warning_sink(TextSink sink);
void warn(std::string_view text);

// Writes without being held up: a reader who takes nothing for a second gets no more of it.
void tell(int fd, std::string_view text);

// The steps of a set-up, for who looks for a fault (`--debug`): nowhere until a sink is set. A
// container's process hands them to its creator, Channel::carry_debug().
void set_debug_sink(TextSink sink);
bool debugging();
void debug(std::string_view text);

}  // namespace skiff::runtime
