#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstring>

#include "base/strings.h"
#include "codec/tar.h"
#include "codec/tar_format.h"
#include "codec/tar_pax.h"
#include "codec/tar_sparse.h"

namespace skiff {

namespace {

using tar::Header;
using tar::kBlock;
using tar::kMaxMetadata;
using tar::padding_of;
using tar::PaxRecords;
using tar::SparseMap;

constexpr uint64_t kMaxSize = INT64_MAX;

Error bad_archive(std::string_view why) { return {Code::kInvalidArgument, std::string(why)}; }

template <size_t N>
std::string_view text_field(const char (&field)[N]) {
  return {field, strnlen(field, N)};
}

// Base-256 (GNU): the first bit marks it, the rest is a big-endian two's complement number.
Result<int64_t> parse_base256(std::string_view field) {
  const bool negative = (static_cast<unsigned char>(field[0]) & 0x40U) != 0;
  const unsigned char fill = negative ? 0xff : 0;
  uint64_t value = negative ? UINT64_MAX : 0;
  for (size_t i = 0; i < field.size(); ++i) {
    auto byte = static_cast<unsigned char>(field[i]);
    if (i == 0) byte = static_cast<unsigned char>((byte & 0x7fU) | (negative ? 0x80U : 0U));
    // Bytes above the lowest eight only repeat the sign.
    if (i + 8 < field.size() && byte != fill) return bad_archive("a number is too large");
    value = value << 8U | byte;
  }
  const auto number = std::bit_cast<int64_t>(value);
  if ((number < 0) != negative) return bad_archive("a number is too large");
  return number;
}

// Octal digits between blanks or zero bytes; an empty field is 0.
Result<int64_t> parse_number(std::string_view field, std::string_view what) {
  if ((static_cast<unsigned char>(field[0]) & 0x80U) != 0) {
    return TRY_CONTEXT(parse_base256(field), what);
  }
  auto is_blank = [](char c) { return c == ' ' || c == '\0'; };
  while (!field.empty() && is_blank(field.front())) field.remove_prefix(1);
  field = field.substr(0, field.find('\0'));
  while (!field.empty() && is_blank(field.back())) field.remove_suffix(1);
  if (field.empty()) return int64_t{0};
  auto value = parse_uint(field, 8);
  if (!value || *value > kMaxSize)
    return bad_archive(cat(what, " is not a number: ", quoted(field)));
  return static_cast<int64_t>(*value);
}

Result<uint64_t> parse_natural(std::string_view field, std::string_view what) {
  int64_t n = TRY(parse_number(field, what));
  if (n < 0) return bad_archive(cat(what, " is negative"));
  return static_cast<uint64_t>(n);
}

template <size_t N>
Result<uint64_t> natural(const char (&field)[N], std::string_view what) {
  return parse_natural({field, N}, what);
}

Result<uint64_t> pax_natural(const std::string& text, std::string_view what) {
  auto n = parse_uint(text);
  if (!n || *n > kMaxSize)
    return bad_archive(cat("PAX ", what, " is not a number: ", quoted(text)));
  return *n;
}

Result<TimePoint> time_of(int64_t seconds) {
  constexpr int64_t kMost = INT64_MAX / 1'000'000'000 - 1;
  if (seconds > kMost || seconds < -kMost)
    return bad_archive(cat("mtime ", seconds, " is out of range"));
  return TimePoint(std::chrono::seconds(seconds));
}

Result<> check_checksum(const Header& header) {
  const auto stored = parse_number({header.checksum, sizeof header.checksum}, "checksum");
  const tar::Checksums sums = tar::checksums(header);
  if (!stored || (*stored != sums.of_unsigned && *stored != sums.of_signed)) {
    return bad_archive("wrong header checksum: not a tar archive, or a damaged one");
  }
  return {};
}

std::string header_name(const Header& header) {
  std::string name(text_field(header.name));
  if (std::memcmp(header.magic, "ustar", sizeof header.magic) != 0) return name;
  // star marks its headers at the very end and keeps times in the last 24 bytes of the prefix.
  const bool star = std::memcmp(header.unused + 8, "tar", 4) == 0;
  std::string_view prefix(header.prefix, star ? 131 : sizeof header.prefix);
  prefix = prefix.substr(0, prefix.find('\0'));
  return prefix.empty() ? name : cat(prefix, "/", name);
}

bool is_zero(const Header& header) {
  const std::string_view bytes(reinterpret_cast<const char*>(&header), kBlock);
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

std::optional<TarType> entry_type(char flag, std::string_view name) {
  switch (flag) {
    case '\0':
    case '0':
    case '7':
      // v7 had no type for directories, and some writers still say it by the name; "/" is none.
      return name.ends_with('/') && name.find_first_not_of('/') != std::string_view::npos
                 ? TarType::kDirectory
                 : TarType::kFile;
    case 'S':
      return TarType::kFile;
    case '1':
      return TarType::kHardLink;
    case '2':
      return TarType::kSymlink;
    case '3':
      return TarType::kCharDevice;
    case '4':
      return TarType::kBlockDevice;
    case '5':
      return TarType::kDirectory;
    case '6':
      return TarType::kFifo;
    default:
      return std::nullopt;
  }
}

Error cut_short() { return bad_archive("the archive is cut short"); }

// Counts on what the archive says of the body; a source that ends too early is an error.
class CheckedBody : public Source {
 public:
  CheckedBody(const LimitedSource& stored, Source& plain) : stored_(stored), plain_(plain) {}
  Result<size_t> read(std::span<char> buffer) override {
    size_t n = TRY(plain_.read(buffer));
    if (n == 0 && !buffer.empty() && stored_.left() > 0) return cut_short();
    return n;
  }
  uint64_t skip_hole() override { return plain_.skip_hole(); }

 private:
  const LimitedSource& stored_;
  Source& plain_;
};

// What stands in front of an entry and changes it.
struct Extensions {
  std::optional<PaxRecords> pax;
  std::string gnu_name;
  std::string gnu_link;
  bool any() const { return pax || !gnu_name.empty() || !gnu_link.empty(); }
};

}  // namespace

struct TarReader::Impl {
  Impl(Source& source, LastPadding last) : from(source), last_padding(last) {
    open_body(0, std::nullopt);
  }

