// Why a RUN is not cached: flags, mounts, user, and what it stands on.
#include "builder/run_fixture.h"

namespace skiff::builder {
namespace {

class RunMisses : public RunFixture {};

struct RunMutation {
  const char* name;
  const char* before;  // the lines after FROM base:1
  const char* after;
  std::function<void(BuildRequest& request)> apply;
  int step;
  const char* reason;
};

const RunMutation kRunMutations[] = {
    {"Network",
     "RUN true",
     "RUN --network=none true",
     {},
     2,
     "network: \"bridge\" is now \"none\""},
    {"NetworkOfTheBuild", "RUN true", "RUN true",
     [](BuildRequest& request) { request.network = "none"; }, 2,
     "network: \"bridge\" is now \"none\""},
    {"MountNew", "RUN true", "RUN --mount=type=tmpfs,target=/t true", {}, 2, "mount /t is new"},
    {"VariableOfASecret", "RUN true", "RUN --mount=type=secret,id=s,env=TOKEN true",
     [](BuildRequest& request) { request.secrets["s"] = "x"; }, 2, "secret in TOKEN is new"},
    {"MountGone", "RUN --mount=type=tmpfs,target=/t true", "RUN true", {}, 2, "mount /t is gone"},
    {"FileOfAMount", "RUN --mount=target=/c cat /c/f", "RUN --mount=target=/c cat /c/f",
     [](BuildRequest& request) {
       UniqueFd fd(::open((request.context_directory / "f").c_str(), O_WRONLY | O_CLOEXEC));
       ASSERT_EQ(::pwrite(fd.get(), "2", 1, 0), 1);
     },
     2, "f changed"},
    {"User", "RUN true", "USER app\nRUN true", {}, 3, "user changed"},
    {"Directory",
     "WORKDIR /v\nRUN true",
     "WORKDIR /w\nRUN true",
     {},
     3,
     "result of WORKDIR /v is now result of WORKDIR /w"},
    {"Shell",
     "RUN true",
     "SHELL [\"/bin/busybox\", \"sh\", \"-c\"]\nRUN true",
     {},
     3,
     "\"/bin/sh -c true\" is now \"/bin/busybox sh -c true\""},
    {"Command", "RUN true", "RUN :", {}, 2, "\"/bin/sh -c true\" is now \"/bin/sh -c :\""},
    {"Environment",
     "ENV A=1\nRUN true",
     "ENV A=2\nRUN true",
     {},
     3,
     "environment variable A changed"},
    {"Argument", "ARG A=1\nRUN true", "ARG A=1\nRUN true",
     [](BuildRequest& request) { request.build_args["A"] = "2"; }, 3, "build argument A changed"},
    {"NoCache", "RUN true", "RUN true", [](BuildRequest& request) { request.no_cache = true; }, 2,
     "--no-cache"},
};

TEST_F(RunMisses, NameTheirTrueCause) {
  for (const RunMutation& mutation : kRunMutations) {
    SCOPED_TRACE(mutation.name);
    // A command of its own, so that it meets no record of another one.
    const auto own = [&](std::string_view text) {
      return replace_all(std::string(text), "true", cat("echo ", mutation.name));
    };
    write("f", "1");
    built(cat("FROM base:1\n", own(mutation.before)));
    BuildRequest wanted = request(cat("FROM base:1\n", own(mutation.after)));
    if (mutation.apply) mutation.apply(wanted);
    built(wanted);
    EXPECT_EQ(told_.missed[mutation.step], own(mutation.reason));
  }
}

// Of a directory of its own, as builds without tags are told apart.
BuildRequest of_nobody(BuildRequest wanted, const std::string& dockerfile) {
  wanted.tags.clear();
  wanted.context_name = "/src";
  wanted.dockerfile_name = dockerfile;
  return wanted;
}

// "USER app" is now "USER daemon"
std::string told(std::string_view instruction, std::string_view before) {
  return cat("\"", instruction, before, "\" is now \"", instruction, "daemon\"");
}

TEST_F(RunMisses, TheEarlierStepIsOneOnTheSameFilesAndNotOneOfAnotherDockerfile) {
  write("one", "1");
  for (const char* instruction : {"USER ", "LABEL a=", "ENV A="}) {
    SCOPED_TRACE(instruction);
    const auto with = [&](const char* before, const char* argument) {
      return request(cat("FROM base:1\n", before, "\n", instruction, argument, "\n"));
    };
    const char* copy = "COPY one /one";
    built(of_nobody(with("RUN echo first >/a", "daemon"), cat("D1", instruction)));
    built(of_nobody(with(copy, "app"), cat("D2", instruction)));
    built(of_nobody(with(copy, "daemon"), cat("D3", instruction)));
    EXPECT_EQ(told_.missed[3], told(instruction, "app"));
    // Also where all are one Dockerfile, edited.
    built(with("RUN echo first >/a", "daemon"));
    built(with("RUN echo other >/a", "two"));
    built(with("RUN echo other >/a", "daemon"));
    EXPECT_EQ(told_.missed[3], told(instruction, "two"));
  }
}

TEST_F(RunMisses, AStepOfAnUnrelatedBuildIsNoEarlierOne) {
  built(of_nobody(request("FROM base:1\nRUN echo theirs >/a\nRUN echo end\n"), "D1"));
  BuildRequest mine = of_nobody(request("FROM base:1\nRUN echo mine >/b\nRUN echo end\n"), "D2");
  built(mine);
  for (int step : {2, 3}) EXPECT_EQ(told_.missed[step], "never built before");
  EXPECT_TRUE(told_.differences[2].empty());
  // Of the same name in another directory.
  mine = of_nobody(request("FROM base:1\nRUN echo third >/b\nRUN echo end\n"), "D2");
  mine.context_name = "/elsewhere";
  built(mine);
  for (int step : {2, 3}) EXPECT_EQ(told_.missed[step], "never built before");
  // An edit of that one has a predecessor.
  mine.dockerfile_text = "FROM base:1\nRUN echo forth >/b\nRUN echo end\n";
  built(mine);
  EXPECT_EQ(told_.missed[2], "\"/bin/sh -c echo third >/b\" is now \"/bin/sh -c echo forth >/b\"");
  EXPECT_EQ(told_.missed[3], "result of RUN echo third >/b is now result of RUN echo forth >/b");
}

TEST_F(RunMisses, WhatWasMadeAnewBelowIsNotTheFirstCause) {
  write("d/one", "1");
  const std::string run = "FROM base:1\nRUN cat /proc/sys/kernel/random/uuid >/id\n";
  built(cat(run, "COPY d /d\n"));
  BuildRequest anew = request(run);
  anew.no_cache = true;
  built(anew);
  write("d/two", "2");
  built(cat(run, "COPY d /d\n"));
  EXPECT_EQ(told_.missed[3], "d/two is new");
  EXPECT_EQ(told_.differences[3].size(), 2);
}

// Many a build has a secret among its arguments, and shows its log to others.
TEST_F(RunMisses, ValuesOfArgumentsAreNeitherToldNorKept) {
  write("f", "1");
  const auto cache = root() / "exported";
  std::filesystem::create_directories(cache);
  BuildRequest wanted = request(
      "FROM base:1\nARG T\nENV U=$T\nLABEL l=$T\nCOPY f /$T\nWORKDIR /w/$T\n"
      "COPY <<E /h\n$T\nE\nRUN echo misses\n"
      "RUN --mount=target=/m/$T,source=f ls /m\n");
  wanted.cache_to = {{.directory = cache}};
  wanted.build_args["T"] = "planted-1";
  built(wanted);
  wanted.build_args["T"] = "planted-2";
  built(wanted);
  std::string told;
  for (const auto& [step, differences] : told_.differences) told += join(differences, "\n");
  for (const auto& [step, reason] : told_.missed) told += cat("\n", reason);
  EXPECT_NE(told.find("build argument T changed"), std::string::npos) << told;
  EXPECT_NE(told.find("environment variable U changed"), std::string::npos) << told;
  EXPECT_NE(told.find("heredoc E changed"), std::string::npos) << told;
  EXPECT_EQ(told.find("planted"), std::string::npos) << told;
  builder_.reset();
  const auto found = sys::run_captured(
      {.args = {"grep", "-rl", "planted", options_.root.native(), cache.native()}});
  EXPECT_EQ(found->out, "");
  open_builder_again();
}

// A line of it may come from a stranger.
TEST_F(RunMisses, NothingOfADockerfileCommandsTheTerminal) {
  const std::string esc = "\x1b[2J";
  std::string told;
  const auto note = [&](const std::string& error) {
    for (const auto& text : told_.texts) told += text;
    for (const auto& [step, reason] : told_.missed) told += reason;
    told += cat(error, "\n");
  };
  built(cat("FROM base:1\nLABEL a=\"", esc, "\"\n"));
  built(cat("FROM base:1\nLABEL a=\"", esc, "b\"\n"));
  EXPECT_NE(told_.missed[2], "");
  note("");
  note(error_of(request(cat("FROM base:1\nRUN echo '", esc, "' >/dev/null; false\n"))));
  note(error_of(request(cat("# syntax=a", esc, "\nFROM base:1\n"))));
  note(error_of(request(cat("# check=a", esc, "\nFROM base:1\n"))));
  const auto outline =
      builder_->inspect(request(cat("FROM base:1\nARG a", esc, "=1\n")), Question::kOutline, {});
  ASSERT_TRUE(outline);
  note(outline->text);
  EXPECT_NE(told.find("echo '\\x1b[2J"), std::string::npos) << told;
  EXPECT_EQ(told.find('\x1b'), std::string::npos) << told;
}

}  // namespace
}  // namespace skiff::builder
