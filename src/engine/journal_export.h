// JournalExport: entries of systemd's journal in its export format, as journalctl prints them
// (systemd.io/JOURNAL_EXPORT_FORMATS): fields, and an empty line after each entry.
//
//   JournalExport entries;
//   entries.add(bytes);                          // in any cut
//   while (auto fields = TRY(entries.next())) use(fields->at("MESSAGE"));
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace skiff::engine {

class JournalExport {
 public:
  // An entry of ours is 16 KiB of output, and what its labels and variables say.
  static constexpr size_t kLargestEntry = size_t{16} << 20U;

  using Fields = std::map<std::string, std::string>;

  void add(std::string_view bytes) { buffer_.append(bytes); }
  // The next whole entry; kDataLoss where the bytes are none.
  Result<std::optional<Fields>> next();

 private:
  // False where there is no whole field yet.
  Result<bool> take_field();
  Result<bool> take_binary(size_t name_end);

  std::string buffer_;
  size_t consumed_ = 0;
  Fields fields_;
  bool whole_ = false;
};

}  // namespace skiff::engine
