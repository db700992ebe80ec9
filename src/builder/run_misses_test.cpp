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

const RunMutation kMutations[] = {
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
    {"MountGone", "RUN --mount=type=tmpfs,target=/t true", "RUN true", {}, 2, "mount /t is gone"},
    {"FileOfAMount", "RUN --mount=target=/c cat /c/f", "RUN --mount=target=/c cat /c/f",
     [](BuildRequest& request) {
       UniqueFd fd(::open((request.context_directory / "f").c_str(), O_WRONLY | O_CLOEXEC));
       ASSERT_EQ(::pwrite(fd.get(), "2", 1, 0), 1);
     },
     2, "f changed"},
    {"User", "RUN true", "USER app\nRUN true", {}, 3, "user: \"\" is now \"app\""},
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
     "environment variable A: \"1\" is now \"2\""},
    {"Argument", "ARG A=1\nRUN true", "ARG A=1\nRUN true",
     [](BuildRequest& request) { request.build_args["A"] = "2"; }, 3,
     "build argument A: \"1\" is now \"2\""},
    {"NoCache", "RUN true", "RUN true", [](BuildRequest& request) { request.no_cache = true; }, 2,
     "--no-cache"},
};

TEST_F(RunMisses, NameTheirTrueCause) {
  for (const RunMutation& mutation : kMutations) {
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

}  // namespace
}  // namespace skiff::builder
