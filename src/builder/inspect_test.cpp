// What is told of a Dockerfile without building it, as the data that BuildKit's frontend has.
#include "builder/build_fixture.h"
#include "codec/base64.h"

namespace skiff::builder {
namespace {

class Inspected : public BuildFixture {
 protected:
  json::Value data(Question question) {
    BuildRequest asked = request(kDockerfile);
    const auto answer = builder_->inspect(asked, question, CancelToken());
    EXPECT_TRUE(answer) << answer.error().message();
    return answer ? answer->data : json::Value();
  }
  static std::string lines(const json::Value& of) {
    std::string out;
    const json::Value location(of.object("location"));
    for (const json::Value& range : location.array("ranges")) {
      const json::Value start(range.object("start"));
      EXPECT_EQ(start.dump(), json::Value(range.object("end")).dump());
      out += cat(start.integer("line"), " ");
    }
    return out;
  }
  // Each of the list by its name, and its lines.
  static std::string listed(const json::Value& data, std::string_view list,
                            std::string_view name = "name") {
    std::string out;
    for (const json::Value& one : data.array(list)) {
      out += cat(one.string(name), ": ", lines(one), "| ");
    }
    return out;
  }

  static constexpr const char* kDockerfile =
      "ARG ZULU=1\n"
      "FROM scratch\n"
      "FROM --platform=linux/amd64 scratch AS made\n"
      "ARG BETA=2\n"
      "ARG ALPHA\n"
      "run --mount=type=secret,id=word,required \\\n"
      "  --mount=type=cache,target=/c,id=kept \\\n"
      "  --mount=type=ssh true\n"
      "copy a /a\n";
};

// Neither of one that is not needed then.
TEST_F(Inspected, OfAStageThatIsReplacedNothingIsTold) {
  BuildRequest asked = request(
      "FROM scratch AS deeper\nARG DEEPER=1\n"
      "FROM deeper AS made\nARG INNER=2\nRUN --mount=type=secret,id=word true\n"
      "FROM made AS last\nARG OUTER=3\nCOPY a /a\n");
  asked.named_contexts["made"] = LocalFiles{context()};
  const auto answer = builder_->inspect(asked, Question::kOutline, CancelToken());
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(listed(answer->data, "args"), "OUTER: 7 | ");
  EXPECT_FALSE(answer->data.has("secrets"));
}

TEST_F(Inspected, OutlinesHavePlacesInTheOrderOfTheFile) {
  write("a", "A");
  const json::Value outline = data(Question::kOutline);
  EXPECT_EQ(outline.string("name"), "made");
  EXPECT_EQ(listed(outline, "args"), "ZULU: 1 | BETA: 4 | ALPHA: 5 | ");
  EXPECT_EQ(listed(outline, "secrets"), "word: 6 7 8 | ");
  EXPECT_EQ(listed(outline, "ssh"), "default: 6 7 8 | ");
  EXPECT_EQ(listed(outline, "cache", "ID"), "kept: 6 7 8 | ");
  EXPECT_EQ(outline.array("args")[0].string("value"), "1");
  EXPECT_FALSE(outline.array("args")[2].has("value"));
  EXPECT_TRUE(outline.array("secrets")[0].boolean("required"));
  EXPECT_FALSE(outline.array("ssh")[0].has("required"));
  // The whole file, with its last newline.
  EXPECT_EQ(*base64_decode(outline.array("sources")[0].as_string()), kDockerfile);
}

TEST_F(Inspected, TargetsAreAllStagesWithPlaces) {
  const json::Value targets = data(Question::kTargets);
  EXPECT_EQ(listed(targets, "targets"), ": 2 | made: 3 | ");
  EXPECT_EQ(targets.array("targets")[1].string("platform"), "linux/amd64");
  EXPECT_EQ(targets.array("targets")[1].string("base"), "scratch");
  EXPECT_TRUE(targets.array("targets")[1].boolean("default"));
  EXPECT_FALSE(targets.array("targets")[0].has("default"));
}

TEST_F(Inspected, ChecksHaveARangeOfEachLine) {
  const json::Value checks = data(Question::kChecks);
  EXPECT_NE(listed(checks, "warnings", "ruleName").find("ConsistentInstructionCasing: 6 7 8 | "),
            std::string::npos)
      << checks.dump();
  EXPECT_EQ(checks.array("sources")[0].string("filename"), "Dockerfile");
  EXPECT_EQ(*base64_decode(checks.array("sources")[0].string("data")), kDockerfile);
}

TEST_F(Inspected, WhyItCannotBeBuiltIsTheLastOfTheChecks) {
  const auto answer = builder_->inspect(request("FROM scratch AS Base\nRNU true\n"),
                                        Question::kChecks, CancelToken());
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(listed(answer->data, "warnings", "ruleName"), "StageNameCasing: 1 | ");
  const json::Value error(answer->data.object("buildError"));
  EXPECT_EQ(error.string("message"), "unknown instruction \"RNU\" (did you mean RUN?)");
  EXPECT_EQ(lines(error), "2 ");
  ASSERT_TRUE(answer->failure);
  EXPECT_TRUE(answer->failure->message().starts_with("Dockerfile:2: "));
  // Other questions have no answer then.
  EXPECT_FALSE(builder_->inspect(request("RNU true\n"), Question::kTargets, CancelToken()));
}

}  // namespace
}  // namespace skiff::builder
