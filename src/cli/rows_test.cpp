// What lists show: tables, human units, rows of containers, images and samples, and --format.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/clock.h"
#include "base/strings.h"
#include "cli/container_row.h"
#include "cli/image_row.h"
#include "cli/listing.h"
#include "cli/stats.h"
#include "cli/table.h"

namespace skiff::cli {
namespace {

using std::chrono::seconds;

TEST(Table, ColumnsAreThreeBlanksApart) {
  EXPECT_EQ(format_table({{"ID", "NAME", "X"}, {"0123456789", "a", "long value"}}),
            "ID           NAME      X\n0123456789   a         long value\n");
  EXPECT_EQ(format_table({{"A", "B"}, {"é", "x"}}, 0), "A   B\né   x\n");
  EXPECT_EQ(format_table({}), "");
}

RC_GTEST_PROP(Table, EveryCellIsThereAndLinesUp, ()) {
  const auto rows = *rc::gen::container<std::vector<std::vector<std::string>>>(
      rc::gen::container<std::vector<std::string>>(
          3, rc::gen::container<std::string>(rc::gen::inRange('a', 'z'))));
  std::string text = format_table(rows);
  auto lines = split(text, '\n');
  RC_ASSERT(lines.size() == rows.size() + 1);
  for (size_t i = 0; i < rows.size(); ++i) {
    RC_ASSERT(lines[i].starts_with(rows[i][0]));
    RC_ASSERT(lines[i].ends_with(rows[i][2]));
    RC_ASSERT(lines[i].size() - rows[i][2].size() == lines[0].size() - rows[0][2].size());
  }
}

TEST(Table, SizesAndTimesAreInDockersWords) {
  EXPECT_EQ(human_size(0), "0B");
  EXPECT_EQ(human_size(999), "999B");
  EXPECT_EQ(human_size(1982779), "1.98MB");
  EXPECT_EQ(human_size(123456789), "123MB");
  EXPECT_EQ(human_bytes_binary(0), "0B");
  EXPECT_EQ(human_bytes_binary(1536), "1.5KiB");
  EXPECT_EQ(human_bytes_binary(64 << 20), "64MiB");
  struct Case {
    int64_t elapsed;
    const char* text;
  };
  const Case cases[] = {{0, "Less than a second"},
                        {1, "1 second"},
                        {59, "59 seconds"},
                        {60, "About a minute"},
                        {119, "About a minute"},
                        {120, "2 minutes"},
                        {3599, "59 minutes"},
                        {3600, "About an hour"},
                        {5399, "About an hour"},
                        {5400, "2 hours"},
                        {7200, "2 hours"},
                        {int64_t{47} * 3600, "47 hours"},
                        {int64_t{48} * 3600, "2 days"},
                        {int64_t{13} * 86400, "13 days"},
                        {int64_t{14} * 86400, "2 weeks"},
                        {int64_t{60} * 86400, "2 months"},
                        {int64_t{730} * 86400, "2 years"}};
  for (const auto& [elapsed, text] : cases)
    EXPECT_EQ(skiff::human_duration(seconds(elapsed)), text);
  int64_t now = unix_seconds(Clock::system().now());
  EXPECT_EQ(age(now - 180), "3 minutes ago");
}

TEST(Table, IdsAndLongTextsAreCut) {
  EXPECT_EQ(short_id("sha256:0123456789abcdef"), "0123456789ab");
  EXPECT_EQ(short_id("abc"), "abc");
  EXPECT_EQ(ellipsis("short", 10), "short");
  EXPECT_EQ(ellipsis("exactly ten", 5), "exac…");
  EXPECT_EQ(ellipsis("ééééé", 3), "éé…") << "characters, not bytes";
}

std::vector<json::Value> two_rows() {
  return {json::object({{"ID", "1"}, {"Name", "a"}, {"Label", json::object({{"x", "y"}})}}),
          json::object({{"ID", "2"}, {"Name", "b"}, {"Label", json::object()}})};
}

constexpr Column kColumns[] = {{"ID", "ID"}, {"Name", "NAME"}, {"Extra", "EXTRA", false}};

std::string listing(const std::string& format, bool quiet = false) {
  auto out = format_listing(two_rows(), kColumns, {format, quiet});
  return out ? *out : cat("ERROR ", out.error().message());
}

TEST(Listing, Formats) {
  EXPECT_EQ(listing(""), "ID        NAME\n1         a\n2         b\n");
  EXPECT_EQ(listing("table"), listing(""));
  EXPECT_EQ(listing("", true), "1\n2\n");
  EXPECT_EQ(listing("{{.Name}}\\t{{.ID}}"), "a\t1\nb\t2\n");
  EXPECT_EQ(listing("table {{.Name}}\\t{{upper .ID}}"), "NAME      ID\na         1\nb         2\n");
  EXPECT_EQ(listing("table {{.Name}}\\t{{.Label \"x\"}}"),
            "NAME      x\na         y\nb         \n");
  EXPECT_TRUE(listing("{{.Nope}}").starts_with("ERROR failed to execute template: template: "));
  EXPECT_TRUE(listing("{{.Name").starts_with("ERROR failed to parse template: template: "));
}

TEST(ContainerRow, ShowsWhatTheDaemonSays) {
  int64_t now = unix_seconds(Clock::system().now());
  auto container =
      *json::parse(cat(R"({"Id": "0123456789abcdef", "Names": ["/web", "/db/alias"],
    "Image": "busybox", "ImageID": "sha256:aa", "Command": "sh -c 'a command that is long'",
    "Created": )",
                       now - 3700, R"(, "State": "running", "Status": "Up 3 minutes", "SizeRw": 10,
    "SizeRootFs": 2000, "Labels": {"b": "2", "a": "1"},
    "Mounts": [{"Name": "a-volume-with-a-long-name", "Driver": "local"}, {"Source": "/srv"}],
    "NetworkSettings": {"Networks": {"bridge": {}}},
    "Ports": [{"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 80, "Type": "tcp"}]})"));
  auto row = container_row(container, true);
  EXPECT_EQ(row.string("ID"), "0123456789ab");
  EXPECT_EQ(row.string("Names"), "web");
  EXPECT_EQ(row.string("Command"), "\"sh -c 'a command th…\"");
  EXPECT_EQ(row.string("RunningFor"), "About an hour ago");
  EXPECT_EQ(row.string("Status"), "Up 3 minutes");
  EXPECT_EQ(row.string("Ports"), "0.0.0.0:80->80/tcp");
  EXPECT_EQ(row.string("Size"), "10B (virtual 2kB)");
  EXPECT_EQ(row.string("Labels"), "a=1,b=2");
  EXPECT_EQ(row.string("Mounts"), "a-volume-with-…,/srv");
  EXPECT_EQ(row.string("LocalVolumes"), "1");
  EXPECT_EQ(row.string("Networks"), "bridge");
  auto whole = container_row(container, false);
  EXPECT_EQ(whole.string("ID"), "0123456789abcdef");
  EXPECT_EQ(whole.string("Command"), "\"sh -c 'a command that is long'\"");
  EXPECT_EQ(container_row(json::object(), true).string("Image"), "<no image>");
}

TEST(ContainerRow, NeighbouringPortsAreRanges) {
  auto ports = [](std::string_view text) { return ports_text(json::parse(text)->as_array()); };
  EXPECT_EQ(ports("[]"), "");
  EXPECT_EQ(ports(R"([{"PrivatePort": 443, "Type": "tcp"}, {"PrivatePort": 80, "Type": "tcp"},
                      {"PrivatePort": 81, "Type": "tcp"}, {"PrivatePort": 53, "Type": "udp"}])"),
            "53/udp, 80-81/tcp, 443/tcp");
  EXPECT_EQ(ports(R"([{"IP": "::", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}])"),
            "[::]:8080->80/tcp");
  EXPECT_EQ(ports(R"([{"IP": "1.1.1.1", "PrivatePort": 7, "PublicPort": 7, "Type": "tcp"},
                      {"IP": "1.1.1.1", "PrivatePort": 8, "PublicPort": 8, "Type": "tcp"}])"),
            "1.1.1.1:7-8->7-8/tcp");
}

TEST(ImageRow, OneForEachName) {
  auto image = *json::parse(R"({"Id": "sha256:0123456789abcdef", "Created": 0, "Size": 1982779,
    "Containers": -1, "RepoTags": ["a:1", "host:5000/b:2"], "RepoDigests": ["a@sha256:dd"]})");
  auto rows = image_rows(image, true);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].string("Repository"), "a");
  EXPECT_EQ(rows[0].string("Tag"), "1");
  EXPECT_EQ(rows[0].string("Digest"), "sha256:dd");
  EXPECT_EQ(rows[0].string("Size"), "1.98MB");
  EXPECT_EQ(rows[1].string("Repository"), "host:5000/b");
  EXPECT_EQ(rows[1].string("Digest"), "<none>");
  EXPECT_EQ(rows[1].string("ID"), "0123456789ab");
  auto none = image_rows(json::object({{"Id", "sha256:00"}}), true);
  ASSERT_EQ(none.size(), 1U);
  EXPECT_EQ(none[0].string("Repository"), "<none>");
  EXPECT_EQ(none[0].string("Tag"), "<none>");
}

