#include "dockerfile/mode_change.h"

#include "base/strings.h"

namespace skiff::dockerfile {

namespace {

constexpr mode_t kAll = 07777;
constexpr mode_t kSpecial = S_ISUID | S_ISGID | S_ISVTX;

Error invalid_mode(std::string_view text) {
  return Error(Code::kInvalidArgument,
               cat("invalid chmod parameter: ", skiff::quoted(text),
                   ": it should be octal and between 0 and 07777, or symbolic like u=rwX,go=rX"));
}

// The class's own bits of a mode, as those of all three classes.
mode_t bits_of(mode_t mode, char who) {
  const unsigned shift = who == 'u' ? 6 : who == 'g' ? 3 : 0;
  return ((mode >> shift) & 07U) * 0111U;
}

}  // namespace

Result<ModeChange> ModeChange::parse(std::string_view text) {
  ModeChange out;
  if (auto mode = parse_uint(text, 8)) {
    if (*mode > kAll) return invalid_mode(text);
    out.mode_ = static_cast<mode_t>(*mode);
    return out;
  }
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return invalid_mode(text);
  for (const std::string& one : split(text, ',')) {
    if (!parse_clauses(one, out.clauses_)) return invalid_mode(text);
  }
  return out;
}

Result<> ModeChange::parse_clauses(std::string_view text, std::vector<Clause>& out) {
  mode_t who = 0;
  size_t at = 0;
  for (; at < text.size(); ++at) {
    if (text[at] == 'u') {
      who |= S_IRWXU | S_ISUID;
    } else if (text[at] == 'g') {
      who |= S_IRWXG | S_ISGID;
    } else if (text[at] == 'o') {
      who |= S_IRWXO | S_ISVTX;
    } else if (text[at] == 'a') {
      who |= kAll;
    } else {
      break;
    }
  }
  if (who == 0) who = kAll;
  if (at == text.size()) return invalid_mode(text);
  while (at < text.size()) {
    Clause clause{.who = who, .op = text[at++]};
    if (clause.op != '+' && clause.op != '-' && clause.op != '=') return invalid_mode(text);
    for (; at < text.size() && std::string_view("+-=").find(text[at]) == std::string_view::npos;
         ++at) {
      switch (text[at]) {
        case 'r':
          clause.bits |= 0444;
          break;
        case 'w':
          clause.bits |= 0222;
          break;
        case 'x':
          clause.bits |= 0111;
          break;
        case 'X':
          clause.conditional = true;
          break;
        case 's':
          clause.bits |= S_ISUID | S_ISGID;
          break;
        case 't':
          clause.bits |= S_ISVTX;
          break;
        case 'u':
        case 'g':
        case 'o':
          clause.copied = text[at];
          break;
        default:
          return invalid_mode(text);
      }
    }
    out.push_back(clause);
  }
  return {};
}

mode_t ModeChange::apply(mode_t mode, bool directory) const {
  mode &= kAll;
  if (absolute()) return mode_;
  for (const Clause& clause : clauses_) {
    mode_t bits = clause.bits;
    if (clause.conditional && (directory || (mode & 0111U) != 0)) bits |= 0111;
    if (clause.copied != 0) bits |= bits_of(mode, clause.copied);
    bits &= clause.who;
    if (clause.op == '+') mode |= bits;
    if (clause.op == '-') mode &= ~bits;
    if (clause.op == '=') {
      // A directory's special bits stay unless they are named, as with chmod(1).
      const mode_t kept = directory ? kSpecial & ~clause.bits : 0;
      mode = (mode & (~clause.who | kept)) | bits;
    }
  }
  return mode;
}

}  // namespace skiff::dockerfile
