// --log-opt: what is refused, what the daemon fills in, and what is said beside the messages.
#include "engine/log_drivers.h"
#include "engine/test_engine.h"

namespace skiff::engine {
namespace {

class LogOptionsTest : public testing::EngineTest {};

TEST_F(LogOptionsTest, LogOptionsThatAreNotThereAreRefused) {
  for (const auto& [driver, key, value, why] :
       {std::array{"local", "compress", "what", "invalid boolean value for compress: \"what\""},
        std::array{"local", "max-file", "1",
                   "compression cannot be enabled when max file count is 1"},
        std::array{"json-file", "compress", "true",
                   "compress cannot be true when max-file is less than 2 or max-size is not set"},
        std::array{"local", "what", "a", "unknown log opt 'what' for local log driver"},
        std::array{"local", "tag", "{{.What}}", "log opt 'tag'"},
        std::array{"json-file", "labels-regex", "(", "log opt 'labels-regex': \"(\""},
        std::array{"json-file", "max-size", "-1", "invalid value for max-size: invalid size: '-1'"},
        std::array{"json-file", "max-size", "0", "max-size must be a positive number"},
        std::array{"json-file", "mode", "x", "logger: logging mode not supported: x"},
        std::array{"json-file", "max-buffer-size", "1m", "only supported with 'mode=non-blocking'"},
        std::array{"local", "max-size", "0", "max-size must be a positive number"},
        std::array{"json-file", "max-file", "0", "invalid value for max-file: \"0\""},
        std::array{"syslog", "a", "b", "logger: no log driver named 'syslog' is registered"}}) {
    CreateRequest wanted = request("true");
    wanted.host_config.log_driver = driver;
    wanted.host_config.log_options = {{key, value}};
    auto created = containers().create(std::move(wanted));
    ASSERT_FALSE(created) << driver << " " << key;
    EXPECT_NE(created.error().message().find(why), std::string::npos) << created.error().message();
  }
}

TEST_F(LogOptionsTest, LabelsVariablesAndTheTagAreShownOfEveryLogFile) {
  for (const char* driver : {"json-file", "local"}) {
    CreateRequest wanted = request("echo x");
    wanted.config.run.labels = {{"a.b", "1"}, {"a.c", "2"}, {"d", "3"}};
    wanted.config.run.env = {"ONE=1", "TWO=2", "THREE=3"};
    wanted.host_config.log_driver = driver;
    wanted.host_config.log_options = {{"labels", "d"},       {"labels-regex", "^a\\."},
                                      {"env", "ONE"},        {"env-regex", "^T[WX]"},
                                      {"tag", "{{.Name}}!"}, {"mode", "non-blocking"}};
    wanted.name = cat("tagged-", driver);
    const std::string id = run(std::move(wanted));
    EXPECT_EQ(wait(id), 0);
    std::map<std::string, std::string> shown;
    ASSERT_TRUE(streams().logs(id, {},
                               [&](const LogEntry& entry) -> Result<> {
                                 shown = entry.attributes;
                                 return {};
                               },
                               {}));
    EXPECT_EQ(shown, (std::map<std::string, std::string>{{"a.b", "1"},
                                                         {"a.c", "2"},
                                                         {"d", "3"},
                                                         {"ONE", "1"},
                                                         {"TWO", "2"},
                                                         {"tag", cat("tagged-", driver, "!")}}));
    if (driver == std::string_view("local")) continue;
    const std::string file = read_file(info(id).log_path).value_or("");
    EXPECT_NE(file.find(R"("stream":"stdout","attrs":{"ONE":"1","TWO":"2","a.b":"1",)"),
              std::string::npos)
        << file;
  }
}

TEST(Logging, TheDaemonsDefaultsFillWhatIsNotSaid) {
  HostConfig host;
  add_default_logging(host, "local", {{"max-size", "1m"}, {"max-file", "2"}});
  EXPECT_EQ(host.log_driver, "local");
  EXPECT_EQ(host.log_options.size(), 2U);
  host.log_options = {{"max-size", "5m"}};
  add_default_logging(host, "local", {{"max-size", "1m"}, {"max-file", "2"}});
  EXPECT_EQ(host.log_options["max-size"], "5m");
  EXPECT_EQ(host.log_options["max-file"], "2");
  host = {.log_driver = "json-file"};
  add_default_logging(host, "local", {{"max-size", "1m"}});
  EXPECT_TRUE(host.log_options.empty());
}

}  // namespace
}  // namespace skiff::engine
