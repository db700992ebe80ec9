// Which of a process's two outputs; the numbers are those of Docker's stream frames.
#pragma once

namespace skiff::runtime {

enum class OutputStream { kStdout = 1, kStderr = 2 };

}  // namespace skiff::runtime
