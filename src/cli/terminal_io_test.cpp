// What goes between the user's terminal and the daemon: detach keys, frames, progress.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include "base/strings.h"
#include "base/unique_fd.h"
#include "cli/detach_keys.h"
#include "cli/progress.h"

namespace skiff::cli {
namespace {

TEST(DetachKeys, DefaultIsCtrlPCtrlQ) {
  DetachKeys keys;
  EXPECT_EQ(keys.feed("ab\x10"), "ab");
  EXPECT_EQ(keys.feed("c"),
            "\x10"
            "c")
      << "held back until it is clear what it is";
  EXPECT_FALSE(keys.complete());
  EXPECT_EQ(keys.feed("x\x10\x11y"), "x");
  EXPECT_TRUE(keys.complete());
}

TEST(DetachKeys, AreWhatTheUserSays) {
  auto keys = DetachKeys::parse("a,ctrl-b,c");
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->feed("aaa\x02x"), "aaa\x02x");
  EXPECT_EQ(keys->feed("a\x02"), "");
  keys->feed("c");
  EXPECT_TRUE(keys->complete());
  EXPECT_TRUE(DetachKeys::parse(""));
  EXPECT_TRUE(DetachKeys::parse("ctrl-@,ctrl-["));
  for (const char* bad : {"ctrl-", "ctrl-1", "ctrl-ab", "ab", "a,,b", ","}) {
    EXPECT_FALSE(DetachKeys::parse(bad)) << bad;
  }
}

// However the bytes are cut, the program gets all that comes before the keys, and nothing else.
RC_GTEST_PROP(DetachKeys, CutsDoNotMatter, ()) {
  const auto bytes = *rc::gen::container<std::string>(rc::gen::element('a', 'b', 'c'));
  const auto cut = *rc::gen::inRange<size_t>(0, bytes.size() + 1);
  DetachKeys whole = *DetachKeys::parse("a,b");
  DetachKeys parts = *DetachKeys::parse("a,b");
  std::string once = whole.feed(bytes);
  std::string twice = parts.feed(std::string_view(bytes).substr(0, cut));
  twice += parts.feed(std::string_view(bytes).substr(cut));
  RC_ASSERT(once == twice);
  RC_ASSERT(whole.complete() == (bytes.find("ab") != std::string::npos));
  if (whole.complete()) RC_ASSERT(once == bytes.substr(0, bytes.find("ab")));
}

json::Value layer(std::string_view id, std::string_view status, int64_t current = 0,
                  int64_t total = 0) {
  return json::object({{"id", id},
                       {"status", status},
                       {"progressDetail", json::object({{"current", current}, {"total", total}})}});
}

std::string all_that_is_there(int fd) {
  std::string out;
  char piece[4096];
  for (pollfd ready{fd, POLLIN, 0}; ::poll(&ready, 1, 0) > 0;) {
    ssize_t n = ::read(fd, piece, sizeof piece);
    if (n <= 0) break;
    out.append(piece, static_cast<size_t>(n));
  }
  return out;
}

struct Pipe {
  Pipe() {
    int fds[2];
    EXPECT_EQ(::pipe2(fds, O_CLOEXEC), 0);
    out = UniqueFd(fds[0]);
    in = UniqueFd(fds[1]);
  }
  UniqueFd out;
  UniqueFd in;
};

TEST(Progress, WithoutATerminalALineForEachChange) {
  Pipe pipe;
  ProgressPrinter printer(pipe.in.get());
  ASSERT_TRUE(printer.show(json::object({{"status", "Pulling from library/a"}, {"id", "1"}})));
  ASSERT_TRUE(printer.show(layer("aa", "Downloading", 1, 10)));
  ASSERT_TRUE(printer.show(layer("aa", "Downloading", 5, 10)));
  ASSERT_TRUE(printer.show(layer("aa", "Pull complete")));
  ASSERT_TRUE(printer.show(json::object({{"status", "Status: done"}})));
  ASSERT_TRUE(printer.show(json::object({{"stream", "Step 1/1\n"}})));
  EXPECT_EQ(
      all_that_is_there(pipe.out.get()),
      "1: Pulling from library/a\naa: Downloading\naa: Pull complete\nStatus: done\nStep 1/1\n");
}

TEST(Progress, ErrorsEndItAndQuietSaysNothing) {
  Pipe pipe;
  ProgressPrinter printer(pipe.in.get(), true);
  ASSERT_TRUE(printer.show(layer("aa", "Downloading")));
  ASSERT_TRUE(printer.show(json::object({{"aux", json::object({{"ID", "sha256:aa"}})}})));
  EXPECT_EQ(printer.last_aux_id(), "sha256:aa");
  auto failed = printer.show(json::object({{"error", "no such image"}}));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message(), "no such image");
  EXPECT_EQ(all_that_is_there(pipe.out.get()), "");
}

TEST(Progress, OnATerminalALayersLineIsRedrawn) {
  int master = -1;
  int slave = -1;
  ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
  UniqueFd screen(master);
  UniqueFd terminal(slave);
  ProgressPrinter printer(terminal.get());
  ASSERT_TRUE(printer.show(layer("aa", "Downloading", 5, 10)));
  ASSERT_TRUE(printer.show(layer("bb", "Waiting")));
  all_that_is_there(screen.get());
  ASSERT_TRUE(printer.show(layer("aa", "Pull complete")));
  std::string drawn = all_that_is_there(screen.get());
  EXPECT_TRUE(drawn.starts_with("\x1b[2A")) << "two lines up: " << drawn;
  EXPECT_NE(drawn.find("aa: Pull complete"), std::string::npos);
  EXPECT_NE(drawn.find("\x1b[2B"), std::string::npos) << "and down again";
  EXPECT_EQ(drawn.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace skiff::cli
