// The access log's lines, and where they go.
#include "registry/access_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry/test_accounts.h"

namespace skiff::registry {
namespace {

RequestRecord record_of(const Viewer& viewer) {
  return {.id = "abc",
          .method = "GET",
          .path = "/v2/acme/web/manifests/1",
          .endpoint = "manifest",
          .repository = "acme/web",
          .reference = "1",
          .viewer = viewer,
          .address = "192.0.2.7",
          .user_agent = "crane/1",
          .status = 200,
          .sent = 7,
          .duration = std::chrono::microseconds(42)};
}

TEST(AccessLine, TellsWhatWasAskedByWhom) {
  const Viewer ann{.kind = Viewer::Kind::kUser, .name = "ann"};
  const TimePoint now = *parse_rfc3339("2026-11-28T10:00:00.000123Z");
  EXPECT_EQ(access_line(record_of(ann), now),
            "{\"time\":\"2026-11-28T10:00:00.000123Z\",\"id\":\"abc\",\"address\":\"192.0.2.7\","
            "\"kind\":\"user\",\"user\":\"ann\",\"method\":\"GET\","
            "\"path\":\"/v2/acme/web/manifests/1\",\"endpoint\":\"manifest\","
            "\"repository\":\"acme/web\",\"reference\":\"1\",\"status\":200,\"received\":0,"
            "\"sent\":7,\"micros\":42,\"agent\":\"crane/1\"}\n");
}

// Whatever clients send, a line is one line of JSON.
TEST(AccessLine, IsJsonWhateverComes) {
  const Viewer viewer;
  for (const std::string& text :
       {std::string("a\"b\\c\n\r\t\x7f"), std::string("\0x", 2), std::string("\xff\xfe"),
        std::string("\xed\xa0\x80"), std::string("\xc0\xaf"), std::string("\xf4\x90\x80\x80"),
        std::string("\xe2\x82"), std::string("na\xc3\xafve \xe2\x82\xac \xf0\x9f\x90\xb3"),
        std::string(511, 'x') + "\xe2\x82\xac", std::string(100'000, '\xe2')}) {
    RequestRecord record = record_of(viewer);
    record.path = record.user_agent = record.reference = text;
    const std::string line = access_line(record, Clock::system().now());
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    const auto read = json::parse(line);
    ASSERT_TRUE(read) << line << read.error().message();
    EXPECT_LT(line.size(), 12'000U);
  }
  RequestRecord record = record_of(viewer);
  record.path = "na\xc3\xafve";
  EXPECT_EQ(json::parse(access_line(record, {}))->string("path"), "na\xc3\xafve");
}

class AccessLogTest : public AccountsTest {
 protected:
  AccessLogTest() { options_.access_log = dir_.path() / "access.log"; }
  // Of a log that is closed.
  std::vector<json::Value> lines(const Path& file) {
    std::vector<json::Value> out;
    for (const std::string& line : split(*read_file(file, size_t{1} << 20U), '\n')) {
      if (line.empty()) continue;
      auto value = json::parse(line);
      EXPECT_TRUE(value) << line;
      if (value) out.push_back(std::move(*value));
    }
    return out;
  }
};

TEST_F(AccessLogTest, HasALineForEachRequest) {
  push_image("acme/web", "1", "config", {"layer"});
  EXPECT_EQ(client().get("/v2/acme/web/manifests/2", {{"X-Request-Id", "mine"}}).status, 404);
  stop();
  const std::vector<json::Value> told = lines(options_.access_log);
  ASSERT_EQ(told.size(), 4U);
  EXPECT_EQ(told[2].string("method"), "PUT");
  EXPECT_EQ(told[2].integer("status"), 201);
  EXPECT_EQ(told[3].string("id"), "mine");
  EXPECT_EQ(told[3].string("error"), "MANIFEST_UNKNOWN");
  struct stat status = {};
  ASSERT_EQ(::stat(options_.access_log.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0007U, 0U);
}

TEST_F(AccessLogTest, NeverHasASecret) {
  allow(add_user("ann"), "", access::Role::kOwn);
  restart();
  EXPECT_EQ(status("GET", "/v2/", as("ann")), 200);
  const Reply token = client().get("/auth/token?scope=repository:a:pull&account=hush1", as("ann"));
  ASSERT_EQ(token.status, 200);
  const std::string bearer_token = token.json().string("token");
  EXPECT_EQ(status("GET", "/v2/?access_token=hush2", bearer(bearer_token)), 200);
  client().call("POST", "/auth/token",
                "grant_type=password&username=ann&password=hush3&refresh_token=hush4");
  client().get("/elsewhere?key=hush5", {{"Cookie", "hush6"}, {"Referer", "http://x/?hush7"}});
  stop();
  const std::string text = *read_file(options_.access_log, size_t{1} << 20U);
  EXPECT_EQ(text.find("hush"), std::string::npos) << text;
  EXPECT_EQ(text.find("secret"), std::string::npos) << text;
  EXPECT_EQ(text.find(bearer_token), std::string::npos);
  EXPECT_NE(text.find("\"user\":\"ann\""), std::string::npos);
}

TEST_F(AccessLogTest, GoesOnInANewFileWhenTheOldOneIsMoved) {
  EXPECT_EQ(client().get("/v2/").status, 200);
  const Path moved = dir_.path() / "access.log.1";
  std::filesystem::rename(options_.access_log, moved);
  registry_->reopen_log();
  while (!std::filesystem::exists(options_.access_log)) std::this_thread::yield();
  EXPECT_EQ(client().get("/v2/a/tags/list").status, 404);
  stop();
  const std::vector<json::Value> now = lines(options_.access_log);
  ASSERT_FALSE(now.empty());
  EXPECT_EQ(now.back().string("path"), "/v2/a/tags/list");
  EXPECT_EQ(lines(moved).size() + now.size(), 2U);
}

TEST_F(AccessLogTest, RefusesAPlaceThatIsNone) {
  stop();
  options_.access_log = dir_.path() / "no" / "access.log";
  const auto opened = open_registry(options_, clock_);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message().find("access log: open "), std::string::npos)
      << opened.error().message();
}

// A pipe that nobody reads holds a few lines; the rest is bounded, then lost, and nobody waits.
TEST(AccessLog, WaitsForNoReader) {
  const TempDir dir = *TempDir::make("/tmp", "skiff-access-log-");
  const Path pipe = dir.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const UniqueFd reader(::open(pipe.c_str(), O_RDONLY | O_NONBLOCK));
  auto log = *AccessLog::open(pipe);
  const Viewer viewer;
  const std::string path(500, 'x');
  RequestRecord record = record_of(viewer);
  record.path = path;
  for (int i = 0; i < 50'000 && log->lost() == 0; ++i) log->answered(record);
  EXPECT_GT(log->lost(), 0U);
  log.reset();  // and does not wait for ever either
}

}  // namespace
}  // namespace skiff::registry
