// What build's flags are told where they are wrong, before anything is sent.
#include "cli/build_query.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "cli/cache_places.h"

namespace skiff::cli {
namespace {

using Words = std::vector<std::string>;

std::string query_error(const Words& words) {
  const Command& build = *std::ranges::find(build_commands(), "build", &Command::name);
  const auto flags = parse_flags(words, build.flags, false);
  if (!flags) return flags.error().message();
  if (const auto query = build_query(*flags, {}); !query) return query.error().message();
  Session session{.api = ApiClient("unix:///nobody"), .config = {}, .command = "build"};
  const auto places = cache_places(session, *flags);
  return places ? "" : places.error().message();
}

TEST(BuildQuery, ACacheOfARegistryNeedsItsName) {
  for (const char* flag : {"--cache-to", "--cache-from"}) {
    for (const char* text : {"type=registry", "type=registry,ref="}) {
      EXPECT_EQ(query_error({flag, text}), std::string("invalid argument \"") + text + "\" for \"" +
                                               flag + "\" flag: ref=NAME is needed");
    }
    EXPECT_EQ(query_error({flag, "type=registry,ref=127.0.0.1:5000/a"}), "");
  }
}

TEST(BuildQuery, TheModesOfProvenanceAreTold) {
  EXPECT_EQ(
      query_error({"--provenance=mode=bad"}),
      "invalid argument \"mode=bad\" for \"--provenance\" flag: mode \"bad\": it is min or max");
  EXPECT_EQ(query_error({"--provenance=mode=max"}), "");
}

}  // namespace
}  // namespace skiff::cli
