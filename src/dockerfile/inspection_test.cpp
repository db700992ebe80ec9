#include "dockerfile/inspection.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace skiff::dockerfile {
namespace {

TEST(Inspection, QuestionsAreListed) {
  const json::Value questions = questions_data();
  std::string names;
  for (const json::Value& one : questions.as_array()) {
    names += cat(one.string("name"), "@", one.string("version"), " ");
    EXPECT_EQ(one.string("type"), "rpc");
    EXPECT_EQ(one.array("metadata")[0].string("name"), "result.json");
  }
  EXPECT_EQ(names,
            "frontend.outline@1.0.0 frontend.targets@1.0.0 frontend.lint@1.0.0 "
            "frontend.subrequests.describe@1.0.0 ");
  EXPECT_EQ(questions.as_array()[0].array("opts")[0].string("name"), "target");
  EXPECT_NE(show_questions().find("\nsubrequests.describe   1.0.0"), std::string::npos);
}

}  // namespace
}  // namespace skiff::dockerfile
