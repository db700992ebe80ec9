#include "codec/tar_sparse.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/strings.h"
#include "codec/tar_format.h"

namespace skiff::tar {

namespace {

Error bad_map(std::string_view why) { return {Code::kInvalidArgument, cat("sparse map: ", why)}; }

// Decimal lines out of whole blocks, as PAX sparse format 1.0 lays them out.
class MapReader {
 public:
  explicit MapReader(Source& from) : from_(from) {}

  Result<uint64_t> number() {
    size_t end;
    while ((end = text_.find('\n', used_)) == std::string::npos) TRY(more());
    auto n = parse_uint(std::string_view(text_).substr(used_, end - used_));
    if (!n) return bad_map("not a number");
    used_ = end + 1;
    return *n;
  }
  uint64_t bytes_read() const { return text_.size(); }

 private:
  Result<> more() {
    std::array<char, kBlock> block;
    if (TRY(read_full(from_, block)) < kBlock) return bad_map("cut short");
    if (text_.size() + kBlock > kMaxMetadata) return bad_map("too large");
    text_.append(block.data(), kBlock);
    return {};
  }

  Source& from_;
  std::string text_;
  size_t used_ = 0;
};

}  // namespace

Result<> check_sparse_map(const SparseMap& map, uint64_t real_size, uint64_t stored) {
  uint64_t end = 0;
  uint64_t total = 0;
  for (const Piece& piece : map) {
    if (piece.offset < end) return bad_map("pieces overlap or are out of order");
    if (piece.offset > real_size || piece.size > real_size - piece.offset) {
      return bad_map("a piece lies beyond the end of the file");
    }
    end = piece.offset + piece.size;
    total += piece.size;
  }
  if (total != stored) return bad_map(cat("names ", total, " bytes, the archive holds ", stored));
  return {};
}

Result<SparseMap> parse_sparse_list(std::string_view text) {
  SparseMap map;
  if (text.empty()) return map;
  const std::vector<std::string> numbers = split(text, ',');
  if (numbers.size() % 2 != 0) return bad_map("an offset without a size");
  for (size_t i = 0; i < numbers.size(); i += 2) {
    auto offset = parse_uint(numbers[i]);
    auto size = parse_uint(numbers[i + 1]);
    if (!offset || !size) return bad_map("not a number");
    map.push_back({*offset, *size});
  }
  return map;
}

Result<std::pair<SparseMap, uint64_t>> read_sparse_map(Source& body) {
  MapReader lines(body);
  SparseMap map;
  for (uint64_t left = TRY(lines.number()); left > 0; --left) {
    const uint64_t offset = TRY(lines.number());
    const uint64_t size = TRY(lines.number());
    map.push_back({offset, size});
  }
  return std::pair(std::move(map), lines.bytes_read());
}

SparseSource::Run SparseSource::run() {
  while (next_piece_ < map_.size() &&
         position_ == map_[next_piece_].offset + map_[next_piece_].size) {
    ++next_piece_;
  }
  if (next_piece_ == map_.size()) return {.is_hole = true, .end = real_size_};
  const Piece& piece = map_[next_piece_];
  if (position_ < piece.offset) return {.is_hole = true, .end = piece.offset};
  return {.is_hole = false, .end = piece.offset + piece.size};
}

Result<size_t> SparseSource::read(std::span<char> buffer) {
  const Run here = run();
  buffer = buffer.first(std::min<uint64_t>(buffer.size(), here.end - position_));
  if (buffer.empty()) return size_t{0};
  size_t n = buffer.size();
  if (here.is_hole) {
    std::memset(buffer.data(), 0, n);
  } else {
    n = TRY(stored_.read(buffer));
  }
  position_ += n;
  return n;
}

uint64_t SparseSource::skip_hole() {
  const Run here = run();
  if (!here.is_hole) return 0;
  const uint64_t size = here.end - position_;
  position_ = here.end;
  return size;
}

}  // namespace skiff::tar
