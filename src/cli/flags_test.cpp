#include "cli/flags.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace skiff::cli {
namespace {

using Words = std::vector<std::string>;

constexpr FlagSpec kSpecs[] = {
    {"all", 'a', FlagKind::kBool, "Everything"},        {"env", 'e', FlagKind::kList, "Variables"},
    {"interactive", 'i', FlagKind::kBool, "Open"},      {"name", 'n', FlagKind::kString, "Name"},
    {"publish", 'p', FlagKind::kList, "Ports", "port"}, {"secret", 0, FlagKind::kString, ""},
    {"time", 't', FlagKind::kString, "Seconds", "int"},
};

Result<Flags> parse(const Words& words, bool stop = false) {
  return parse_flags(words, kSpecs, stop);
}

std::string parse_error(const Words& words) {
  auto flags = parse(words);
  return flags ? "" : flags.error().message();
}

TEST(Flags, TakeValuesInEveryForm) {
  for (const Words& words :
       {Words{"--name", "x"}, Words{"--name=x"}, Words{"-n", "x"}, Words{"-nx"}, Words{"-n=x"},
        Words{"-ainx"}, Words{"-ain", "x"}, Words{"--name", "y", "-n", "x"}}) {
    auto flags = parse(words);
    ASSERT_TRUE(flags) << flags.error().message();
    EXPECT_EQ(flags->get("name"), "x") << words[0];
    EXPECT_TRUE(flags->args.empty());
  }
}

TEST(Flags, JoinSwitchesAndKeepLists) {
  auto flags = parse({"-ai", "-p80:80", "--publish=81", "-p", "82", "-e", "A=b=c"});
  ASSERT_TRUE(flags);
  EXPECT_TRUE(flags->on("all"));
  EXPECT_TRUE(flags->on("interactive"));
  EXPECT_EQ(flags->all("publish"), (Words{"80:80", "81", "82"}));
  EXPECT_EQ(flags->get("env"), "A=b=c");
  EXPECT_FALSE(flags->has("name"));
  EXPECT_EQ(flags->get("name", "none"), "none");
  EXPECT_TRUE(flags->on("name", true)) << "absent: the caller's default";
}

TEST(Flags, SwitchesTakeATruthAfterEquals) {
  EXPECT_FALSE(parse({"--all=false"})->on("all"));
  EXPECT_FALSE(parse({"-a", "--all=0"})->on("all")) << "the last one counts";
  EXPECT_TRUE(parse({"-a=T"})->on("all"));
  EXPECT_EQ(parse({"--all", "false"})->args, (Words{"false"})) << "a switch takes no next word";
  EXPECT_EQ(parse_error({"--all=yes"}),
            "invalid argument \"yes\" for \"-a, --all\" flag: strconv.ParseBool: parsing \"yes\": "
            "invalid syntax");
  EXPECT_EQ(parse_error({"-a="}),
            "invalid argument \"\" for \"-a, --all\" flag: strconv.ParseBool: parsing \"\": "
            "invalid syntax");
}

TEST(Flags, MistakesHaveDockersWords) {
  EXPECT_EQ(parse_error({"--nope"}), "unknown flag: --nope");
  EXPECT_EQ(parse_error({"--nope=1"}), "unknown flag: --nope");
  EXPECT_EQ(parse_error({"-ax"}), "unknown shorthand flag: 'x' in -ax");
  EXPECT_EQ(parse_error({"--name"}), "flag needs an argument: --name");
  EXPECT_EQ(parse_error({"-an"}), "flag needs an argument: 'n' in -an");
}

TEST(Flags, EndAtTheFirstArgumentWhereACommandFollows) {
  auto flags = parse({"-i", "image", "-x", "--", "--name"}, true);
  ASSERT_TRUE(flags);
  EXPECT_EQ(flags->args, (Words{"image", "-x", "--", "--name"}));
  EXPECT_EQ(parse({"a", "-i", "b"})->args, (Words{"a", "b"}));
  EXPECT_EQ(parse({"-i", "--", "-a", "b"})->args, (Words{"-a", "b"}));
  EXPECT_EQ(parse({"-", "-i"})->args, (Words{"-"})) << "a lone dash is an argument";
}

TEST(Flags, NumbersAreWhole) {
  EXPECT_EQ(*parse({"-t", "-1"})->number("time"), -1);
  EXPECT_EQ(*parse({})->number("time", 10), 10);
  for (const char* bad : {"", "x", "1.5", "9223372036854775808"}) {
    auto number = parse({"-t", bad})->number("time");
    ASSERT_FALSE(number) << bad;
    EXPECT_TRUE(number.error().message().starts_with("invalid argument \"")) << bad;
  }
}

TEST(Flags, HelpShowsNamesKindsAndHidesTheUnserved) {
  std::string help = flag_help(kSpecs);
  EXPECT_NE(help.find("  -a, --all "), std::string::npos) << help;
  EXPECT_NE(help.find("  -e, --env list "), std::string::npos);
  EXPECT_NE(help.find("  -p, --publish port "), std::string::npos);
  EXPECT_NE(help.find("  -n, --name string "), std::string::npos);
  EXPECT_EQ(help.find("secret"), std::string::npos);
}

TEST(Flags, CpusAreDecimals) {
  EXPECT_EQ(*parse_nano_cpus("1.5"), 1'500'000'000);
  EXPECT_EQ(*parse_nano_cpus("0.001"), 1'000'000);
  EXPECT_FALSE(parse_nano_cpus("two"));
  EXPECT_FALSE(parse_nano_cpus("1e30"));
}

RC_GTEST_PROP(Flags, AnyWordsAreReadOrRefused, (const Words& words, bool stop)) {
  auto flags = parse_flags(words, kSpecs, stop);
  if (!flags) RC_ASSERT(!flags.error().message().empty());
}

RC_GTEST_PROP(Flags, AnyValueComesBackAfterEquals, (const std::string& value)) {
  auto flags = parse({"--name=" + value, "--env", value});
  RC_ASSERT(flags.has_value());
  RC_ASSERT(flags->get("name") == value);
  RC_ASSERT(flags->get("env") == value);
}

}  // namespace
}  // namespace skiff::cli
