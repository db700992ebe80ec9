// D-Bus values written by hand, in GVariant's text format: what annotations hold.
//
//   DbusText value = TRY(DbusText::parse("@as ['one', 'two']"));
//   writer.signature(value.type());
//   TRY(value.write(writer));
//
// Numbers (decimal, 0x..., 0...), "strings", true and false, b'byte strings', [arrays],
// {'dictionaries': 1} and <variants>, each with a type before it where the usual one (int32,
// double, string) is not meant: "uint32 5", "@u 5". Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sys/dbus_message.h"

namespace skiff::sys {

class DbusText {
 public:
  // kInvalidArgument with the reason.
  static Result<DbusText> parse(std::string_view text);

  // Its signature: "as".
  const std::string& type() const { return type_; }
  Result<> write(DbusWriter& writer) const;
  // That of a number, in whole units of 1/`parts`: 2.5 in 1000ths is 2500.
  Result<uint64_t> scaled(uint64_t parts) const;

  struct Node;

 private:
  std::shared_ptr<const Node> node_;
  std::string type_;
};

}  // namespace skiff::sys
