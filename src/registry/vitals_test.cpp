// /metrics, /healthz and /readyz; the metrics' text itself.
#include "registry/vitals.h"

#include "base/random.h"
#include "registry/request_metrics.h"
#include "registry/test_metrics.h"
#include "registry/test_observer.h"
#include "registry/test_registry.h"

namespace skiff::registry {
namespace {

class VitalsTest : public RegistryTest {
 protected:
  // Waited for: an answer is told of a moment after its client has it.
  VitalsTest() { options_.observers = {&observer_}; }
  ~VitalsTest() override { stop(); }

  ReadMetrics metrics() {
    const Reply reply = client().get("/metrics");
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    observer_.next();
    return ReadMetrics(reply.body);
  }
  // The registry's own observers are told after ours.
  void settle() {
    client().get("/healthz");
    observer_.next();
  }

  RememberingObserver observer_;
};

TEST_F(VitalsTest, CountsRequestsByEndpointMethodAndClass) {
  push_image("acme/web", "1", "config", {"layer"});
  for (int i = 0; i < 3; ++i) observer_.next();
  EXPECT_EQ(client().get(manifest_path("acme/web", "none")).status, 404);
  observer_.next();
  EXPECT_EQ(client().get(blob_path("acme/web", oci::Digest::of("layer").str())).status, 200);
  observer_.next();
  settle();
  const ReadMetrics read = metrics();
  const auto requests = [&](const std::string& endpoint, const std::string& method,
                            const std::string& kind) {
    return read.value(cat("skiff_registry_requests_total{endpoint=\"", endpoint, "\",method=\"",
                          method, "\",class=\"", kind, "\"}"));
  };
  EXPECT_EQ(requests("upload", "POST", "2xx"), 2);
  EXPECT_EQ(requests("manifest", "PUT", "2xx"), 1);
  EXPECT_EQ(requests("manifest", "GET", "4xx"), 1);
  EXPECT_EQ(requests("blob", "GET", "2xx"), 1);
  EXPECT_EQ(read.value("skiff_registry_refusals_total{code=\"MANIFEST_UNKNOWN\"}"), 1);
  EXPECT_EQ(read.value("skiff_registry_received_bytes_total{endpoint=\"upload\"}"), 11);
  EXPECT_EQ(read.value("skiff_registry_sent_bytes_total{endpoint=\"blob\"}"), 5);
  EXPECT_EQ(read.value("skiff_registry_request_duration_seconds_count{endpoint=\"manifest\"}"), 2);
  EXPECT_EQ(read.value("skiff_registry_requests_under_way"), 1);
  EXPECT_EQ(read.value("skiff_registry_broken_answers_total"), 0);
}

TEST_F(VitalsTest, TellsOfTheStoreAndItsCollection) {
  client().start("box");
  observer_.next();
  client().push_blob("box", "nobody's");
  observer_.next();
  EXPECT_EQ(metrics().value("skiff_registry_uploads_under_way"), 1);
  EXPECT_EQ(metrics().value("skiff_registry_gc_collections_total"), 0);
  clock_.advance(std::chrono::hours(2));
  EXPECT_EQ(metrics().value("skiff_registry_gc_candidates_due"), 1);
  ASSERT_EQ(*registry_->collect_garbage(), 1U);
  const ReadMetrics read = metrics();
  EXPECT_EQ(read.value("skiff_registry_gc_collections_total"), 1);
  EXPECT_EQ(read.value("skiff_registry_gc_reviewed_total"), 1);
  EXPECT_EQ(read.value("skiff_registry_gc_removed_blobs_total"), 1);
  EXPECT_EQ(read.value("skiff_registry_gc_removed_bytes_total"), 8);
  EXPECT_GT(read.value("skiff_registry_gc_last_collection_timestamp_seconds"), 1e9);
  EXPECT_EQ(read.value("skiff_registry_gc_candidates_due"), 0);
  EXPECT_EQ(read.value("skiff_registry_probe_success{of=\"database\"}"), 1);
  EXPECT_EQ(read.value("skiff_registry_probe_success{of=\"store\"}"), 1);
  EXPECT_GT(read.value("process_resident_memory_bytes"), 1e6);
  EXPECT_GT(read.value("process_open_fds"), 3);
  EXPECT_GT(read.value("process_start_time_seconds"), 1.6e9);
  EXPECT_GT(read.value("skiff_registry_disk_free_bytes"), 0);
  EXPECT_EQ(read.value("skiff_build_info{version=\"" SKIFF_VERSION "\"}"), 1);
}

// However many names, users and methods clients make up.
TEST_F(VitalsTest, DoesNotGrowWithWhatClientsSend) {
  const auto ask = [&] {
    for (int i = 0; i < 20; ++i) {
      const std::string name = random_hex(8);
      client().get(manifest_path(name, name));
      client().call(to_upper(name), cat("/", name));
      client().get("/v2/", {{"User-Agent", name}, {"Authorization", cat("Bearer ", name)}});
    }
    for (int i = 0; i < 60; ++i) observer_.next();
    settle();
  };
  ask();
  const size_t before = metrics().size();
  ask();
  const ReadMetrics after = metrics();
  EXPECT_EQ(after.size(), before + 18);  // of /metrics itself
}

TEST_F(VitalsTest, HidesMetricsFromWhoComesThroughAProxy) {
  for (const char* field : {"X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"}) {
    const Reply reply = client().get("/metrics", {{field, "192.0.2.1"}});
    EXPECT_EQ(reply.status, 404) << field;
    EXPECT_EQ(reply.error(), "NOT_FOUND");
  }
  EXPECT_EQ(client().call("POST", "/metrics").status, 405);
  options_.metrics_here = false;
  restart();
  EXPECT_EQ(client().get("/metrics").status, 404);
}

TEST_F(VitalsTest, IsAliveAndReadyUntilItIsToStop) {
  EXPECT_EQ(client().get("/healthz").body, "{\"status\":\"alive\"}\n");
  EXPECT_EQ(client().get("/readyz").body, "{\"status\":\"ready\"}\n");
  registry_->about_to_stop();
  const Reply reply = client().get("/readyz");
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.json().strings("reasons"), std::vector<std::string>{"stopping"});
  EXPECT_EQ(client().get("/healthz").status, 200);
  EXPECT_EQ(client().call("PUT", "/readyz").status, 405);
}

TEST_F(VitalsTest, IsNotReadyWithoutItsStore) {
  std::filesystem::rename(options_.root / "content", options_.root / "elsewhere");
  const Reply reply = client().get("/readyz");
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.json().strings("reasons"), std::vector<std::string>{"store"});
  EXPECT_EQ(metrics().value("skiff_registry_probe_success{of=\"store\"}"), 0);
  std::filesystem::rename(options_.root / "elsewhere", options_.root / "content");
  EXPECT_EQ(client().get("/readyz").status, 200);
}

