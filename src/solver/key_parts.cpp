// Keys of steps, and why two of them differ.
#include <algorithm>
#include <functional>
#include <map>

#include "base/strings.h"
#include "codec/hash.h"
#include "solver/solver.h"

namespace skiff::solver {

namespace {

// Changing how keys are made or what steps do with them starts the cache anew.
constexpr std::string_view kKeyVersion = "skiff-step-2";

using Index = std::map<std::pair<PartKind, std::string>, const KeyPart*>;

// Inputs are told apart by their order, everything else by its name.
std::string place_of(const KeyPart& part, size_t& inputs) {
  return part.kind == PartKind::kInput ? cat(inputs++) : part.name;
}

Index index_of(const KeyParts& parts) {
  Index index;
  size_t inputs = 0;
  for (const KeyPart& part : parts) index[{part.kind, place_of(part, inputs)}] = &part;
  return index;
}

std::string explain_file(const KeyPart& before, const KeyPart& now) {
  auto old_words = split_once(before.value, ' ');
  auto new_words = split_once(now.value, ' ');
  bool only_mode = old_words && new_words && old_words->second == new_words->second;
  if (!only_mode) return cat(now.name, " changed");
  return cat("mode or owner of ", now.name, ": ", old_words->first, " is now ", new_words->first);
}

std::string explain_change(const KeyPart& before, const KeyPart& now) {
  switch (now.kind) {
    case PartKind::kValue:
      return cat(now.name, ": ", skiff::quoted(before.value), " is now ", skiff::quoted(now.value));
    case PartKind::kText:
      return cat(skiff::quoted(before.value), " is now ", skiff::quoted(now.value));
    case PartKind::kFile:
      return explain_file(before, now);
    case PartKind::kInput:
      if (before.name != now.name) return cat(before.name, " is now ", now.name);
      return cat(now.name, " changed");
    case PartKind::kOpaque:
      break;
  }
  return cat(now.name, " changed");
}

// Calls `visit(before, now)` for each difference, in the order of `now`, what is gone last;
// until it returns false.
void each_difference(const KeyParts& before, const KeyParts& now,
                     const std::function<bool(const KeyPart*, const KeyPart*)>& visit) {
  Index old_index = index_of(before);
  Index new_index = index_of(now);
  size_t inputs = 0;
  for (const KeyPart& part : now) {
    auto found = old_index.find({part.kind, place_of(part, inputs)});
    const KeyPart* old = found == old_index.end() ? nullptr : found->second;
    if ((old == nullptr || old->value != part.value) && !visit(old, &part)) return;
  }
  inputs = 0;
  for (const KeyPart& part : before) {
    if (!new_index.contains({part.kind, place_of(part, inputs)}) && !visit(&part, nullptr)) return;
  }
}

}  // namespace

std::string key_of(const KeyParts& parts) {
  Hasher hasher;
  hasher.update(kKeyVersion);
  auto add = [&hasher](std::string_view text) { hasher.update(cat("\n", text.size(), " ", text)); };
  for (const KeyPart& part : parts) {
    add(part.kind == PartKind::kInput ? std::string_view("input") : part.name);
    add(part.value);
  }
  return hasher.hex();
}

std::string explain_difference(const KeyParts& before, const KeyParts& now) {
  std::string reason;
  each_difference(before, now, [&](const KeyPart* old, const KeyPart* part) {
    if (old == nullptr) {
      reason = cat(part->name, " is new");
    } else if (part == nullptr) {
      reason = cat(old->name, " is gone");
    } else {
      reason = explain_change(*old, *part);
    }
    return false;
  });
  return reason;
}

size_t count_differences(const KeyParts& before, const KeyParts& now) {
  size_t count = 0;
  each_difference(before, now, [&](const KeyPart*, const KeyPart*) {
    ++count;
    return true;
  });
  return count;
}

}  // namespace skiff::solver
