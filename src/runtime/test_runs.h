// For tests: a bundle that is run, or must be refused; neither leaves a trace.
#pragma once

#include <gtest/gtest.h>

#include "runtime/test_bundle.h"

namespace skiff::runtime::test {

inline Ran run(TestBundle& bundle, const std::string& script) {
  bundle.script(script);
  Result<Ran> ran = bundle.run();
  if (!ran) {
    ADD_FAILURE() << ran.error().message();
    return {};
  }
  EXPECT_EQ(bundle.traces(), "");
  return *ran;
}

// The error of one that cannot be run.
inline std::string refusal(TestBundle& bundle) {
  Result<Ran> ran = bundle.script("true").run();
  EXPECT_FALSE(ran);
  EXPECT_EQ(bundle.traces(), "");
  return ran ? "" : ran.error().message();
}

}  // namespace skiff::runtime::test
