#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstring>
#include <vector>

#include "base/strings.h"
#include "codec/tar.h"
#include "codec/tar_format.h"
#include "codec/tar_pax.h"

namespace skiff {

namespace {

using tar::Header;
using tar::kBlock;
using tar::padding_of;

// By key, so that the same entry always gives the same bytes.
using Records = std::map<std::string, std::string>;

constexpr size_t kCopyBuffer = size_t{128} << 10U;

Error bad_entry(std::string_view why) { return {Code::kInvalidArgument, std::string(why)}; }

template <size_t N>
bool put_text(char (&field)[N], std::string_view text) {
  if (text.size() > N) return false;
  std::memcpy(field, text.data(), text.size());
  return true;
}

// Octal with leading zeros and a zero byte at the end.
template <size_t N>
bool put_octal(char (&field)[N], uint64_t value) {
  if (value >> 3U * (N - 1) != 0) return false;
  for (size_t i = N - 1; i > 0; --i, value >>= 3U) {
    field[i - 1] = static_cast<char>('0' + (value & 7U));
  }
  field[N - 1] = '\0';
  return true;
}

// A number that the field cannot hold stands in a record, and 0 in the field.
template <size_t N>
void put_number(char (&field)[N], uint64_t value, const char* key, Records& records) {
  if (put_octal(field, value)) return;
  put_octal(field, 0);
  records[key] = std::to_string(value);
}

char type_flag(TarType type) {
  switch (type) {
    case TarType::kFile:
      return '0';
    case TarType::kHardLink:
      return '1';
    case TarType::kSymlink:
      return '2';
    case TarType::kCharDevice:
      return '3';
    case TarType::kBlockDevice:
      return '4';
    case TarType::kDirectory:
      return '5';
    case TarType::kFifo:
      return '6';
  }
  __builtin_unreachable();
}

// Names that do not fit their field are cut at one of their slashes into prefix and name.
bool put_name(Header& header, std::string_view name) {
  if (put_text(header.name, name)) return true;
  if (name.size() > sizeof header.prefix + 1 + sizeof header.name) return false;
  // The last byte may be a directory's slash; the part after the cut must not be empty.
  const size_t last = std::min(sizeof header.prefix, name.size() - 2);
  const size_t cut = name.rfind('/', last);
  if (cut == std::string_view::npos || cut == 0) return false;
  return put_text(header.name, name.substr(cut + 1)) &&
         put_text(header.prefix, name.substr(0, cut));
}

void put_time(Header& header, TimePoint mtime, Records& records) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(mtime).time_since_epoch().count();
  const bool fits = seconds >= 0 && put_octal(header.mtime, static_cast<uint64_t>(seconds));
  if (!fits) put_octal(header.mtime, 0);
  const bool is_whole = std::chrono::seconds(seconds) == mtime.time_since_epoch();
  if (!fits || !is_whole) records["mtime"] = tar::format_pax_time(mtime);
}

Result<> put_devices(Header& header, const TarEntry& entry) {
  const bool is_device = entry.type == TarType::kCharDevice || entry.type == TarType::kBlockDevice;
  const uint32_t major = is_device ? entry.dev_major : 0;
  const uint32_t minor = is_device ? entry.dev_minor : 0;
  if (put_octal(header.dev_major, major) && put_octal(header.dev_minor, minor)) return {};
  return bad_entry(cat("the device number ", major, ":", minor, " is too large"));
}

bool has_link(const TarEntry& entry) {
  return entry.type == TarType::kHardLink || entry.type == TarType::kSymlink;
}

// Readers end a name at its first zero byte: what follows would be lost.
Result<> check_names(const TarEntry& entry) {
  for (const std::string* text : {&entry.name, &entry.link_target, &entry.user, &entry.group}) {
    if (text->find('\0') != std::string::npos) return bad_entry("a name holds a zero byte");
  }
  return {};
}

Header blank_header(char type) {
  Header header{};
  header.type = type;
  std::memcpy(header.magic, "ustar", sizeof header.magic);
  std::memcpy(header.version, "00", sizeof header.version);
  return header;
}

// The entry's header; what it cannot say goes to `records`.
Result<Header> make_header(const TarEntry& entry, uint64_t size, Records& records) {
  TRY(check_names(entry));
  Header header = blank_header(type_flag(entry.type));
  if (!put_name(header, entry.name)) {
    put_text(header.name, std::string_view(entry.name).substr(0, sizeof header.name));
    records["path"] = entry.name;
  }
  if (has_link(entry) && !put_text(header.link_target, entry.link_target)) {
    // libarchive takes a symlink without any target here for an empty file.
    put_text(header.link_target,
             std::string_view(entry.link_target).substr(0, sizeof header.link_target));
    records["linkpath"] = entry.link_target;
  }
  // These two need a zero byte at their end.
  if (entry.user.size() == sizeof header.user || !put_text(header.user, entry.user)) {
    records["uname"] = entry.user;
  }
  if (entry.group.size() == sizeof header.group || !put_text(header.group, entry.group)) {
    records["gname"] = entry.group;
  }
  put_octal(header.mode, entry.mode & 07777U);
  put_number(header.uid, entry.uid, "uid", records);
  put_number(header.gid, entry.gid, "gid", records);
  put_number(header.size, size, "size", records);
  put_time(header, entry.mtime, records);
  TRY(put_devices(header, entry));
  for (const auto& [name, value] : entry.xattrs) records[tar::xattr_key(name)] = value;
  return header;
}

Result<> write_header(Header header, Sink& to) {
  const auto sum = static_cast<uint64_t>(tar::checksums(header).of_unsigned);
  // Six digits, a zero byte and a blank.
  char digits[7];
  put_octal(digits, sum);
  std::memcpy(header.checksum, digits, sizeof digits);
  header.checksum[7] = ' ';
  const auto block = std::bit_cast<std::array<char, kBlock>>(header);
  return to.write({block.data(), block.size()});
}

Result<> write_zeros(uint64_t size, Sink& to) {
  static constexpr std::array<char, 2 * kBlock> kZeros{};
  return to.write({kZeros.data(), static_cast<size_t>(size)});
}

// An extended header: a file of its own in front of the entry that it describes.
Result<> write_records(const Records& records, std::string_view name, Sink& to) {
  std::string text;
  for (const auto& [key, value] : records) text += tar::pax_record(key, value);
  if (text.size() > tar::kMaxMetadata) return bad_entry("its names and attributes are too large");
  Header header = blank_header('x');
  put_text(header.name, cat("PaxHeaders/", name).substr(0, sizeof header.name));
  put_octal(header.mode, 0644);
  put_octal(header.uid, 0);
  put_octal(header.gid, 0);
  put_octal(header.size, text.size());
  put_octal(header.mtime, 0);
  put_octal(header.dev_major, 0);
  put_octal(header.dev_minor, 0);
  TRY(write_header(header, to));
  TRY(to.write(text));
  return write_zeros(padding_of(text.size()), to);
}

Error incomplete(uint64_t left) {
  return {Code::kFailedPrecondition,
          cat("the body of the tar entry before lacks ", left, " bytes")};
}

}  // namespace

