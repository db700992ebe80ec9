#include "solver/predecessors.h"

#include <algorithm>
#include <tuple>

#include "base/strings.h"

namespace skiff::solver {

namespace {

// "PROJECT" of "PROJECT|STAGE|NUMBER".
std::string_view project_of(std::string_view place) {
  for (int i = 0; i < 2; ++i) place = place.substr(0, std::min(place.rfind('|'), place.size()));
  return place;
}

}  // namespace

std::string_view instruction_of(std::string_view text) {
  return text.substr(0, std::min(text.find(' '), text.size() - 1) + 1);
}

KeyPart parent_of(const KeyParts& parts) {
  const bool has = !parts.empty() && parts.front().kind == PartKind::kInput;
  return has ? parts.front() : KeyPart{.kind = PartKind::kInput, .name = "", .value = ""};
}

struct Predecessors::Ranked {
  std::vector<std::string> differences;
  bool other_platform;
  bool other_parent;
  bool other_place;
  int64_t used;

  auto rank() const {
    return std::tuple(other_platform, other_parent, differences.size(), other_place, -used);
  }
};

Predecessors::Predecessors(const StepIdentity& identity, const KeyParts& parts)
    : identity_(identity), parent_(parent_of(parts)), now_(parts) {}

bool Predecessors::is_one(const EarlierStep& earlier, const KeyParts& before) const {
  const StepIdentity& other = earlier.identity;
  const bool same_text = other.text == identity_.text;
  if (other.platform != identity_.platform) return same_text && other.place == identity_.place;
  if (other.place == identity_.place) return true;
  const bool same_parent = earlier.parent == parent_.value;
  if (same_text) {
    return same_parent || project_of(other.place) == project_of(identity_.place) ||
           parent_of(before).name == parent_.name;
  }
  return same_parent && identity_.on_own_files &&
         instruction_of(other.text) == instruction_of(identity_.text);
}

std::vector<std::string> Predecessors::differences_from(std::vector<EarlierStep> earlier) const {
  // Those on the same files first: where there is one, the others, which may be long, are not read.
  const auto other_parent = [&](const EarlierStep& one) {
    return std::pair(one.identity.platform != identity_.platform, one.parent != parent_.value);
  };
  std::ranges::stable_sort(earlier, {}, other_parent);
  std::optional<Ranked> best;
  for (const EarlierStep& one : earlier) {
    const auto [platform, parent] = other_parent(one);
    if (best && std::pair(best->other_platform, best->other_parent) < std::pair(platform, parent)) {
      break;
    }
    const auto before = decode_parts(one.parts);
    if (!before || !is_one(one, *before)) continue;  // of names that are no text, or of others
    Ranked ranked{.differences = now_.differences_from(*before),
                  .other_platform = platform,
                  .other_parent = parent,
                  .other_place = one.identity.place != identity_.place,
                  .used = one.used};
    if (platform) {
      std::string line = cat("platform: ", skiff::quoted(one.identity.platform), " is now ",
                             skiff::quoted(identity_.platform));
      std::erase(ranked.differences, line);
      ranked.differences.insert(ranked.differences.begin(), std::move(line));
    }
    if (ranked.differences.empty()) continue;
    if (!best || ranked.rank() < best->rank()) best = std::move(ranked);
  }
  return best ? std::move(best->differences) : std::vector<std::string>();
}

}  // namespace skiff::solver
