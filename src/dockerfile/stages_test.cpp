// Dockerfiles of very many stages.
#include <gtest/gtest.h>

#include "base/strings.h"
#include "dockerfile/plan.h"
#include "dockerfile/stage_sources.h"

namespace skiff::dockerfile {
namespace {

constexpr int kMost = 4096;

// Each takes files of its neighbour: of the one before it, or of the next one.
std::string chain(int stages, int neighbour) {
  std::string text;
  for (int i = 0; i < stages; ++i) {
    text += cat("FROM scratch AS s", i, "\nCOPY --from=s", i + neighbour, " /a /a\n");
  }
  return text;
}

Result<Plan> planned(const std::string& text) {
  const Dockerfile file = TRY(parse_dockerfile("Dockerfile", text));
  const oci::Platform host = oci::Platform::host();
  const FindBase made_up = [](const std::string& name, const auto&,
                              const BaseUse&) -> Result<BaseImage> {
    return BaseImage{.name = name};
  };
  return make_plan(file, {.build_platform = host, .target_platform = host}, made_up);
}

TEST(Stages, LeadThroughAllOthers) {
  const auto back = planned(chain(kMost, -1));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->stages.size(), kMost);
  // The last one takes files of an image of that name.
  EXPECT_TRUE(planned(chain(kMost, 1)));
}

TEST(Stages, AreSoManyAtMost) {
  const auto parsed = parse_dockerfile("Dockerfile", chain(kMost + 1, -1));
  ASSERT_FALSE(parsed);
  EXPECT_NE(parsed.error().message().find("more than 4096 stages"), std::string::npos);
}

}  // namespace
}  // namespace skiff::dockerfile
