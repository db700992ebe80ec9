// What is asked of a Dockerfile instead of a build: "call=NAME[,format=json][,ignorestatus=true]"
// of `POST /build`, in the words of buildx.
#pragma once

#include <optional>

#include "api/router.h"
#include "builder/builder.h"

namespace skiff::api {

struct AskedQuestion {
  builder::Question question = builder::Question::kChecks;
  bool lists_questions = false;  // what may be asked, in place of that one
  bool in_json = false;
  bool ignore_status = false;  // findings are no failure
};

// nullopt: a build is asked for.
Result<std::optional<AskedQuestion>> decode_question(const Call& call);
Result<> answer(Call& call, const builder::BuildRequest& request, const AskedQuestion& asked);

}  // namespace skiff::api