TEST(MetricsText, EscapesWhatItMust) {
  MetricsText out;
  out.family("a", "gauge", "one\\two\nthree \"four\"");
  out.sample({{"x", "\"q\" \\ \n"}, {"y", "2"}}, 1.5);
  EXPECT_EQ(out.text(),
            "# HELP a one\\\\two\\nthree \"four\"\n# TYPE a gauge\n"
            "a{x=\"\\\"q\\\" \\\\ \\n\",y=\"2\"} 1.5\n");
  const ReadMetrics read(out.text());
}

TEST(MetricsText, AddsUpAHistogram) {
  Histogram took;
  took.record(std::chrono::microseconds(50));
  took.record(std::chrono::microseconds(51));
  took.record(std::chrono::hours(1));
  MetricsText out;
  out.family("t", "histogram", "times");
  out.histogram({}, took);
  const ReadMetrics read(out.text());
  EXPECT_EQ(read.value("t_bucket{le=\"5e-05\"}"), 1);
  EXPECT_EQ(read.value("t_bucket{le=\"0.00025\"}"), 2);
  EXPECT_EQ(read.value("t_bucket{le=\"1800\"}"), 2);
  EXPECT_EQ(read.value("t_bucket{le=\"+Inf\"}"), 3);
}

}  // namespace
}  // namespace skiff::registry
