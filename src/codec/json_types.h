// What JSON types the fields of a document have, as a table:
//
//   constexpr json::Field kFields[] = {{"Memory", json::Type::kInt},
//                                      {"Ulimits", json::Type::kObjects},
//                                      {"Ulimits[].Soft", json::Type::kInt}};
//   TRY(json::check_types(body, kFields));  // "Ulimits[0].Soft is not a whole number of 64 bits"
//
// The forgiving accessors of json::Value read a field of another type as absent; a document that
// others wrote is checked first, so that no wish of theirs is dropped without a word.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "codec/json.h"

namespace skiff::json {

enum class Type { kBool, kInt, kNumber, kString, kStrings, kInts, kObject, kObjects };

struct Field {
  // Members by name; `*` for each of an object, `[]` for each of an array. Those above come first.
  std::string_view path;
  Type type;
};

// Checks one field of `document`, which is itself at `place`. kInvalidArgument names the field and
// the type it wants. Null is absent, as writers in Go have it.
Result<> check_type(const Value& document, const Field& field, const std::string& place = "");

// Checks all; fields that the table does not name pass.
Result<> check_types(const Value& document, std::span<const Field> fields,
                     const std::string& place = "");

}  // namespace skiff::json
