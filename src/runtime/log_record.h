// Records of the `local` log (docs/formats/local-log.md), in Docker's framing: each stands
// between two copies of its length, so that one which a crash cut off is told from a whole one.
//
//   append_log_record(batch, {.stream = s, .time_ns = t, .text = "hello\n"});
//   LogRecord r;
//   LogRecordTake take = take_log_record(bytes, r);    // r.text points into `bytes`
//   if (take.state == LogRecordState::kWhole) bytes.remove_prefix(take.size);
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/output_stream.h"

namespace skiff::runtime {

struct LogRecord {
  OutputStream stream = OutputStream::kStdout;
  int64_t time_ns = 0;    // since 1970
  std::string_view text;  // without the newline
  bool partial = false;   // no newline followed the text
};

// The longest message; what claims to be longer is damaged.
inline constexpr size_t kLongestLogMessage = 64 << 10;

// `text` is at most LinePieces::kLongestPiece bytes, with its newline where there was one.
void append_log_record(std::string& out, OutputStream stream, int64_t time_ns,
                       std::string_view text);

enum class LogRecordState {
  kWhole,
  kCut,  // the bytes end before the record does
  kDamaged
};

struct LogRecordTake {
  LogRecordState state = LogRecordState::kDamaged;
  size_t size = 0;  // of the whole record
};

// The record at the front of `bytes`. Fields that are not known are passed over.
LogRecordTake take_log_record(std::string_view bytes, LogRecord& record);

}  // namespace skiff::runtime
