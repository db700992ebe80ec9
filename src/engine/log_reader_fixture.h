// For tests of LogReader: a log in a directory of its own, written to and rotated as the monitor
// does.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/strings.h"
#include "codec/gzip_member.h"
#include "engine/log_reader.h"
#include "runtime/log_files.h"

namespace skiff::engine {

inline std::string line(const std::string& text, const std::string& stream = "stdout") {
  return cat("{\"log\":\"", text, "\\n\",\"stream\":\"", stream,
             "\",\"time\":\"2026-01-02T03:04:05.6Z\"}\n");
}

class LogReaderTest : public ::testing::Test {
 protected:
  void append(const std::string& bytes, const std::string& suffix = "") {
    std::ofstream(path_.native() + suffix, std::ios::app | std::ios::binary) << bytes;
  }
  void append_lines(int first, int last, const std::string& suffix = "") {
    for (int i = first; i <= last; ++i) append(line(std::to_string(i)), suffix);
  }
  // As the monitor rotates: the log's name always has a file.
  void rotate() {
    for (const char* kind : {"", ".gz"}) {
      for (int number = 4; number > 0; --number) {
        std::filesystem::rename(cat(path_.native(), ".", number, kind),
                                cat(path_.native(), ".", number + 1, kind), ec_);
      }
    }
    std::filesystem::create_hard_link(path_, path_.native() + ".1");
    std::ofstream(path_.native() + ".new");
    std::filesystem::rename(path_.native() + ".new", path_);
  }
  // As the monitor does.
  void compress(int number) {
    const Path plain = runtime::rotated_log(path_, number);
    if (!std::filesystem::exists(plain)) return;
    const std::string text = *read_file(plain);
    const Path packed = runtime::compressed_log(path_, number);
    std::ofstream(packed) << compress_gzip_member(text);
    runtime::set_log_sequence(open_file(packed, O_RDWR)->get(),
                              runtime::log_sequence(open_file(plain, O_RDONLY)->get()));
    std::filesystem::remove(plain);
  }
  uint64_t inode() const {
    struct stat st{};
    return ::stat(path_.c_str(), &st) == 0 ? st.st_ino : 0;
  }
  static std::string read(LogReader& reader) {
    std::string out;
    for (;;) {
      auto entry = reader.next();
      EXPECT_TRUE(entry) << entry.error().message();
      if (!entry || !*entry) return out;
      out += std::string(trim((*entry)->text)) + " ";
    }
  }
  LogReader open() {
    LogReader reader(path_, format_);
    EXPECT_TRUE(reader.open());
    return reader;
  }
  std::string tail(uint64_t count) {
    LogReader reader = open();
    EXPECT_TRUE(reader.seek_tail(count));
    return read(reader);
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-log-reader-");
  Path path_ = dir_.path() / "x-json.log";
  std::error_code ec_;
  runtime::LogFormat format_ = runtime::LogFormat::kJsonFile;
};

}  // namespace skiff::engine
