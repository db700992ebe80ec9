// HPACK (RFC 7541), as far as a client needs it: what a peer's header blocks say, and blocks that
// every peer can read.
//
//   hpack::append(block, "content-type", "application/grpc");
//   for (const hpack::Field& field : TRY(decoder.decode(block))) ...
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace skiff::buildkit::hpack {

struct Field {
  std::string name;
  std::string value;
  bool operator==(const Field&) const = default;
};

// As a literal that no table remembers: as long as it is, and never wrong.
void append(std::string& block, std::string_view name, std::string_view value);

// Of one connection: blocks refer to earlier ones. After an error it is of no use.
class Decoder {
 public:
  // What a block may say at most: names, values, and 32 bytes of each field.
  static constexpr size_t kMostOfBlock = size_t{64} << 10U;
  // kInvalidArgument; kResourceExhausted.
  Result<std::vector<Field>> decode(std::string_view block);

 private:
  Result<Field> field_at(uint64_t index) const;
  Result<Field> literal(std::string_view& rest, unsigned prefix) const;
  void remember(Field field);
  Result<> resize(uint64_t size);
  void evict();

  std::deque<Field> table_;  // the newest first
  size_t bytes_ = 0;         // of it
  size_t limit_ = 4096;      // the peer may want less
};

}  // namespace skiff::buildkit::hpack
