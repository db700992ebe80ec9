// LinePieces: what a log entry holds of a process's output: each line, each full 16 KiB of a
// longer one, and what the output ends with.
//
//   LinePieces pieces;
//   pieces.add(OutputStream::kStdout, bytes, [&](std::string_view piece) { ... });
//   pieces.end([&](OutputStream stream, std::string_view rest) { ... });
//
// A piece has its newline where there was one.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/output_stream.h"

namespace skiff::runtime {

class LinePieces {
 public:
  static constexpr size_t kLongestPiece = 16 << 10;

  template <typename Use>
  void add(OutputStream stream, std::string_view bytes, const Use& use) {
    std::string& pending = pending_.at(index(stream));
    while (!bytes.empty()) {
      std::string_view part = bytes.substr(0, std::min(bytes.find('\n'), bytes.size() - 1) + 1);
      bytes.remove_prefix(part.size());
      if (pending.empty() && part.ends_with('\n')) {
        take(part, use);
      } else {
        pending.append(part);
        pending.erase(0, take(pending, use));
      }
    }
  }

  template <typename Use>
  void end(const Use& use) {
    for (OutputStream stream : {OutputStream::kStdout, OutputStream::kStderr}) {
      std::string text = std::exchange(pending_.at(index(stream)), {});
      if (!text.empty()) use(stream, text);
    }
  }

  // What waits for its newline.
  const std::string& pending(OutputStream stream) const { return pending_.at(index(stream)); }

  size_t kept_memory() const { return pending_[0].capacity() + pending_[1].capacity(); }
  void give_back_memory() {
    for (std::string& pending : pending_) pending.shrink_to_fit();
  }

 private:
  static size_t index(OutputStream stream) { return stream == OutputStream::kStderr ? 1 : 0; }

  // The length of a full piece at the front of the longer `text`; a character of several bytes
  // is not cut.
  static size_t piece_length(std::string_view text) {
    constexpr size_t kMostContinuations = 3;
    size_t length = kLongestPiece;
    while (length > kLongestPiece - kMostContinuations &&
           (static_cast<unsigned char>(text[length]) & 0xc0U) == 0x80) {
      --length;
    }
    return length;
  }

  // Uses the full pieces of `text`, of which at most the end is a newline, and its rest if that
  // ends with one; returns how many bytes that were.
  template <typename Use>
  static size_t take(std::string_view text, const Use& use) {
    std::string_view rest = text;
    while (rest.size() > kLongestPiece) {
      size_t length = piece_length(rest);
      use(rest.substr(0, length));
      rest.remove_prefix(length);
    }
    if (!rest.ends_with('\n')) return text.size() - rest.size();
    use(rest);
    return text.size();
  }

  std::array<std::string, 2> pending_;
};

}  // namespace skiff::runtime
