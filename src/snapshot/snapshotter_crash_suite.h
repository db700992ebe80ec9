// More of what every Snapshotter does: what a crash leaves of it.
#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "snapshot/snapshotter_suite.h"

namespace skiff::snapshot {

// Says on `ready` when it was read to its end, then never returns.
class HangingSource : public Source {
 public:
  HangingSource(std::string_view text, int ready) : text_(text), ready_(ready) {}
  Result<size_t> read(std::span<char> buffer) override {
    size_t n = TRY(text_.read(buffer.first(std::min<size_t>(buffer.size(), 512))));
    if (n > 0) return n;
    if (::write(ready_, "x", 1) != 1) _exit(1);
    for (;;) ::pause();
  }

 private:
  StringSource text_;
  int ready_;
};

TEST_P(SnapshotterSuite, KilledInTheMiddleOfAnUnpackItLeavesNothing) {
  must_unpack("base", "", LayerTar().file("f", "x").take());
  reopen();
  int64_t files = files_on_disk();
  store_.reset();
  LayerTar layer;
  for (int i = 0; i < 50; ++i) layer.file(cat("d", i, "/f"), std::string(1000, 'x'));
  std::string tar = layer.take();
  std::string half = tar.substr(0, tar.size() / 2);
  sys::Pipe pipe = *sys::make_pipe();
  pid_t child = ::fork();
  if (child == 0) {
    auto store = GetParam()(root_, clock_);
    HangingSource source(half, pipe.write.get());
    if (store) [[maybe_unused]]
      auto ignored = (*store)->unpack("half", "base", source);
    _exit(1);
  }
  pipe.write.reset();
  char byte = 0;
  ASSERT_EQ(::read(pipe.read.get(), &byte, 1), 1);
  ::kill(child, SIGKILL);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_GT(files_on_disk(), files);
  reopen();
  EXPECT_EQ(names(), Lines{"base"});
  EXPECT_EQ(files_on_disk(), files);
  EXPECT_EQ(listing_of("base").size(), 1u);
}

TEST_P(SnapshotterSuite, KilledAtRandomItKeepsAllThatWasAcknowledged) {
  constexpr int kRounds = 8;
  int acknowledged = 0;
  for (int round = 0; round < kRounds; ++round) {
    store_.reset();
    sys::Pipe pipe = *sys::make_pipe();
    pid_t child = ::fork();
    if (child == 0) {
      auto store = GetParam()(root_, clock_);
      if (!store) _exit(1);
      for (int i = acknowledged;; ++i) {
        std::string tar = LayerTar().directory("d").file("d/f", cat(i)).file("g", cat(i)).take();
        StringSource source(tar);
        auto done = (*store)->unpack(cat("layer-", i), i == 0 ? "" : cat("layer-", i - 1), source);
        // The one before the kill may have been committed without having been acknowledged.
        if (!done && done.error().code() != Code::kAlreadyExists) _exit(1);
        if (::write(pipe.write.get(), "x", 1) != 1) _exit(1);
      }
    }
    pipe.write.reset();
    // On a busy machine the last one waits for a first acknowledgement.
    pollfd heard{pipe.read.get(), POLLIN, 0};
    if (round == kRounds - 1 && acknowledged == 0) ::poll(&heard, 1, 60'000);
    ::usleep(20'000 + static_cast<useconds_t>(round) * 3'000);
    ::kill(child, SIGKILL);
    FdSource source(pipe.read.get());
    acknowledged += static_cast<int>(read_all(source, 1 << 20U)->size());
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    reopen();
    int present = static_cast<int>(names().size());
    EXPECT_GE(present, acknowledged);
    EXPECT_LE(present, acknowledged + 1);
    if (present == 0) continue;
    std::string last = cat(present - 1);
    EXPECT_EQ(*read_file(mount_view(cat("layer-", last)).path() / "d/f"), last);
    for (const std::string& name : names()) {
      if (!name.starts_with("view-")) continue;
      EXPECT_TRUE(store_->remove(name));
    }
  }
  EXPECT_GT(acknowledged, 0);
}

}  // namespace skiff::snapshot
