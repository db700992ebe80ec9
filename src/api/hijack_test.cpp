#include "api/hijack.h"

#include <sys/socket.h>

#include "api/test_api.h"
#include "sys/unix_socket.h"

namespace skiff::api {
namespace {

class HijackTest : public ApiTest {
 protected:
  // All that comes for a request until the server ends the connection.
  std::string converse(const std::string& head, const std::string& input = "") {
    UniqueFd connection = *net::connect_unix(socket());
    std::string bytes = cat(head, "\r\nHost: x\r\n\r\n", input);
    EXPECT_EQ(::send(connection.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    ::shutdown(connection.get(), SHUT_WR);
    FdSource source(connection.get());
    return read_all(source, size_t{1} << 20U).value_or("error");
  }
  std::string attach(const std::string& version, const std::string& id, bool upgrade) {
    std::string head = cat("POST ", version, "/containers/", id,
                           "/attach?stdout=1&stderr=1&logs=1 HTTP/1.1\r\nContent-Length: 0");
    if (upgrade) head += "\r\nConnection: Upgrade\r\nUpgrade: tcp";
    return converse(head);
  }
  std::string ended(bool tty = false) {
    engine::CreateRequest wanted = request("echo hi");
    wanted.config.tty = tty;
    std::string id = run(std::move(wanted));
    wait(id);
    return id;
  }
};

TEST_F(HijackTest, AnUpgradeIsAnsweredAsAsked) {
  std::string got = attach("/v1.51", ended(), true);
  EXPECT_TRUE(got.starts_with("HTTP/1.1 101 UPGRADED\r\n")) << got;
  EXPECT_NE(got.find("Content-Type: application/vnd.docker.multiplexed-stream\r\n"),
            std::string::npos)
      << got;
  EXPECT_NE(got.find("Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"), std::string::npos);
  EXPECT_TRUE(got.ends_with("\r\n\r\n" + frame(kStdoutStream, "hi\n"))) << got;
}

TEST_F(HijackTest, OlderClientsAndTerminalsGetRawStreams) {
  std::string raw = "Content-Type: application/vnd.docker.raw-stream\r\n";
  EXPECT_NE(attach("/v1.41", ended(), true).find(raw), std::string::npos);
  std::string terminal = attach("/v1.51", ended(true), true);
  EXPECT_NE(terminal.find(raw), std::string::npos);
  EXPECT_TRUE(terminal.ends_with("\r\n\r\nhi\r\n")) << terminal;
}

TEST_F(HijackTest, WithoutAnUpgradeTheAnswerIsABody) {
  std::string got = attach("/v1.51", ended(), false);
  EXPECT_TRUE(got.starts_with("HTTP/1.1 200 OK\r\n")) << got;
  EXPECT_EQ(got.find("Upgrade"), std::string::npos);
}

TEST_F(HijackTest, WhatIsRefusedIsNotHijacked) {
  std::string got = attach("", "none", true);
  EXPECT_TRUE(got.starts_with("HTTP/1.1 404 ")) << got;
  EXPECT_NE(got.find("No such container: none"), std::string::npos);
}

TEST_F(HijackTest, AnExecTalksBothWays) {
  std::string id = run("sleep 100");
  Reply made = post(cat("/containers/", id, "/exec"),
                    R"({"Cmd":["cat"],"AttachStdin":true,"AttachStdout":true})");
  ASSERT_EQ(made.status, 201) << made.body;
  std::string exec = made.json().string("Id");
  std::string got = converse(cat("POST /exec/", exec,
                                 "/start HTTP/1.1\r\nContent-Type: application/json\r\n"
                                 "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 2"),
                             "{}typed\n");
  EXPECT_TRUE(got.ends_with(frame(kStdoutStream, "typed\n"))) << got;
  json::Value after = get(cat("/exec/", exec, "/json")).json();
  EXPECT_FALSE(after.boolean("Running"));
  EXPECT_EQ(after.integer("ExitCode"), 0);
  EXPECT_EQ(post(cat("/containers/", id, "/exec"), "{}").message(), "No exec command specified");
}

TEST(Frames, HaveTheirStreamAndLength) {
  EXPECT_EQ(frame(2, "abc"), std::string("\2\0\0\0\0\0\0\3abc", 11));
  EXPECT_EQ(frame(1, std::string(300, 'x')).substr(0, 8), std::string("\1\0\0\0\0\0\1\54", 8));
}

}  // namespace
}  // namespace skiff::api
