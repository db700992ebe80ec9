// JournalWriter: a container's output as messages to systemd's journal, over the native protocol
// of its socket (systemd.io/JOURNAL_NATIVE_PROTOCOL): one datagram for each piece of output.
//
//   JournalWriter journal(loop, {.fields = {{"CONTAINER_ID", "4f1f..."}}}, report);
//   journal.write(OutputStream::kStdout, bytes);
//   journal.end();                               // a last line without newline
//
// No output waits for the journal: what it does not take now is kept, up to kMostKept bytes, and
// offered again; what goes beyond is lost, and counted. An end waits a moment for one that is
// there: who is told of it finds all that was written before. A journal that is not there, and
// lines lost, are told to `report` once for each time that it happens. Thread-compatible.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <string>
#include <string_view>

#include "base/file.h"
#include "runtime/line_pieces.h"
#include "runtime/monitor_loop.h"

namespace skiff::runtime {

struct JournalOptions {
  Path socket = "/run/systemd/journal/socket";
  std::map<std::string, std::string> fields;  // of every message, by the journal's names
};

class JournalWriter {
 public:
  static constexpr size_t kMostKept = 1 << 20;

  JournalWriter(EventLoop& loop, const JournalOptions& options, std::function<void(Error)> report);
  // Offers what is kept for a moment more.
  ~JournalWriter();
  JournalWriter(const JournalWriter&) = delete;
  JournalWriter& operator=(const JournalWriter&) = delete;

  void write(OutputStream stream, std::string_view bytes);
  void end();

 private:
  enum class Sent { kYes, kNotNow, kNever };

  void add_message(OutputStream stream, std::string_view text);
  void keep(std::string message);
  void send_kept();
  void send_last();  // for a moment more
  Sent send_one(const std::string& message);
  bool connect();
  void disconnect();
  void wait_until_writable();
  void tell(Error error);

  EventLoop& loop_;
  Path path_;
  std::string common_;  // the options' fields as they stand in each message
  std::function<void(Error)> report_;
  LinePieces pieces_;
  UniqueFd socket_;
  std::list<std::string> kept_;
  size_t kept_bytes_ = 0;
  uint64_t lost_ = 0;  // since the last one that was taken
  uint64_t retry_call_ = 0;
  bool told_ = false;  // of what is wrong now
};

// "NAME=value\n", or, where the value has a newline, with its length in front.
void append_journal_field(std::string& out, std::string_view name, std::string_view value);

}  // namespace skiff::runtime
