// What a RUN that fails leaves, for whoever wants to look at it.
#include "builder/run_fixture.h"

namespace skiff::builder {
namespace {

class FailedStep : public RunFixture {
 protected:
  std::vector<std::string> kept() {
    std::vector<std::string> out;
    const auto all = images_->list();
    for (const images::Image& image : *all) {
      for (const oci::Reference& name : image.names) {
        if (name.familiar_repository() == "failed-step") out.push_back(name.familiar());
      }
    }
    return out;
  }
  void fail(const std::string& command) {
    BuildRequest wanted =
        request(cat("FROM base:1 AS one\nRUN echo one > /one\nFROM one\n"
                    "ENV A=1\nARG B=2\nUSER app\nWORKDIR /w\n"
                    "COPY root/etc/group /copied\nRUN ",
                    command, "\n"));
    wanted.keep_failed = true;
    const auto note = [&](const BuildEvent& event) {
      if (const auto* failed = std::get_if<StepFailed>(&event)) name_ = failed->kept;
    };
    const auto result = builder_->build(wanted, note, {});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Code::kAborted) << result.error().message();
  }
  std::string name_;
};

TEST_F(FailedStep, IsAnImageWithAllThatItLeft) {
  fail("echo left > half; exit 3");
  ASSERT_EQ(kept(), std::vector<std::string>{name_});
  const images::Image image = *images_->find(name_);
  EXPECT_EQ(text_in(image, "w/half"), "left\n");
  EXPECT_EQ(text_in(image, "one"), "one\n");
  EXPECT_NE(text_in(image, "copied").find("app"), std::string::npos);
  const oci::RunConfig& config = image.config.config;
  EXPECT_EQ(config.user, "app");
  EXPECT_EQ(config.working_dir, "/w");
  EXPECT_NE(std::ranges::find(config.env, "A=1"), config.env.end());
  EXPECT_NE(std::ranges::find(config.env, "B=2"), config.env.end());
  EXPECT_EQ(config.cmd->back(), "echo left > half; exit 3");
}

TEST_F(FailedStep, OfManyTheNewestStayUntilTheyArePruned) {
  for (int i = 0; i < 5; ++i) fail(cat("echo ", i, " > /w/half; exit 1"));
  EXPECT_EQ(kept().size(), 3U);
  EXPECT_EQ(text_in(*images_->find(name_), "w/half"), "4\n");
  ASSERT_TRUE(builder_->prune({.until = std::chrono::hours(1)}));
  EXPECT_EQ(kept().size(), 3U);
  ASSERT_TRUE(builder_->prune({.reserved_bytes = uint64_t{1} << 30U}));
  EXPECT_EQ(kept().size(), 3U);
  const auto pruned = builder_->prune({});
  ASSERT_TRUE(pruned);
  EXPECT_NE(std::ranges::find(pruned->removed, name_), pruned->removed.end());
  EXPECT_TRUE(kept().empty());
}

TEST_F(FailedStep, IsNotKeptUnlessAskedFor) {
  EXPECT_NE(error_of(request("FROM base:1\nRUN exit 1\n")), "");
  EXPECT_TRUE(kept().empty());
}

}  // namespace
}  // namespace skiff::builder
