// The result of a build as LLB: clients hand it to the next build of theirs as it is ("linked
// targets" of bake). There is no more in it than which build it was.
#pragma once

#include <optional>
#include <string>

namespace skiff::buildkit {

namespace wire {
class Definition;
}

wire::Definition definition_of(const std::string& build);
// The name of that build; nullopt for other LLB.
std::optional<std::string> build_of_definition(const wire::Definition& definition);

}  // namespace skiff::buildkit
