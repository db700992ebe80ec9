#include "rootless/own_ids.h"

#include <pwd.h>
#include <unistd.h>

#include "base/file.h"
#include "base/strings.h"

namespace skiff::rootless {

namespace {

Result<std::vector<sys::IdRange>> read_ranges(const char* file, const sys::HostUser& user) {
  const Result<std::string> text = read_file(file);
  if (!text && text.error().code() == Code::kNotFound) return std::vector<sys::IdRange>();
  if (!text) return text.error();
  return TRY_CONTEXT(sys::parse_subordinate_ids(*text, user), file);
}

}  // namespace

Result<SubordinateIds> own_subordinate_ids() {
  SubordinateIds ids;
  const passwd* entry = ::getpwuid(::getuid());
  ids.user = entry != nullptr ? entry->pw_name : cat(::getuid());
  const sys::HostUser user{.name = ids.user, .uid = ::getuid(), .gid = ::getgid()};
  ids.uids = TRY(read_ranges("/etc/subuid", user));
  ids.gids = TRY(read_ranges("/etc/subgid", user));
  return ids;
}

std::string grant_command(std::string_view user) {
  return cat("sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ", user);
}

std::vector<std::string> map_arguments(uint32_t own, const std::vector<sys::IdRange>& ranges) {
  std::vector<std::string> words{"0", cat(own), "1"};
  uint64_t inside = 1;
  for (const sys::IdRange& range : ranges) {
    words.insert(words.end(), {cat(inside), cat(range.first), cat(range.count)});
    inside += range.count;
  }
  return words;
}

}  // namespace skiff::rootless
