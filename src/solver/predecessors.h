// Predecessors: which earlier step one that is not cached is compared with.
//
//   Predecessors predecessors(identity, parts);
//   predecessors.differences_from(earlier, parts_of)   // {"src/a.c changed"}; none: it has none
//
// An earlier step is a predecessor that stands at the same place of the same build; that reads the
// same, in the same build, on the same files, or on the result of a step that reads the same; or
// that is the same instruction on the same files, where steps of the build have made these: on a
// base image alone stand the steps of many builds that have nothing to do with one another. Those
// on the same files count before others, and one of another platform where there is no other. Of
// predecessors that count alike the few nearest are read, those of the same place first and then
// those used last; of these it is the one that differs in least.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "solver/key_parts.h"

namespace skiff::solver {

// What a record tells of its step.
struct EarlierStep {
  std::string record;  // its id
  std::string parent;
  StepIdentity identity;
  int64_t used = 0;  // the larger the later
  // No key leads to it: an earlier version made it, and it may differ in nothing.
  bool is_outdated = false;
  const KeyParts* imported = nullptr;  // of a record of another cache, which outlives this
};

// "RUN " of "RUN make".
std::string_view instruction_of(std::string_view text);
// The part that says what the step stands on; one without a value where it stands on nothing.
KeyPart parent_of(const KeyParts& parts);

class Predecessors {
 public:
  // What a record's key is made of: long, so it is asked for of few.
  using PartsOf = std::function<Result<KeyParts>(const EarlierStep& earlier)>;

  // Of the step of these, which outlive it.
  Predecessors(const StepIdentity& identity, const KeyParts& parts);
  // From the nearest of them, one line each; none where none is a predecessor, or equal.
  std::vector<std::string> differences_from(std::vector<EarlierStep> earlier,
                                            const PartsOf& parts_of) const;

 private:
  enum class Kin { kNone, kOnSameGround, kYes };  // in the middle: if that reads the same
  struct Ranked;
  Kin kin_of(const EarlierStep& earlier) const;
  std::vector<Ranked> nearest_first(std::vector<EarlierStep> earlier) const;
  std::vector<std::string> compare(const Ranked& one, const KeyParts& before) const;
  const StepIdentity& identity_;
  const KeyPart parent_;
  const PartsIndex now_;
};

}  // namespace skiff::solver
