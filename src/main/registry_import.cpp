// skiff-registry import
#include <cstdio>

#include "base/strings.h"
#include "main/data_root.h"
#include "main/registry_commands.h"
#include "manage/control.h"
#include "registry/import_layout.h"
#include "registry/mark.h"

namespace skiff {

namespace {

Result<> import_tree(const Invocation& call) {
  const Path tree = std::filesystem::absolute(call.operands[0]).lexically_normal();
  const Path root = TRY(data_root(call.root));
  // No registry is made for what holds none. Where there is one its server may read more than we.
  if (!TRY(registry::has_registry(root))) TRY(registry::DistributionTree::open(tree));
  size_t problems = 0;
  const manage::Tell tell = [&](const json::Value& event) {
    if (const json::Value* problem = event.find("problem")) {
      ++problems;
      puts(cat(problem->string("what"), " (", problem->string("where"),
               "): ", problem->string("remedy"))
               .c_str());
    } else {
      puts(cat("importing ", event.string("repository")).c_str());
    }
    fflush(stdout);
  };
  const json::Value done = TRY(manage::operate(
      root, "import", json::object({{"tree", tree.native()}, {"moveTags", call.move_tags}}), tell,
      manage::NoRegistry::kMade));
  puts(cat(done.integer("repositories"), " repositories with ", done.integer("manifests"),
           " manifests and ", done.integer("tags"), " tags are here; ", done.integer("blobs"),
           " blobs (", done.integer("bytes"), " bytes) were taken in")
           .c_str());
  if (problems == 0) return {};
  return Error(Code::kFailedPrecondition, cat(problems, " things were left out"));
}

constexpr Verb kImportVerbs[] = {
    {"import", "TREE",
     "Take in what docker-registry or distribution has on disk, also while this registry serves",
     "move-tags", 1, 1, import_tree},
};

}  // namespace

std::span<const Verb> import_verbs() { return kImportVerbs; }

}  // namespace skiff
