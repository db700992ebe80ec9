#include <gtest/gtest.h>

#include "engine/files.h"

namespace skiff::engine {
namespace {

oci::RunConfig changed(const std::vector<std::string>& changes, oci::RunConfig config = {}) {
  Result<> done = apply_changes(config, changes);
  EXPECT_TRUE(done) << done.error().message();
  return config;
}

std::string refusal(const std::string& change) {
  oci::RunConfig config;
  Result<> done = apply_changes(config, {change});
  EXPECT_FALSE(done) << change;
  if (done) return "";
  EXPECT_EQ(done.error().code(), Code::kInvalidArgument);
  return done.error().message();
}

using Words = std::vector<std::string>;

TEST(ApplyChanges, CommandsInBothForms) {
  EXPECT_EQ(changed({"CMD [\"a\", \"b c\"]"}).cmd, (Words{"a", "b c"}));
  EXPECT_EQ(changed({"cmd echo \"$HOME\""}).cmd, (Words{"/bin/sh", "-c", "echo \"$HOME\""}));
  EXPECT_EQ(changed({"ENTRYPOINT [\"/x\"]"}).entrypoint, (Words{"/x"}));
  EXPECT_EQ(changed({"SHELL [\"/bin/ash\", \"-c\"]", "CMD x"}).cmd, (Words{"/bin/ash", "-c", "x"}));
}

TEST(ApplyChanges, EnvironmentReplacesAndExpands) {
  oci::RunConfig config;
  config.env = {"PATH=/bin", "A=1"};
  EXPECT_EQ(
      changed({"ENV PATH=$PATH:/x A='$PATH' B=\"two words\"", "ENV OLD form of it"}, config).env,
      (Words{"PATH=/bin:/x", "A=$PATH", "B=two words", "OLD=form of it"}));
  EXPECT_EQ(changed({"ENV C=${A}2 D=a\\ b E=$"}, config).env,
            (Words{"PATH=/bin", "A=1", "C=12", "D=a b", "E=$"}));
}

TEST(ApplyChanges, TheOthers) {
  oci::RunConfig config = changed({"LABEL a=b \"c d\"=e", "EXPOSE 80 53/udp", "USER app",
                                   "VOLUME /a /b", "VOLUME [\"/c d\"]", "WORKDIR /w", "WORKDIR sub",
                                   "STOPSIGNAL SIGINT", "ONBUILD RUN x", "\n# a comment\n"});
  EXPECT_EQ(config.labels, (std::map<std::string, std::string>{{"a", "b"}, {"c d", "e"}}));
  EXPECT_EQ(config.exposed_ports, (Words{"53/udp", "80/tcp"}));
  EXPECT_EQ(config.user, "app");
  EXPECT_EQ(config.volumes, (Words{"/a", "/b", "/c d"}));
  EXPECT_EQ(config.working_dir, "/w/sub");
  EXPECT_EQ(config.stop_signal, "SIGINT");
  EXPECT_EQ(config.on_build, (Words{"RUN x"}));
}

TEST(ApplyChanges, Healthcheck) {
  oci::RunConfig config =
      changed({"HEALTHCHECK --interval=1m30s --timeout=500ms --retries=4 CMD curl -f x"});
  ASSERT_TRUE(config.healthcheck);
  EXPECT_EQ(config.healthcheck->test, (Words{"CMD-SHELL", "curl -f x"}));
  EXPECT_EQ(config.healthcheck->interval_ns, 90'000'000'000);
  EXPECT_EQ(config.healthcheck->timeout_ns, 500'000'000);
  EXPECT_EQ(config.healthcheck->retries, 4);
  EXPECT_EQ(changed({"HEALTHCHECK CMD [\"/ok\"]"}).healthcheck->test, (Words{"CMD", "/ok"}));
  EXPECT_EQ(changed({"HEALTHCHECK NONE"}).healthcheck->test, (Words{"NONE"}));
}

TEST(ApplyChanges, RefusesByName) {
  EXPECT_NE(refusal("RUN x").find("RUN is not a valid change command"), std::string::npos);
  EXPECT_NE(refusal("FROM x").find("FROM is not a valid change command"), std::string::npos);
  EXPECT_NE(refusal("ENV").find("requires at least one argument"), std::string::npos);
  EXPECT_NE(refusal("ENV A").find("must have two arguments"), std::string::npos);
  EXPECT_NE(refusal("LABEL a=b c").find("can't find = in \"c\""), std::string::npos);
  EXPECT_NE(refusal("ENV A='x").find("unterminated quote"), std::string::npos);
  EXPECT_NE(refusal("ENV A=${x:-y}").find("${NAME}"), std::string::npos);
  EXPECT_NE(refusal("EXPOSE 99999").find("invalid port"), std::string::npos);
  EXPECT_NE(refusal("STOPSIGNAL nope").find("invalid signal"), std::string::npos);
  EXPECT_NE(refusal("ONBUILD FROM x").find("isn't allowed"), std::string::npos);
  EXPECT_NE(refusal("HEALTHCHECK --interval=x CMD y").find("invalid duration"), std::string::npos);
  EXPECT_NE(refusal("SHELL sh").find("JSON"), std::string::npos);
}

}  // namespace
}  // namespace skiff::engine
