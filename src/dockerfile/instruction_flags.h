// What the parsers of single instructions share: flags, JSON forms, words.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dockerfile/instructions.h"

namespace skiff::dockerfile {

// The flags of one instruction, taken one by one; what is left in the end is unknown.
class InstructionFlags {
 public:
  static Result<InstructionFlags> read(const RawInstruction& raw);

  // "" where it is not given; a value must not be empty.
  Result<std::string> text(const std::string& name);
  // The values of one that may be given several times.
  Result<std::vector<std::string>> all(const std::string& name);
  Result<std::optional<bool>> boolean(const std::string& name);
  // A flag of Docker's that is understood but cannot be obeyed.
  Result<> refuse(const std::string& name);
  Result<> finish() const;

 private:
  using Values = std::vector<std::pair<std::string, std::optional<std::string>>>;
  std::optional<std::optional<std::string>> take(const std::string& name);

  Values values_;
  std::vector<std::string> known_;
};

// Refuses all flags.
Result<> no_flags(const RawInstruction& raw);

Error invalid_instruction(std::string message);

// "COPY".
std::string keyword_of(const RawInstruction& raw);

// The text of an instruction that takes one, whatever stands in it.
Result<std::string> whole_text(const RawInstruction& raw);

// The strings of a JSON array; nullopt where the text is none, so that it is words or a
// shell's line. Valid JSON with anything but strings is an error.
Result<std::optional<std::vector<std::string>>> json_words(std::string_view text);
Result<std::vector<std::string>> words_or_json(std::string_view text);
// Without words where the text is empty.
Result<Command> parse_command(std::string_view text);

// " (did you mean X?)", or "" where no candidate is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace skiff::dockerfile
