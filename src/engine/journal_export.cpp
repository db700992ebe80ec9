#include "engine/journal_export.h"

#include "base/strings.h"

namespace skiff::engine {

namespace {

Error broken(std::string_view why) {
  return {Code::kDataLoss, cat("the journal's export is damaged: ", why)};
}

uint64_t little_endian(std::string_view bytes) {
  uint64_t n = 0;
  for (size_t i = bytes.size(); i > 0; --i) n = n << 8U | static_cast<unsigned char>(bytes[i - 1]);
  return n;
}

}  // namespace

Result<std::optional<JournalExport::Fields>> JournalExport::next() {
  while (TRY(take_field())) {
    if (!whole_) continue;
    whole_ = false;
    return std::optional(std::exchange(fields_, {}));
  }
  buffer_.erase(0, std::exchange(consumed_, 0));
  if (buffer_.size() > kLargestEntry) return broken("a field is too long");
  return std::optional<Fields>();
}

Result<bool> JournalExport::take_field() {
  const size_t end = buffer_.find('\n', consumed_);
  if (end == std::string::npos) return false;
  const std::string_view line = std::string_view(buffer_).substr(consumed_, end - consumed_);
  if (line.empty()) {
    consumed_ = end + 1;
    whole_ = !fields_.empty();
    return true;
  }
  const size_t equals = line.find('=');
  if (equals == std::string_view::npos) return take_binary(end);
  fields_.insert_or_assign(std::string(line.substr(0, equals)),
                           std::string(line.substr(equals + 1)));
  consumed_ = end + 1;
  return true;
}

// A value that is no line of text: its length in eight bytes, it, and a newline.
Result<bool> JournalExport::take_binary(size_t name_end) {
  constexpr size_t kLength = 8;
  const size_t begin = name_end + 1 + kLength;
  if (buffer_.size() < begin) return false;
  const uint64_t size = little_endian(std::string_view(buffer_).substr(name_end + 1, kLength));
  if (size > kLargestEntry) return broken("a field is too long");
  if (buffer_.size() < begin + size + 1) return false;
  if (buffer_[begin + size] != '\n') return broken("a field does not end where it should");
  fields_.insert_or_assign(buffer_.substr(consumed_, name_end - consumed_),
                           buffer_.substr(begin, size));
  consumed_ = begin + size + 1;
  return true;
}

}  // namespace skiff::engine
