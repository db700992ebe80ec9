// Keys of steps, and why two of them differ.
#include "solver/key_parts.h"

#include <algorithm>
#include <iterator>

#include "base/strings.h"
#include "codec/hash.h"
#include "codec/json.h"

namespace skiff::solver {

namespace {

// Changing how keys are made or what steps do with them starts the cache anew.
constexpr std::string_view kKeyVersion = "skiff-step-4";

// Inputs are told apart by their order, everything else by its name.
std::string place_of(const KeyPart& part, size_t& inputs) {
  return cat(static_cast<int>(part.kind),
             part.kind == PartKind::kInput ? cat(inputs++) : part.name);
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

}  // namespace

std::string key_of(const KeyParts& parts) {
  constexpr size_t kPiece = size_t{32} << 10U;  // many parts are hashed at once
  Hasher hasher;
  std::string pending(kKeyVersion);
  const auto add = [&](std::string_view text) {
    pending += cat("\n", text.size(), " ");
    pending += text;
    if (pending.size() < kPiece) return;
    hasher.update(pending);
    pending.clear();
  };
  for (const KeyPart& part : parts) {
    add(part.kind == PartKind::kInput ? std::string_view("input") : part.name);
    add(part.value);
  }
  hasher.update(pending);
  return hasher.hex();
}

std::string encode_parts(const KeyParts& parts) {
  json::Array rows;
  for (const KeyPart& part : parts) {
    rows.push_back(json::array({static_cast<int>(part.kind), part.name, part.value}));
  }
  return json::Value(std::move(rows)).dump();
}

Result<KeyParts> decode_parts(const std::string& text) {
  json::Value rows = TRY_CONTEXT(json::parse(text), "cache record");
  KeyParts parts;
  for (const json::Value& row : rows.as_array()) {
    const json::Array& fields = row.as_array();
    if (fields.size() != 3) return Error(Code::kDataLoss, "cache record: malformed parts");
    parts.push_back(
        {static_cast<PartKind>(fields[0].as_int()), fields[1].as_string(), fields[2].as_string()});
  }
  return parts;
}

PartsIndex::PartsIndex(const KeyParts& parts) : parts_(parts) {
  size_t inputs = 0;
  places_.reserve(parts.size());
  for (size_t i = 0; i < parts.size(); ++i) places_.try_emplace(place_of(parts[i], inputs), i);
}

std::vector<std::string> PartsIndex::differences_from(const KeyParts& before) const {
  std::vector<const KeyPart*> old(parts_.size(), nullptr);
  std::vector<std::string> gone;
  size_t inputs = 0;
  for (const KeyPart& part : before) {
    auto found = places_.find(place_of(part, inputs));
    if (found == places_.end()) {
      gone.push_back(cat(part.name, " is gone"));
    } else {
      old[found->second] = &part;
    }
  }
  std::vector<size_t> changed;
  for (const auto& [place, i] : places_) {
    if (old[i] == nullptr || old[i]->value != parts_[i].value) changed.push_back(i);
  }
  std::ranges::sort(changed);
  std::vector<std::string> out;
  std::vector<std::string> inputs_made_anew;
  for (size_t i : changed) {
    const bool anew =
        old[i] != nullptr && parts_[i].kind == PartKind::kInput && old[i]->name == parts_[i].name;
    (anew ? inputs_made_anew : out)
        .push_back(old[i] == nullptr ? cat(parts_[i].name, " is new")
                                     : explain_change(*old[i], parts_[i]));
  }
  for (auto* rest : {&gone, &inputs_made_anew}) std::ranges::move(*rest, std::back_inserter(out));
  return out;
}

}  // namespace skiff::solver
