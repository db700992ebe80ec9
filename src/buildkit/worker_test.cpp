#include "buildkit/worker.h"

#include <gtest/gtest.h>

#include "control.pb.h"

namespace skiff::buildkit {
namespace {

constexpr const char* kHostGateway = "org.mobyproject.buildkit.worker.moby.host-gateway-ip";

TEST(WorkerTest, TellsWhereTheHostIs) {
  wire::WorkerRecord record;
  describe_worker({.id = "w",
                   .platforms = {oci::Platform::host()},
                   .host_gateway = [] { return "172.17.0.1"; }},
                  record);
  EXPECT_EQ(record.id(), "w");
  EXPECT_EQ(record.labels().at(kHostGateway), "172.17.0.1");
  wire::WorkerRecord without;
  describe_worker({.id = "w", .platforms = {}, .host_gateway = nullptr}, without);
  EXPECT_FALSE(without.labels().contains(kHostGateway));
}

}  // namespace
}  // namespace skiff::buildkit
