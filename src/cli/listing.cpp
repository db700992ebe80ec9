#include "cli/listing.h"

#include <algorithm>

#include "base/strings.h"
#include "cli/go_template.h"
#include "cli/table.h"

namespace skiff::cli {

namespace {

std::string default_table(const std::vector<json::Value>& rows, std::span<const Column> columns,
                          size_t narrowest) {
  std::vector<std::vector<std::string>> cells(1);
  for (const Column& column : columns) {
    if (column.shown) cells[0].emplace_back(column.heading);
  }
  for (const json::Value& row : rows) {
    auto& line = cells.emplace_back();
    for (const Column& column : columns) {
      if (column.shown) line.push_back(row.string(column.field));
    }
  }
  return format_table(cells, narrowest);
}

// Go's encoder escapes rows for HTML, and leaves alone what a template takes from them.
Result<std::string> formatted_row(const std::string& format, const json::Value& row) {
  if (format == "json" || format == "{{json .}}") return row.dump(json::Html::kEscaped) + "\n";
  return TRY(render_template(format, row)) + "\n";
}

// The heading is the template over the columns' headings.
Result<std::string> table_of_template(const std::vector<json::Value>& rows,
                                      std::span<const Column> columns, const std::string& text,
                                      size_t narrowest) {
  json::Object headings;
  for (const Column& column : columns) headings.set(column.field, column.heading);
  std::vector<std::vector<std::string>> cells;
  cells.push_back(split(
      TRY(render_template(text, json::Value(std::move(headings)), TemplateUse::kHeading)), '\t'));
  for (const json::Value& row : rows) cells.push_back(split(TRY(render_template(text, row)), '\t'));
  for (auto& line : cells) line.resize(cells[0].size());
  return format_table(cells, narrowest);
}

Result<std::string> listing_text(const std::vector<json::Value>& rows,
                                 std::span<const Column> columns, const ListingStyle& style) {
  constexpr std::string_view kTable = "table ";
  std::string format = unescaped_format(trim(style.format));
  if (format.starts_with(kTable)) {
    return table_of_template(rows, columns, format.substr(kTable.size()), style.narrowest);
  }
  bool plain = format.empty() || format == "table";
  if (plain && !style.quiet) return default_table(rows, columns, style.narrowest);
  std::string out;
  for (const json::Value& row : rows) {
    if (plain) {
      out += row.string(style.quiet_field) + "\n";
    } else {
      out += TRY(formatted_row(format, row));
    }
  }
  return out;
}

}  // namespace

bool wants_label(const std::string& format) { return format.find(".Label ") != std::string::npos; }

Result<std::string> format_object(const std::string& format, const json::Value& object) {
  if (format == "json") return object.dump() + "\n";
  return TRY(render_template(format, object)) + "\n";
}

Result<std::string> format_listing(const std::vector<json::Value>& rows,
                                   std::span<const Column> columns, const ListingStyle& style) {
  auto text = listing_text(rows, columns, style);
  if (text || !text.error().message().starts_with("template: ")) return text;
  bool unreadable = text.error().code() == Code::kInvalidArgument;
  return Error(text.error().code(), cat("failed to ", unreadable ? "parse" : "execute",
                                        " template: ", text.error().message()));
}

}  // namespace skiff::cli
