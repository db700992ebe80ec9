#include "builder/agent_forward.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "net/stream.h"

namespace skiff::builder {
namespace {

std::string read_text(int fd) {
  std::array<char, 64> text{};
  const ssize_t n = ::read(fd, text.data(), text.size());
  return n < 0 ? "(error)" : std::string(text.data(), static_cast<size_t>(n));
}

class Forwarding : public testing::Test {
 protected:
  void SetUp() override {
    agent_ = *net::listen_unix(dir_.path() / "agent", 0600);
    auto forward = AgentForward::start(dir_.path() / "step", {.uid = 5, .gid = 6, .mode = 0620},
                                       dir_.path() / "agent");
    ASSERT_TRUE(forward) << forward.error().message();
    forward_ = std::move(*forward);
  }
  UniqueFd accept() const {
    return UniqueFd(::accept4(agent_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-agent-");
  UniqueFd agent_;
  std::unique_ptr<AgentForward> forward_;
};

TEST_F(Forwarding, BothWaysAndToTheEnd) {
  UniqueFd step = *net::connect_unix(dir_.path() / "step");
  UniqueFd agent = accept();
  ASSERT_EQ(::write(step.get(), "ping", 4), 4);
  EXPECT_EQ(read_text(agent.get()), "ping");
  ASSERT_EQ(::write(agent.get(), "pong", 4), 4);
  EXPECT_EQ(read_text(step.get()), "pong");
  ::shutdown(step.get(), SHUT_WR);
  EXPECT_EQ(read_text(agent.get()), "");
  agent = UniqueFd();
  EXPECT_EQ(read_text(step.get()), "");
}

TEST_F(Forwarding, TheSocketHasItsOwnerAndMode) {
  struct stat st{};
  ASSERT_EQ(::stat((dir_.path() / "step").c_str(), &st), 0);
  EXPECT_EQ(st.st_uid, 5);
  EXPECT_EQ(st.st_gid, 6);
  EXPECT_EQ(st.st_mode & 07777, 0620);
}

TEST_F(Forwarding, ItsEndIsTheEndOfAllTalks) {
  UniqueFd step = *net::connect_unix(dir_.path() / "step");
  UniqueFd agent = accept();
  forward_.reset();
  EXPECT_EQ(read_text(step.get()), "");
  EXPECT_EQ(read_text(agent.get()), "");
}

}  // namespace
}  // namespace skiff::builder
