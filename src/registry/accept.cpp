#include "registry/accept.h"

#include <algorithm>

#include "base/strings.h"

namespace skiff::registry {

namespace {

constexpr int kAll = 3;

// How much of the type the range names: 0 for none of it.
int fit(std::string_view range, std::string_view media_type) {
  if (range == "*/*") return 1;
  if (equals_ignore_case(range, media_type)) return kAll;
  const std::string_view family = media_type.substr(0, media_type.find('/') + 1);
  const bool is_family =
      range.ends_with("/*") && equals_ignore_case(range.substr(0, range.size() - 1), family);
  return is_family ? 2 : 0;
}

// "q=0", "q=0.000"
bool is_excluded(std::string_view parameters) {
  const auto parts = split(parameters, ';');
  return std::ranges::any_of(parts, [](std::string_view each) {
    each = trim(each);
    if (!each.starts_with("q=") && !each.starts_with("Q=")) return false;
    const std::string_view q = each.substr(2);
    return q.starts_with('0') && q.find_first_not_of("0.") == std::string_view::npos;
  });
}

}  // namespace

bool accepted(const std::vector<std::string>& fields, std::string_view media_type) {
  bool any = true;
  int best = 0;
  bool allowed = false;
  for (const std::string& field : fields) {
    for (const std::string& item : split(field, ',')) {
      const auto [range, parameters] =
          split_once(item, ';').value_or(std::pair(std::string_view(item), ""));
      if (trim(range).empty()) continue;
      any = false;
      const int fits = fit(trim(range), media_type);
      if (fits == 0 || fits < best) continue;
      allowed = (fits == best && allowed) || !is_excluded(parameters);
      best = fits;
      if (allowed && fits == kAll) return true;
    }
  }
  return any || allowed;
}

}  // namespace skiff::registry
