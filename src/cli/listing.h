// Lists as all of Docker's list commands print them: rows of named texts, shown as a table, by a
// template a row (--format), or as JSON.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/session.h"
#include "codec/json.h"

namespace skiff::cli {

struct Column {
  std::string_view field;    // member of the rows
  std::string_view heading;  // in capitals
  bool shown = true;         // in the default table
};

// The texts of --format and -q as a listing takes them.
struct ListingStyle {
  std::string format;  // "", "table", "table TEMPLATE", "json" or a template
  bool quiet = false;  // only `quiet_field`
  std::string_view quiet_field = "ID";
  size_t narrowest = 10;
};

// Each row is an object with every column's field as text.
Result<std::string> format_listing(const std::vector<json::Value>& rows,
                                   std::span<const Column> columns, const ListingStyle& style);

// Whether a template asks for single labels, {{.Label "name"}}: rows then have the object "Label".
bool wants_label(const std::string& format);

// One object as --format shows it: "json" or a template, with a line's end.
Result<std::string> format_object(const std::string& format, const json::Value& object);

}  // namespace skiff::cli
