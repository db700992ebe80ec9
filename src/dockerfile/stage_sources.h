// Which stages of a Dockerfile take files of which others.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dockerfile/instructions.h"

namespace skiff::dockerfile {

inline constexpr size_t kNoStage = static_cast<size_t>(-1);

// A stage or image whose files an instruction takes.
struct TakenFrom {
  std::string name;
  std::optional<std::string> mount;  // its target
};

std::vector<TakenFrom> sources_of(const Instruction& instruction);

// Of the stages before `before` the last of that name, which shadows the others; or kNoStage.
size_t find_stage(const Dockerfile& file, const std::string& name, size_t before);
// In the whole file: a later stage must not be mistaken for an image of its name. A number is that
// of a stage for COPY alone; what a mount names is an image then. kNoStage: an image or context.
Result<size_t> named_stage(const Dockerfile& file, const TakenFrom& from);
// "build", "stage-1".
std::string label_of(const Dockerfile& file, size_t index);

// An error where stages take files of one another in a circle: of all, also those that nobody
// needs. What a stage starts from is an earlier one, and closes none.
Result<> check_circles(const Dockerfile& file);

// How many BuildKit's clients count, who show a stage's name where it is not the only one: images
// whose files are taken, and what mounts without a source stand on, are some, too.
size_t stages_shown(const Dockerfile& file);

}  // namespace skiff::dockerfile
