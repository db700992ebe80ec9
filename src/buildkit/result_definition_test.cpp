#include "buildkit/result_definition.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "codec/hash.h"
#include "control.pb.h"

namespace skiff::buildkit {
namespace {

TEST(ResultDefinition, NamesItsBuildAndEndsWithWhatPointsAtIt) {
  const wire::Definition definition = definition_of("a-build");
  ASSERT_EQ(definition.def_size(), 2);
  wire::Op last;
  ASSERT_TRUE(last.ParseFromString(definition.def(1)));
  ASSERT_EQ(last.inputs_size(), 1);
  EXPECT_EQ(last.inputs(0).digest(), cat("sha256:", sha256_hex(definition.def(0))));
  EXPECT_EQ(build_of_definition(definition), "a-build");
}

TEST(ResultDefinition, OtherLlbIsNone) {
  wire::Definition definition;
  wire::Op op;
  op.mutable_source()->set_identifier("docker-image://alpine");
  definition.add_def(op.SerializeAsString());
  definition.add_def("no message");
  EXPECT_EQ(build_of_definition(definition), std::nullopt);
  EXPECT_EQ(build_of_definition({}), std::nullopt);
}

}  // namespace
}  // namespace skiff::buildkit