std::optional<TarType> tar_type_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return TarType::kFile;
    case S_IFDIR:
      return TarType::kDirectory;
    case S_IFLNK:
      return TarType::kSymlink;
    case S_IFCHR:
      return TarType::kCharDevice;
    case S_IFBLK:
      return TarType::kBlockDevice;
    case S_IFIFO:
      return TarType::kFifo;
    default:
      return std::nullopt;
  }
}

Result<> TarWriter::add(const TarEntry& entry) {
  if (body_left_ > 0) return incomplete(body_left_);
  const uint64_t size = entry.type == TarType::kFile ? entry.size : 0;
  const auto write = [&]() -> Result<> {
    Records records;
    const Header header = TRY(make_header(entry, size, records));
    if (!records.empty()) TRY(write_records(records, entry.name, to_));
    return write_header(header, to_);
  };
  TRY_CONTEXT(write(), cat("tar entry ", quoted(entry.name)));
  body_left_ = size;
  padding_ = padding_of(size);
  return {};
}

Result<> TarWriter::write_body(std::string_view bytes) {
  if (bytes.size() > body_left_) {
    return Error(Code::kFailedPrecondition, "the body is longer than the tar entry's size");
  }
  TRY(to_.write(bytes));
  body_left_ -= bytes.size();
  return body_left_ == 0 ? pad() : Result<>();
}

Result<> TarWriter::add_file(const TarEntry& entry, Source& body) {
  TRY(add(entry));
  std::vector<char> buffer(std::min<uint64_t>(kCopyBuffer, body_left_ + 1));
  for (;;) {
    const size_t n = TRY(body.read(buffer));
    if (n == 0) break;
    TRY_CONTEXT(write_body({buffer.data(), n}), cat("tar entry ", quoted(entry.name)));
  }
  if (body_left_ == 0) return {};
  return Error(Code::kAborted, cat("tar entry ", quoted(entry.name), ": the file ends ", body_left_,
                                   " bytes before its size"));
}

Result<> TarWriter::finish() {
  if (body_left_ > 0) return incomplete(body_left_);
  return write_zeros(2 * kBlock, to_);
}

Result<> TarWriter::pad() {
  TRY(write_zeros(padding_, to_));
  padding_ = 0;
  return {};
}

}  // namespace skiff