TEST(StatsRow, CountsWhatWasUsedSinceTheSampleBefore) {
  auto sample = *json::parse(R"({"id": "0123456789abcdef", "name": "/web",
    "cpu_stats": {"cpu_usage": {"total_usage": 300}, "system_cpu_usage": 2000, "online_cpus": 2},
    "precpu_stats": {"cpu_usage": {"total_usage": 100}, "system_cpu_usage": 1000},
    "memory_stats": {"usage": 3145728, "limit": 4194304, "stats": {"inactive_file": 1048576}},
    "networks": {"eth0": {"rx_bytes": 1000, "tx_bytes": 10}, "eth1": {"rx_bytes": 1000}},
    "blkio_stats": {"io_service_bytes_recursive": [{"op": "Read", "value": 5},
                                                   {"op": "write", "value": 7}]},
    "pids_stats": {"current": 4}})");
  auto row = stats_row(sample, true);
  EXPECT_EQ(row.string("ID"), "0123456789ab");
  EXPECT_EQ(row.string("Name"), "web");
  EXPECT_EQ(row.string("CPUPerc"), "40.00%");
  EXPECT_EQ(row.string("MemUsage"), "2MiB / 4MiB");
  EXPECT_EQ(row.string("MemPerc"), "50.00%");
  EXPECT_EQ(row.string("NetIO"), "2kB / 10B");
  EXPECT_EQ(row.string("BlockIO"), "5B / 7B");
  EXPECT_EQ(row.string("PIDs"), "4");
  EXPECT_EQ(stats_row(json::object(), true).string("CPUPerc"), "0.00%");
}

}  // namespace
}  // namespace skiff::cli
