// PAX records: "length key=value\n" (POSIX.1-2001, pax, extended header). Private to codec/.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "codec/tar_sparse.h"

namespace skiff::tar {

// The records in force for one entry, and the pieces that sparse format 0.0 gives by
// repeating keys.
struct PaxRecords {
  std::map<std::string, std::string> values;
  SparseMap pieces;

  // The value, or nullptr when absent or empty (an empty value takes an earlier one back).
  const std::string* find(const std::string& key) const;
  // Adds the records of one extended header to these. There may be any number of headers before an
  // entry: what is in force is limited, as the text of one is.
  Result<> parse(std::string_view text);

 private:
  Result<> set(std::string_view key, std::string_view value);
  uint64_t bytes_ = 0;  // of `values`
};

// One record with its length.
std::string pax_record(std::string_view key, std::string_view value);

// The key that holds an extended attribute, SCHILY.xattr.NAME, and back; nullopt for another
// key. As with GNU tar, '=' and '%' of the name stand as "%3D" and "%25".
std::string xattr_key(std::string_view name);
std::optional<std::string> xattr_name(std::string_view key);

// "seconds[.fraction]", possibly negative.
Result<TimePoint> parse_pax_time(std::string_view text);
std::string format_pax_time(TimePoint t);

}  // namespace skiff::tar
