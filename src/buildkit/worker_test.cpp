#include "buildkit/worker.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "buildkit/worker_platforms.h"
#include "control.pb.h"
#include "gateway.pb.h"
#include "sys/binfmt.h"

namespace skiff::buildkit {
namespace {

constexpr const char* kHostGateway = "org.mobyproject.buildkit.worker.moby.host-gateway-ip";

TEST(WorkerTest, TellsWhereTheHostIs) {
  wire::WorkerRecord record;
  describe_worker({.id = "w",
                   .platforms = [] { return std::vector{oci::Platform::host()}; },
                   .host_gateway = [] { return "172.17.0.1"; }},
                  record);
  EXPECT_EQ(record.id(), "w");
  EXPECT_EQ(record.labels().at(kHostGateway), "172.17.0.1");
  wire::WorkerRecord without;
  describe_worker({.id = "w",
                   .platforms = [] { return worker_platforms(sys::EmulationScope::kContainer); },
                   .host_gateway = nullptr},
                  without);
  EXPECT_FALSE(without.labels().contains(kHostGateway));
  EXPECT_EQ(static_cast<size_t>(without.platforms_size()),
            worker_platforms(sys::EmulationScope::kContainer).size());
}

// Clients take the first for the one that builds are for where none is named.
TEST(WorkerTest, TellsTheMachinesPlatformFirstAndNoneTwice) {
  for (const auto scope : {sys::EmulationScope::kContainer, sys::EmulationScope::kHost}) {
    std::vector<oci::Platform> all = worker_platforms(scope);
    EXPECT_EQ(all.front(), oci::Platform::host());
    if (all.front().architecture == "amd64") {
      EXPECT_NE(std::ranges::find(all, "linux/386", &oci::Platform::str), all.end());
    }
    std::ranges::sort(all);
    EXPECT_EQ(std::ranges::adjacent_find(all), all.end());
  }
}

TEST(WorkerTest, SaysOfCachesThatItDoesNotServeThatTheyAreToBeAsked) {
  wire::PongResponse pong;
  describe_capabilities({.id = "w", .platforms = [] { return std::vector<oci::Platform>(); }},
                        pong);
  for (const char* cache : {"cache.gha", "cache.s3"}) {
    EXPECT_TRUE(std::ranges::any_of(pong.llb_caps(),
                                    [&](const wire::ApiCap& cap) { return cap.id() == cache; }));
  }
}

}  // namespace
}  // namespace skiff::buildkit
