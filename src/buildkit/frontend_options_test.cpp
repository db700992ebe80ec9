#include "buildkit/frontend_options.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace skiff::buildkit {
namespace {

TEST(FrontendOptionsTest, EveryOptionFindsItsPlace) {
  auto options = *decode_frontend_options({{"filename", "a/Dockerfile"},
                                           {"target", "build"},
                                           {"platform", "linux/amd64,linux/arm64"},
                                           {"build-arg:V", "1"},
                                           {"label:a.b", "c"},
                                           {"no-cache", ""},
                                           {"image-resolve-mode", "pull"},
                                           {"force-network-mode", "none"},
                                           {"add-hosts", "a=1.2.3.4,b=[::1]"},
                                           {"shm-size", "1048576"},
                                           {"ulimit", "nofile=10:20,nproc=5"},
                                           {"cgroup-parent", "x"},
                                           {"context:base", "docker-image://alpine"},
                                           {"requestid", "frontend.lint"}});
  const builder::BuildRequest& request = options.request;
  EXPECT_EQ(options.file_name, "a/Dockerfile");
  EXPECT_EQ(request.target, "build");
  ASSERT_EQ(request.platforms.size(), 2U);
  EXPECT_EQ(request.platforms[1].str(), "linux/arm64");
  EXPECT_EQ(request.build_args.at("V"), "1");
  EXPECT_EQ(request.labels.at("a.b"), "c");
  EXPECT_TRUE(request.no_cache);
  EXPECT_TRUE(request.pull);
  EXPECT_EQ(request.network, "none");
  EXPECT_EQ(request.extra_hosts, (std::vector<std::string>{"a:1.2.3.4", "b:::1"}));
  EXPECT_EQ(request.shm_bytes, 1048576);
  ASSERT_EQ(request.ulimits.size(), 2U);
  EXPECT_EQ(request.ulimits[0].hard, 20);
  EXPECT_EQ(request.ulimits[1].hard, 5);
  EXPECT_EQ(request.cgroup_parent, "x");
  EXPECT_EQ(options.contexts.at("base"), "docker-image://alpine");
  EXPECT_EQ(options.question, "frontend.lint");
}

TEST(FrontendOptionsTest, StagesMayBeExecutedAnew) {
  const auto options = *decode_frontend_options({{"no-cache", "Build,test"}});
  EXPECT_FALSE(options.request.no_cache);
  EXPECT_EQ(options.request.no_cache_stages, (std::set<std::string>{"build", "test"}));
}

TEST(FrontendOptionsTest, WhatIsNotServedIsNamed) {
  EXPECT_EQ(decode_frontend_options({{"attest:sbom", "generator=x"}}).error().message(),
            "attest:sbom: generator \"x\" is not served: packages are found by the engine itself");
  EXPECT_EQ(decode_frontend_options({{"attest:provenance", "version=v2"}}).error().message(),
            "attest:provenance: version \"v2\" is not served: provenance has v1 and v0.2");
  EXPECT_EQ(decode_frontend_options({{"attest:provenance", "mode=all"}}).error().message(),
            "attest:provenance: mode \"all\": it is min or max");
  EXPECT_EQ(decode_frontend_options({{"attest:other", ""}}).error().code(), Code::kUnimplemented);
  EXPECT_EQ(decode_frontend_options({{"ulimit", "nofile"}}).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(decode_frontend_options({{"add-hosts", "a=1.2.3.4,zz"}}).error().message(),
            "add-hosts: bad format for add-host: \"zz\"");
  EXPECT_EQ(decode_frontend_options({{"shm-size", "1m"}}).error().message(),
            "shm-size: \"1m\" is no number of bytes");
}

TEST(FrontendOptionsTest, AttestationsAreMadeWhereTheyAreAskedFor) {
  const auto attestations = [](const std::string& type, const std::string& value) {
    const auto out = decode_frontend_options({{cat("attest:", type), value}});
    EXPECT_TRUE(out) << value;
    return out ? out->request.attestations : builder::Attestations();
  };
  EXPECT_FALSE(attestations("provenance", "mode=min,inline-only=true").any());
  EXPECT_TRUE(attestations("provenance", "mode=min,inline-only=true").inline_provenance);
  EXPECT_FALSE(attestations("provenance", "disabled=true,inline-only=true").inline_provenance);
  EXPECT_FALSE(attestations("sbom", "disabled=true").any());
  EXPECT_TRUE(attestations("sbom", "").sbom);
  EXPECT_TRUE(attestations("provenance", "mode=min").provenance);
  EXPECT_FALSE(attestations("provenance", "mode=min").provenance_args);
  EXPECT_TRUE(attestations("provenance", "mode=max,version=v1").provenance_args);
  EXPECT_FALSE(attestations("provenance", "version=v1").provenance_v02);
  EXPECT_TRUE(attestations("provenance", "version=v0.2").provenance_v02);
  const auto of_git = decode_frontend_options({{"vcs:source", "a.git"}, {"vcs:revision", "123"}});
  EXPECT_EQ(of_git->request.origin->repository, "a.git");
  EXPECT_EQ(of_git->request.origin->commit, "123");
}

TEST(FrontendOptionsTest, TheOfficialFrontendIsOurOwn) {
  EXPECT_TRUE(check_frontend("dockerfile.v0", {}));
  EXPECT_TRUE(check_frontend("gateway.v0", {{"source", "docker/dockerfile:1"}}));
  EXPECT_FALSE(check_frontend("gateway.v0", {{"source", "somebody/else"}}));
  EXPECT_FALSE(check_frontend("gateway.v0", {{"source", "docker/dockerfile:1.99"}}));
  EXPECT_FALSE(check_frontend("", {}));
}

TEST(FrontendOptionsTest, IgnoreFilesBecomePatterns) {
  EXPECT_EQ(ignore_lines("# no\n *.md \n\n!/keep.md\r\n/dir\n"),
            (std::vector<std::string>{"*.md", "!keep.md", "dir"}));
}

}  // namespace
}  // namespace skiff::buildkit
