// What an Invocation says, for the verbs of all groups (registry_commands.h).
#include <algorithm>
#include <cstdio>

#include "base/strings.h"
#include "main/data_root.h"
#include "main/registry_commands.h"
#include "registry/mark.h"
#include "registry/schema.h"

namespace skiff {

namespace {

Result<Path> root_of(const Invocation& invocation) { return data_root(invocation.root); }

Error no_registry(const Path& root) {
  return {Code::kNotFound, cat("there is no registry in ", root.native())};
}

}  // namespace

// Also where those of before are lost: the registry is closed all the same.
Result<access::Store> accounts_to_change(const Invocation& invocation) {
  const Path root = TRY(root_of(invocation));
  auto there = access::Store::open(root, Clock::system());
  if (there && *there) return std::move(**there);
  access::Store made = TRY(access::Store::open_or_create(root, Clock::system()));
  fputs(cat("From now on the registry of ", root.native(), " asks who comes.\n").c_str(), stderr);
  return made;
}

Result<access::Store> accounts_to_read(const Invocation& invocation) {
  const Path root = TRY(root_of(invocation));
  auto there = TRY(access::Store::open(root, Clock::system()));
  if (there) return std::move(*there);
  if (!TRY(registry::has_registry(root))) return no_registry(root);
  return Error(Code::kNotFound,
               cat("the registry of ", root.native(), " has no accounts: anybody may do anything"));
}

Result<> remove_numbered(const Invocation& invocation, Result<> (*remove)(Database&, int64_t)) {
  const std::string& number = invocation.operands.front();
  const auto id = parse_int(number);
  if (!id) return Error(Code::kInvalidArgument, cat("no number: ", quoted(number)));
  Database db = TRY(registry_database(invocation));
  return remove(db, *id);
}

std::vector<Patterns> patterns(const Invocation& invocation) {
  const std::vector<std::string> repositories = {Patterns().repositories};
  const std::vector<std::string> tags = {Patterns().tags};
  std::vector<Patterns> out;
  for (const auto& repository :
       invocation.repositories.empty() ? repositories : invocation.repositories) {
    for (const auto& tag : invocation.tags.empty() ? tags : invocation.tags) {
      out.push_back({repository, tag});
    }
  }
  return out;
}

Result<access::Role> role_of_new(const Invocation& invocation) {
  if (!invocation.role.empty()) return access::role_named(invocation.role);
  if (invocation.on.empty()) return access::Role::kNone;
  return Error(Code::kInvalidArgument, "--on needs --role: what may it do there?");
}

Result<Database> registry_database(const Invocation& invocation) {
  const Path root = TRY(root_of(invocation));
  if (TRY(registry::has_registry(root))) return registry::open_registry_database(root);
  return no_registry(root);
}

Result<TimePoint> expiry(const Invocation& invocation, TimePoint now) {
  const std::string& text = invocation.expires;
  if (text.empty()) return TimePoint{};
  const auto n = parse_uint(std::string_view(text).substr(0, text.size() - 1));
  // A time in nanoseconds ends in the year 2262.
  constexpr std::chrono::days kMost{36'500};
  constexpr uint64_t kMostCount = 100'000'000;
  if (n && *n > 0 && *n <= kMostCount) {
    const auto count = static_cast<int64_t>(*n);
    const std::chrono::minutes length = text.back() == 'd'   ? std::chrono::days(count)
                                        : text.back() == 'h' ? std::chrono::hours(count)
                                                             : std::chrono::minutes(count);
    const bool is_length = std::string_view("mhd").find(text.back()) != std::string_view::npos;
    if (is_length && length <= kMost) return now + length;
  }
  const auto time = parse_rfc3339(text);
  if (time && *time > now) return *time;
  return Error(Code::kInvalidArgument,
               cat("invalid value for --expires: ", skiff::quoted(text),
                   ": 30m, 12h, 90d or a time to come, as in 2027-01-31T00:00:00Z"));
}

std::string time_text(TimePoint time) {
  return time == TimePoint{} ? "never"
                             : format_rfc3339(std::chrono::floor<std::chrono::seconds>(time));
}

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
    }
    fputs((line + "\n").c_str(), stdout);
  }
}

}  // namespace skiff
