// COPY and ADD.
#include <algorithm>

#include "base/strings.h"
#include "dockerfile/instruction_flags.h"
#include "dockerfile/instruction_parser.h"

namespace skiff::dockerfile {

namespace {

// Heredocs name their words "<<EOF": those are sources of another kind.
bool is_heredoc_word(std::string_view word) {
  size_t at = word.find_first_not_of("0123456789");
  return at != std::string_view::npos && word.substr(at).starts_with("<<");
}

Result<CopyInstruction> parse_copy_flags(const RawInstruction& raw) {
  InstructionFlags flags = TRY(InstructionFlags::read(raw));
  CopyInstruction out;
  out.add = raw.keyword == "add";
  out.chown = TRY(flags.text("chown"));
  out.chmod = TRY(flags.text("chmod"));
  out.link = TRY(flags.boolean("link")).value_or(false);
  out.excludes = TRY(flags.all("exclude"));
  if (out.add) {
    out.checksum = TRY(flags.text("checksum"));
    out.keep_git_dir = TRY(flags.boolean("keep-git-dir"));
    out.unpack = TRY(flags.boolean("unpack"));
  } else {
    out.from = TRY(flags.text("from"));
    out.parents = TRY(flags.boolean("parents")).value_or(false);
  }
  TRY(flags.finish());
  if (out.from.find('$') != std::string::npos) {
    return invalid_instruction(
        "variable expansion is not supported for --from: it needs a plain name");
  }
  return out;
}

}  // namespace

Result<InstructionBody> parse_copy(const RawInstruction& raw, char) {
  CopyInstruction out = TRY(parse_copy_flags(raw));
  std::vector<std::string> words = TRY(words_or_json(raw.arguments));
  if (words.size() < 2) {
    return invalid_instruction(cat(keyword_of(raw), " requires at least two arguments, but ",
                                   words.size(), " provided. Destination could not be determined"));
  }
  out.destination = std::move(words.back());
  words.pop_back();
  out.heredocs = raw.heredocs;
  if (!out.heredocs.empty()) {
    if (is_heredoc_word(out.destination)) {
      return invalid_instruction(cat(keyword_of(raw), " cannot accept a heredoc as a destination"));
    }
    std::erase_if(words, is_heredoc_word);
  }
  out.sources = std::move(words);
  return out;
}

}  // namespace skiff::dockerfile
