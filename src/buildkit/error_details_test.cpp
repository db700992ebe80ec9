// A build's error as a client gets it.
#include "buildkit/error_details.h"

#include <gtest/gtest.h>

#include "control.pb.h"

namespace skiff::buildkit {
namespace {

TEST(ErrorDetailsTest, ThePlaceIsADetailAndNotInTheText) {
  const Error error(Code::kAborted,
                    "Dockerfile:2: process \"x\" did not complete successfully: exit code: 1\n"
                    "   1 |     FROM a\n   2 | >>> RUN b\nThe command 'x' returned");
  const RpcFailure failure = describe_failure(error, {"Dockerfile", "FROM a\nRUN b\n", 1});
  EXPECT_EQ(failure.error.message(), "process \"x\" did not complete successfully: exit code: 1");
  wire::Status status;
  ASSERT_TRUE(status.ParseFromString(failure.details));
  ASSERT_EQ(status.details_size(), 1);
  EXPECT_EQ(status.details(0).type_url(), "github.com/moby/buildkit/errdefs.Source+json");
  EXPECT_NE(status.details(0).value().find("\"start\":{\"line\":2}"), std::string::npos);
}

TEST(ErrorDetailsTest, AllLinesOfTheInstructionAreNamed) {
  const Error error(Code::kAborted,
                    "Dockerfile:2: process \"x\" did not complete successfully: exit code: 1\n"
                    "   1 |     FROM a\n   2 | >>> RUN b \\\n   3 | >>>\n   4 | >>>   c\n"
                    "   5 |     >>> USER d\n   6 |");
  wire::Status status;
  ASSERT_TRUE(status.ParseFromString(describe_failure(error, {"Dockerfile", "", 1}).details));
  EXPECT_NE(status.details(0).value().find("\"end\":{\"line\":4}"), std::string::npos)
      << status.details(0).value();
}

TEST(ErrorDetailsTest, OtherErrorsStayAsTheyAre) {
  const RpcFailure failure = describe_failure(Error(Code::kNotFound, "no: 3: x"), {"Dockerfile"});
  EXPECT_EQ(failure.error.message(), "no: 3: x");
  EXPECT_EQ(failure.details, "");
}

}  // namespace
}  // namespace skiff::buildkit
