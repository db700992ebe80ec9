// skiff-registry check
#include <cstdio>

#include "base/strings.h"
#include "main/data_root.h"
#include "main/registry_commands.h"
#include "manage/control.h"

namespace skiff {

namespace {

Result<> check_registry(const Invocation& call) {
  size_t problems = 0;
  size_t mended = 0;
  const manage::Tell tell = [&](const json::Value& event) {
    const json::Value* problem = event.find("problem");
    if (problem == nullptr) return;
    ++problems;
    if (problem->boolean("mended")) ++mended;
    puts(cat(problem->string("what"), " (", problem->string("where"),
             "): ", problem->string("remedy"))
             .c_str());
    fflush(stdout);
  };
  const json::Value arguments = json::object({{"deep", call.deep}, {"repair", call.repair}});
  const json::Value done =
      TRY(manage::operate(TRY(data_root(call.root)), "check", arguments, tell));
  puts(cat("Checked ", done.integer("repositories"), " repositories, ", done.integer("manifests"),
           " manifests, ", done.integer("blobs"), " blobs (", done.integer("bytes"),
           " bytes): ", problems, " problems, ", mended, " mended")
           .c_str());
  if (problems == mended) return {};
  return Error(Code::kFailedPrecondition, cat(problems - mended, " problems are left"));
}

constexpr Verb kCheckVerbs[] = {
    {"check", "", "Compare all that a registry stores with one another, also while it serves",
     "deep repair", 0, 0, check_registry},
};

}  // namespace

std::span<const Verb> check_verbs() { return kCheckVerbs; }

}  // namespace skiff
