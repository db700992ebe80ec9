// skiff-registry gc
#include <cstdio>

#include "base/strings.h"
#include "main/data_root.h"
#include "main/registry_commands.h"
#include "manage/control.h"

namespace skiff {

namespace {

Result<> collect(const Invocation& call) {
  const json::Value done =
      TRY(manage::operate(TRY(data_root(call.root)), "gc", json::object({{"dryRun", call.dry_run}}),
                          [](const json::Value&) {}));
  const std::string blobs = cat(done.integer("blobs"), " blobs");
  puts(call.dry_run ? cat("Would remove ", blobs, " (", done.integer("bytes"), " bytes)").c_str()
                    : cat("Removed ", blobs).c_str());
  return {};
}

constexpr Verb kGcVerbs[] = {
    {"gc", "", "Collect the garbage that is due now; a server does it by itself", "dry-run", 0, 0,
     collect},
};

}  // namespace

std::span<const Verb> gc_verbs() { return kGcVerbs; }

}  // namespace skiff
