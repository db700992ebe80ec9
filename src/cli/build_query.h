// The parameters of POST /build that build's flags make.
#pragma once

#include <string>

#include "cli/build_origin.h"
#include "cli/session.h"

namespace skiff::cli {

// What the flags do not say.
struct BuildQuery {
  std::string dockerfile;        // in the context
  std::string shown_dockerfile;  // what errors call it, where that is another name
  std::string outputs;           // BuildOutputs::parameter()
  std::optional<BuildOrigin> origin = std::nullopt;
};
Result<std::string> build_query(const Flags& flags, const BuildQuery& given);

// Whether --provenance or --attest asks for it.
bool wants_provenance(const Flags& flags);

}  // namespace skiff::cli