  Result<const TarEntry*> next();
  Result<bool> read_header();
  Result<bool> read_meta(Extensions& extensions);
  Result<std::string> read_metadata(std::string_view what);
  Result<> skip_body();
  Result<> skip(uint64_t size);
  Result<> read_entry(const Extensions& extensions);
  Result<> read_fields(const PaxRecords& pax);
  Result<> read_devices();
  Result<> read_body_map(const PaxRecords& pax);
  Result<SparseMap> read_gnu_map();
  void open_body(uint64_t size, std::optional<SparseMap> map);
  bool is_posix_or_gnu() const { return std::memcmp(header.magic, "ustar", 5) == 0; }
  Error located(Error error) const;

  Source& from;
  const LastPadding last_padding;
  uint64_t offset = 0;  // of the next unread byte, the open body not counted
  uint64_t header_offset = 0;
  bool at_end = false;
  Header header{};
  PaxRecords global;
  TarEntry entry;
  std::optional<LimitedSource> stored;
  std::optional<tar::SparseSource> sparse;
  std::optional<CheckedBody> body;
  uint64_t stored_size = 0;
};

TarReader::TarReader(Source& from, LastPadding padding)
    : impl_(std::make_unique<Impl>(from, padding)) {}
TarReader::~TarReader() = default;

Result<const TarEntry*> TarReader::next() {
  auto entry = impl_->next();
  if (!entry) return impl_->located(std::move(entry.error()));
  return *entry;
}

Source& TarReader::body() { return *impl_->body; }

std::vector<TarPiece> TarReader::body_pieces() const {
  std::vector<TarPiece> pieces;
  uint64_t next = impl_->offset;
  const auto add = [&](uint64_t offset, uint64_t size) {
    if (size > 0) pieces.push_back({offset, size, next});
    next += size;
  };
  if (impl_->sparse) {
    for (const tar::Piece& piece : impl_->sparse->map()) add(piece.offset, piece.size);
  } else {
    add(0, impl_->stored_size);
  }
  return pieces;
}

Result<const TarEntry*> TarReader::Impl::next() {
  if (at_end) return nullptr;
  TRY(skip_body());
  entry = {};
  Extensions extensions;
  for (;;) {
    if (!TRY(read_header())) {
      if (extensions.any()) return cut_short();
      at_end = true;
      return nullptr;
    }
    if (TRY(read_meta(extensions))) continue;
    TRY(read_entry(extensions));
    return &entry;
  }
}

// False at the end: a block of zeros or, as some writers leave that out, nothing.
Result<bool> TarReader::Impl::read_header() {
  header_offset = offset;
  std::array<char, kBlock> block;
  const size_t n = TRY(read_full(from, block));
  if (n == 0) return false;
  if (n < kBlock)
    return offset == 0 ? bad_archive("not a tar archive, or the archive is cut short")
                       : cut_short();
  offset += kBlock;
  header = std::bit_cast<Header>(block);
  if (is_zero(header)) return false;
  TRY(check_checksum(header));
  return true;
}

// True where the header only says something of those that follow; what it says is taken.
Result<bool> TarReader::Impl::read_meta(Extensions& extensions) {
  switch (header.type) {
    case 'x':
    case 'X':  // Solaris
      if (!extensions.pax) extensions.pax = global;
      TRY(extensions.pax->parse(TRY(read_metadata("PAX header"))));
      return true;
    case 'g':
      TRY(global.parse(TRY(read_metadata("PAX global header"))));
      return true;
    case 'L':
      extensions.gnu_name = TRY(read_metadata("GNU long name")).c_str();
      return true;
    case 'K':
      extensions.gnu_link = TRY(read_metadata("GNU long link")).c_str();
      return true;
    case 'V':  // the name of the volume
      return true;
    default:
      return false;
  }
}

Result<std::string> TarReader::Impl::read_metadata(std::string_view what) {
  const uint64_t size = TRY(natural(header.size, cat(what, "'s size")));
  if (size > kMaxMetadata) return bad_archive(cat(what, " of ", size, " bytes is too large"));
  std::string text(size, '\0');
  if (TRY(read_full(from, text)) < size) return cut_short();
  TRY(skip(padding_of(size)));
  offset += size + padding_of(size);
  return text;
}

Result<> TarReader::Impl::skip_body() {
  TRY(skip(stored->left()));
  const uint64_t padding = padding_of(stored_size);
  if (TRY(from.skip(padding)) < padding && last_padding == LastPadding::kNeeded) return cut_short();
  offset += stored_size + padding_of(stored_size);
  open_body(0, std::nullopt);
  return {};
}

Result<> TarReader::Impl::skip(uint64_t size) {
  if (TRY(from.skip(size)) < size) return cut_short();
  return {};
}

Result<> TarReader::Impl::read_entry(const Extensions& extensions) {
  const PaxRecords& pax = extensions.pax ? *extensions.pax : global;
  const auto choose = [&](const std::string& key, const std::string& gnu,
                          const std::string& plain) {
    const std::string* text = pax.find(key);
    if (text != nullptr) return *text;
    return gnu.empty() ? plain : gnu;
  };
  entry.name = choose("path", extensions.gnu_name, header_name(header));
  if (const std::string* real = pax.find("GNU.sparse.name")) entry.name = *real;
  const auto type = entry_type(header.type, entry.name);
  if (!type) return bad_archive(cat("unknown type ", quoted({&header.type, 1})));
  entry.type = *type;
  if (*type == TarType::kHardLink || *type == TarType::kSymlink) {
    entry.link_target =
        choose("linkpath", extensions.gnu_link, std::string(text_field(header.link_target)));
  }
  if ((entry.name + entry.link_target).find('\0') != std::string::npos) {
    return bad_archive("a name holds a zero byte");
  }
  TRY(read_fields(pax));
  TRY(read_devices());
  return read_body_map(pax);
}

Result<> TarReader::Impl::read_fields(const PaxRecords& pax) {
  const auto number = [&](const std::string& key, std::string_view field) -> Result<uint64_t> {
    const std::string* text = pax.find(key);
    return text != nullptr ? pax_natural(*text, key) : parse_natural(field, key);
  };
  const auto text = [&](const std::string& key, std::string_view field) {
    const std::string* value = pax.find(key);
    if (value != nullptr) return *value;
    return is_posix_or_gnu() ? std::string(field) : std::string();
  };
  entry.mode = static_cast<uint32_t>(TRY(natural(header.mode, "mode")) & 07777U);
  entry.uid = TRY(number("uid", {header.uid, sizeof header.uid}));
  entry.gid = TRY(number("gid", {header.gid, sizeof header.gid}));
  entry.user = text("uname", text_field(header.user));
  entry.group = text("gname", text_field(header.group));
  if (const std::string* mtime = pax.find("mtime")) {
    entry.mtime = TRY(tar::parse_pax_time(*mtime));
  } else {
    entry.mtime = TRY(time_of(TRY(parse_number({header.mtime, sizeof header.mtime}, "mtime"))));
  }
  for (const auto& [key, value] : pax.values) {
    auto name = tar::xattr_name(key);
    if (!name) continue;
    if (name->empty() || name->find('\0') != std::string::npos) {
      return bad_archive("no name of an extended attribute");
    }
    entry.xattrs[*std::move(name)] = value;
  }
  return {};
}

Result<> TarReader::Impl::read_devices() {
  if (entry.type != TarType::kCharDevice && entry.type != TarType::kBlockDevice) return {};
  if (!is_posix_or_gnu()) return {};
  const uint64_t major = TRY(natural(header.dev_major, "device number"));
  const uint64_t minor = TRY(natural(header.dev_minor, "device number"));
  if (major > UINT32_MAX || minor > UINT32_MAX)
    return bad_archive("the device number is too large");
  entry.dev_major = static_cast<uint32_t>(major);
  entry.dev_minor = static_cast<uint32_t>(minor);
  return {};
}

// Opens the body; of a sparse file in the form that the headers say.
Result<> TarReader::Impl::read_body_map(const PaxRecords& pax) {
  const bool is_directory_by_name = entry.type == TarType::kDirectory && header.type != '5';
  // Other types have none, whatever size some writers give them.
  if (entry.type != TarType::kFile && !is_directory_by_name) return {};
  const std::string* text = pax.find("size");
  uint64_t size =
      text != nullptr ? TRY(pax_natural(*text, "size")) : TRY(natural(header.size, "size"));
  if (is_directory_by_name) {
    // Some would skip them, and some read them as headers.
    return size == 0 ? Result<>() : bad_archive("a file whose name ends in a slash has contents");
  }
  entry.size = size;
  std::optional<SparseMap> map;
  if (header.type == 'S') {
    const auto tail = std::bit_cast<tar::GnuTail>(header);
    entry.size = TRY(natural(tail.real_size, "real size"));
    map = TRY(read_gnu_map());
  } else if (const std::string* real = pax.find("GNU.sparse.realsize")) {
    entry.size = TRY(pax_natural(*real, "GNU.sparse.realsize"));
    LimitedSource front(from, size);
    auto [pieces, used] = TRY(tar::read_sparse_map(front));
    offset += used;
    size -= used;
    map = std::move(pieces);
  } else {
    const std::string* expanded = pax.find("GNU.sparse.size");
    // A map without it is one of what is stored.
    if (expanded != nullptr) entry.size = TRY(pax_natural(*expanded, "GNU.sparse.size"));
    if (const std::string* list = pax.find("GNU.sparse.map")) {
      map = TRY(tar::parse_sparse_list(*list));
    } else if (expanded != nullptr || !pax.pieces.empty()) {
      map = pax.pieces;
    }
  }
  if (map) TRY(tar::check_sparse_map(*map, entry.size, size));
  entry.is_sparse = map.has_value();
  open_body(size, std::move(map));
  return {};
}

// Four pieces stand in the header, more in blocks of their own after it.
Result<SparseMap> TarReader::Impl::read_gnu_map() {
  SparseMap map;
  const auto add = [&](std::span<const tar::SparseField> fields) -> Result<> {
    for (const tar::SparseField& field : fields) {
      if (field.size[0] == '\0') break;
      map.push_back(
          {TRY(natural(field.offset, "sparse offset")), TRY(natural(field.size, "sparse size"))});
    }
    return {};
  };
  const auto tail = std::bit_cast<tar::GnuTail>(header);
  TRY(add(tail.sparse));
  bool more = tail.is_extended != '\0';
  for (uint64_t read = 0; more; read += kBlock) {
    if (read == kMaxMetadata) return bad_archive("the sparse map is too large");
    std::array<char, kBlock> block;
    if (TRY(read_full(from, block)) < kBlock) return cut_short();
    offset += kBlock;
    const auto extension = std::bit_cast<tar::GnuSparseBlock>(block);
    TRY(add(extension.sparse));
    more = extension.is_extended != '\0';
  }
  return map;
}

void TarReader::Impl::open_body(uint64_t size, std::optional<SparseMap> map) {
  body.reset();
  sparse.reset();
  stored.emplace(from, size);
  stored_size = size;
  if (map) sparse.emplace(*stored, *std::move(map), entry.size);
  body.emplace(*stored, sparse ? static_cast<Source&>(*sparse) : *stored);
}

Error TarReader::Impl::located(Error error) const {
  const std::string which =
      entry.name.empty() ? "tar header" : cat("tar entry ", quoted(entry.name));
  return std::move(error).with_context(cat(which, " at offset ", header_offset));
}

}  // namespace skiff
