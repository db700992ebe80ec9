#include "rootless/subordinate_ids.h"

#include <pwd.h>
#include <unistd.h>

#include "base/file.h"
#include "base/strings.h"

namespace skiff::rootless {

namespace {

Result<std::vector<IdRange>> read_ranges(const char* file, const std::string& user) {
  Result<std::string> text = read_file(file);
  if (!text && text.error().code() == Code::kNotFound) return std::vector<IdRange>();
  if (!text) return text.error();
  return ranges_of(*text, user, ::getuid());
}

}  // namespace

std::vector<IdRange> ranges_of(std::string_view text, std::string_view user, uint32_t uid) {
  std::vector<IdRange> ranges;
  for (const std::string& line : split(text, '\n')) {
    const std::vector<std::string> fields = split(trim(line), ':');
    if (fields.size() != 3 || (fields[0] != user && fields[0] != cat(uid))) continue;
    const auto first = parse_uint(fields[1]);
    const auto count = parse_uint(fields[2]);
    if (!first || !count || *count == 0 || *first + *count > UINT32_MAX) continue;
    ranges.push_back({static_cast<uint32_t>(*first), static_cast<uint32_t>(*count)});
  }
  return ranges;
}

Result<SubordinateIds> own_subordinate_ids() {
  SubordinateIds ids;
  const passwd* entry = ::getpwuid(::getuid());
  ids.user = entry != nullptr ? entry->pw_name : cat(::getuid());
  ids.uids = TRY(read_ranges("/etc/subuid", ids.user));
  ids.gids = TRY(read_ranges("/etc/subgid", ids.user));
  return ids;
}

std::string grant_command(std::string_view user) {
  return cat("sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ", user);
}

std::vector<std::string> map_arguments(uint32_t own, const std::vector<IdRange>& ranges) {
  std::vector<std::string> words{"0", cat(own), "1"};
  uint64_t inside = 1;
  for (const IdRange& range : ranges) {
    words.insert(words.end(), {cat(inside), cat(range.first), cat(range.count)});
    inside += range.count;
  }
  return words;
}

}  // namespace skiff::rootless
