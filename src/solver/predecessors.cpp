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
  EarlierStep step;
  Kin kin;
  bool other_platform;
  bool other_parent;
  bool other_place;

  auto group() const { return std::tuple(other_platform, other_parent); }
  auto nearness() const {
    return std::tuple(other_platform, other_parent, other_place, kin != Kin::kYes, -step.used);
  }
};

Predecessors::Predecessors(const StepIdentity& identity, const KeyParts& parts)
    : identity_(identity), parent_(parent_of(parts)), now_(parts) {}

Predecessors::Kin Predecessors::kin_of(const EarlierStep& earlier) const {
  const auto only_if = [](bool condition) { return condition ? Kin::kYes : Kin::kNone; };
  const StepIdentity& other = earlier.identity;
  const bool same_text = other.text == identity_.text;
  if (other.platform != identity_.platform) {
    return only_if(same_text && other.place == identity_.place);
  }
  if (other.place == identity_.place) return Kin::kYes;
  const bool same_parent = earlier.parent == parent_.value;
  if (same_text) {
    const bool same_project = project_of(other.place) == project_of(identity_.place);
    return same_parent || same_project ? Kin::kYes : Kin::kOnSameGround;
  }
  return only_if(same_parent && identity_.on_own_files &&
                 instruction_of(other.text) == instruction_of(identity_.text));
}

std::vector<Predecessors::Ranked> Predecessors::nearest_first(
    std::vector<EarlierStep> earlier) const {
  std::vector<Ranked> out;
  for (EarlierStep& one : earlier) {
    const Kin kin = kin_of(one);
    if (kin == Kin::kNone) continue;
    Ranked ranked{.step = std::move(one), .kin = kin};
    ranked.other_platform = ranked.step.identity.platform != identity_.platform;
    ranked.other_parent = ranked.step.parent != parent_.value;
    ranked.other_place = ranked.step.identity.place != identity_.place;
    out.push_back(std::move(ranked));
  }
  std::ranges::stable_sort(out, {}, &Ranked::nearness);
  return out;
}

std::vector<std::string> Predecessors::compare(const Ranked& one, const KeyParts& before) const {
  std::vector<std::string> differences = now_.differences_from(before);
  if (differences.empty() && one.step.is_outdated) {
    differences.emplace_back("its record is of an earlier version");
  }
  if (!one.other_platform) return differences;
  std::string line = cat("platform: ", skiff::quoted(one.step.identity.platform), " is now ",
                         skiff::quoted(identity_.platform));
  std::erase(differences, line);
  differences.insert(differences.begin(), std::move(line));
  return differences;
}

std::vector<std::string> Predecessors::differences_from(std::vector<EarlierStep> earlier,
                                                        const PartsOf& parts_of) const {
  constexpr size_t kMostRead = 8;  // of each group
  const std::vector<Ranked> near = nearest_first(std::move(earlier));
  std::vector<std::string> best;
  const Ranked* nearest = nullptr;
  const Ranked* first_of_group = nullptr;
  size_t read = 0;
  for (const Ranked& one : near) {
    // Those of the next group count where this one has none; in less than one nothing differs.
    const bool settled = nearest != nullptr && (nearest->group() < one.group() || best.size() == 1);
    if (settled) break;
    if (first_of_group == nullptr || first_of_group->group() < one.group()) {
      first_of_group = &one;
      read = 0;
    }
    if (++read > kMostRead) continue;
    const auto before = parts_of(one.step);
    if (!before) continue;  // it has gone, or has names that are no text
    if (one.kin == Kin::kOnSameGround && parent_of(*before).name != parent_.name) continue;
    std::vector<std::string> differences = compare(one, *before);
    if (differences.empty() || (nearest != nullptr && differences.size() >= best.size())) continue;
    best = std::move(differences);
    nearest = &one;
  }
  return best;
}

}  // namespace skiff::solver
