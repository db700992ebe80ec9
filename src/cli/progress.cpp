#include "cli/progress.h"

#include <algorithm>

#include "base/io.h"
#include "base/strings.h"
#include "cli/table.h"
#include "cli/terminal.h"

namespace skiff::cli {

ProgressPrinter::ProgressPrinter(int fd, bool quiet, bool plain)
    : fd_(fd), terminal_(!plain && is_terminal(fd)), quiet_(quiet) {}

Result<> ProgressPrinter::show(const json::Value& object) {
  if (const json::Value* error = object.find("error")) {
    const json::Value* detail = object.find("errorDetail");
    if (detail != nullptr) exit_code_ = static_cast<int>(detail->integer("code"));
    return Error(Code::kUnknown, error->as_string());
  }
  if (const json::Value* aux = object.find("aux")) {
    if (auto id = aux->string("ID"); !id.empty()) aux_id_ = id;
    if (auto digest = aux->string("Digest"); !digest.empty()) aux_digest_ = digest;
  }
  if (quiet_) return {};
  FdSink out(fd_);
  if (const json::Value* stream = object.find("stream")) {
    order_.clear();  // what scrolled by is not redrawn
    TRY(out.write(stream->as_string()));
    const json::Value* differences = explains_ ? object.find("differences") : nullptr;
    if (differences == nullptr || differences->as_array().size() < 2) return {};
    for (const json::Value& one : differences->as_array()) {
      TRY(out.write(cat("       - ", one.as_string(), "\n")));
    }
    return {};
  }
  std::string status = object.string("status");
  if (status.empty()) return {};
  std::string id = object.string("id");
  if (id.empty()) {
    order_.clear();
    return out.write(status + "\n");
  }
  const json::Value* detail = object.find("progressDetail");
  if (terminal_) {
    show_layer(id, cat(status, detail != nullptr ? bar(*detail) : ""));
    return {};
  }
  std::string& last = status_[id];
  if (last == status) return {};
  last = status;
  return out.write(cat(id, ": ", status, "\n"));
}

void ProgressPrinter::show_layer(const std::string& id, const std::string& text) {
  FdSink out(fd_);
  auto found = std::find(order_.begin(), order_.end(), id);
  std::string drawn;
  if (found == order_.end()) {
    order_.push_back(id);
    drawn = cat(id, ": ", text, "\n");
  } else {
    auto up = std::distance(found, order_.end());
    drawn = cat("\x1b[", up, "A\r\x1b[2K", id, ": ", text, "\x1b[", up, "B\r");
  }
  [[maybe_unused]] auto ignored = out.write(drawn);  // a lost line of progress harms nobody
}

std::string ProgressPrinter::bar(const json::Value& detail) const {
  constexpr int64_t kWidth = 50;
  int64_t current = detail.integer("current");
  int64_t total = detail.integer("total");
  if (current <= 0 && total <= 0) return "";
  std::string done = human_size(static_cast<double>(current), 4);
  if (total <= 0) return cat("  ", done);
  current = std::min(current, total);
  std::string counts = cat("  ", done, "/", human_size(static_cast<double>(total), 4));
  constexpr int kNarrow = 110;
  if (int width = window_size().width; width > 0 && width < kNarrow) return counts;
  auto filled = static_cast<size_t>(current * kWidth / total);
  std::string text(filled, '=');
  text += ">";
  text.resize(kWidth, ' ');
  return cat(" [", text, "]", counts);
}

}  // namespace skiff::cli
