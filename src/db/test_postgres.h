// For tests: a PostgreSQL server of this test program alone, in a temporary directory, reached by a
// Unix socket there. Started by the first who asks, stopped with the program.
//
//   if (!PostgresForTests::available()) GTEST_SKIP() << "postgresql-15 is not installed";
//   auto server = PostgresForTests::get().server();
//   Database db = *server->connect(PostgresForTests::new_schema(), ...);
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <postgresql/libpq-fe.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <thread>

#include "base/file.h"
#include "base/strings.h"
#include "db/postgres.h"
#include "db/root_database.h"

namespace skiff {

class PostgresForTests {
 public:
  // For a test of what works on a root: its tables are on a server of this program's own, as if
  // nobody had used it before, where SKIFF_TEST_DATABASE says "postgresql".
  static void place_tables_of(const Path& root) {
    const char* database = std::getenv("SKIFF_TEST_DATABASE");
    if (database == nullptr || std::string_view(database) != "postgresql") return;
    place_tables_of(std::vector{root});
  }
  // All have the same tables there, whatever SKIFF_TEST_DATABASE says.
  static void place_tables_of(const std::vector<Path>& roots) {
    set_database_connector(
        [](const DatabaseName& name) -> Result<std::shared_ptr<const DatabaseServer>> {
          return std::make_shared<OwnSchemas>(get().server(), name.url);
        });
    const std::string schema = new_schema();
    for (const Path& root : roots) {
      ASSERT_TRUE(make_directories(root));
      ASSERT_TRUE(note_database(root, {schema, ""}));
    }
  }
  static bool available() { return !programs().empty(); }
  static PostgresForTests& get() {
    static PostgresForTests instance;
    return instance;
  }
  // A name that nobody had before, on this server.
  static std::string new_schema() {
    static std::atomic<int> count = 0;
    return cat("test_", ++count);
  }

  PostgresForTests(const PostgresForTests&) = delete;
  PostgresForTests& operator=(const PostgresForTests&) = delete;
  ~PostgresForTests() { kill(SIGQUIT); }

  std::string url() const {
    return cat("postgresql://skiff@/postgres?host=", directory_.path().native());
  }
  std::shared_ptr<const DatabaseServer> server() const { return *postgres_server(url()); }
  // The same server, as if nobody had used it before.
  std::shared_ptr<const DatabaseServer> fresh_server() const {
    return std::make_shared<OwnSchemas>(server(), new_schema());
  }

  void kill(int signal) {
    if (process_ <= 0) return;
    ::kill(process_, signal);
    ::waitpid(std::exchange(process_, -1), nullptr, 0);
  }
  void start() {
    // Those of a server that was killed go when they notice it; the next one waits for that.
    const std::string data = (directory_.path() / "data").native();
    for (int attempt = 0; attempt < 3000; ++attempt) {
      if (process_ <= 0) {
        process_ = run({"postgres", "-D", data, "-k", directory_.path().native(), "-c",
                        "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=16MB", "-c",
                        "max_connections=60"});
      }
      if (PQping(url().c_str()) == PQPING_OK) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      if (::waitpid(process_, nullptr, WNOHANG) == process_) process_ = -1;
    }
    ADD_FAILURE() << "PostgreSQL does not start";
  }

 private:
  class OwnSchemas : public DatabaseServer {
   public:
    OwnSchemas(std::shared_ptr<const DatabaseServer> server, std::string prefix)
        : server_(std::move(server)), prefix_(std::move(prefix)) {}
    Result<Database> connect(const std::string& schema, Use use,
                             std::span<const char* const> migrations) const override {
      return server_->connect(cat(prefix_, "_", schema), use, migrations);
    }
    Result<bool> has(const std::string& schema) const override {
      return server_->has(cat(prefix_, "_", schema));
    }
    std::string description() const override { return server_->description(); }

   private:
    std::shared_ptr<const DatabaseServer> server_;
    std::string prefix_;
  };

  static Path programs() {
    std::error_code none;
    for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql", none)) {
      if (std::filesystem::exists(version.path() / "bin/postgres")) return version.path() / "bin";
    }
    return {};
  }

  PostgresForTests() {
    // Neither program runs as root.
    if (::geteuid() == 0 && ::chown(directory_.path().c_str(), kNobody, kNobody) != 0) {
      ADD_FAILURE() << "chown " << directory_.path();
    }
    const std::string data = (directory_.path() / "data").native();
    const pid_t made = run({"initdb", "-D", data, "-U", "skiff", "-A", "trust", "-E", "UTF8",
                            "--no-sync", "--no-instructions", "--locale=C.UTF-8"});
    int status = 0;
    ::waitpid(made, &status, 0);
    EXPECT_EQ(status, 0) << "initdb";
    start();
  }

  pid_t run(const std::vector<std::string>& command) {
    const std::string program = (programs() / command.front()).native();
    const std::string log_file = (directory_.path() / "log").native();
    std::vector<char*> arguments;
    for (const std::string& each : command) arguments.push_back(const_cast<char*>(each.c_str()));
    arguments.push_back(nullptr);
    const pid_t child = ::fork();
    if (child != 0) return child;
    if (::geteuid() == 0 && (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0)) ::_exit(1);
    ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
    if (::chdir("/") != 0) ::_exit(1);
    const int log = ::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(log, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    ::execv(program.c_str(), arguments.data());
    ::_exit(127);
  }

  static constexpr uid_t kNobody = 65534;
  TempDir directory_ = *TempDir::make("/tmp", "skiff-postgres-");
  pid_t process_ = -1;
};

}  // namespace skiff
