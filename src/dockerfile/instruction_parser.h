// One raw instruction into its meaning. Errors are without place: the caller adds it.
#pragma once

#include "dockerfile/instructions.h"

namespace skiff::dockerfile {

Result<InstructionBody> parse_instruction(const RawInstruction& raw, char escape);

// Those that need a file of their own.
Result<InstructionBody> parse_copy(const RawInstruction& raw, char escape);  // ADD, too
Result<InstructionBody> parse_run(const RawInstruction& raw, char escape);

// A time as Go writes it: "1m30s", "500ms", "1.5h", "0".
Result<int64_t> parse_duration_ns(std::string_view text);

}  // namespace skiff::dockerfile
