#include "runtime/seccomp_cache.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <optional>

#include "base/io.h"
#include "base/random.h"
#include "base/strings.h"
#include "runtime/builtin_filters.h"

namespace skiff::runtime {

namespace {

constexpr size_t kMaxFile = size_t{1} << 20U;

std::string to_bytes(const std::string& identity, const SeccompFilter& filter) {
  const uint32_t flags = filter.flags;
  std::string bytes = identity;
  bytes.push_back('\0');
  bytes.append(reinterpret_cast<const char*>(&flags), sizeof flags);
  bytes.append(reinterpret_cast<const char*>(filter.program.data()),
               filter.program.size() * sizeof(sock_filter));
  return bytes;
}

std::optional<SeccompFilter> from_bytes(std::string_view bytes, const std::string& identity) {
  uint32_t flags = 0;
  const size_t start = identity.size() + 1;
  if (bytes.size() < start + sizeof flags || bytes[identity.size()] != '\0') return std::nullopt;
  if (!bytes.starts_with(identity)) return std::nullopt;
  std::memcpy(&flags, bytes.data() + start, sizeof flags);
  const std::string_view program = bytes.substr(start + sizeof flags);
  SeccompFilter filter{.program = {}, .flags = flags};
  filter.program.resize(program.size() / sizeof(sock_filter));
  std::memcpy(filter.program.data(), program.data(), filter.program.size() * sizeof(sock_filter));
  return filter;
}

std::optional<SeccompFilter> read_filter(const Path& file, const std::string& identity) {
  const Result<std::string> bytes = read_file(file, kMaxFile);
  return bytes ? from_bytes(*bytes, identity) : std::nullopt;
}

// Whole or not at all, for who reads it meanwhile and after a power cut.
Result<> keep_filter(const Path& file, const std::string& bytes) {
  TRY(make_directories(file.parent_path(), 0700));
  const Path fresh = cat(file.native(), ".", random_hex(8));
  UniqueFd fd = TRY(open_file(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  const Result<> written = FdSink(fd.get()).write(bytes);
  if (written && ::fsync(fd.get()) == 0 && ::rename(fresh.c_str(), file.c_str()) == 0) return {};
  ::unlink(fresh.c_str());
  return written;
}

}  // namespace

Result<SeccompFilter> SeccompCache::get(const json::Value& seccomp) const {
  if (!seccomp.is_object() || seccomp.as_object().empty()) return SeccompFilter{};
  const std::string identity = seccomp_identity(seccomp);
  if (auto builtin = find_builtin_filter(identity)) return *std::move(builtin);
  if (directory_.empty()) return compile_seccomp(seccomp);
  const Path file = directory_ / cat(std::hash<std::string>()(identity));
  if (auto kept = read_filter(file, identity)) return *std::move(kept);
  SeccompFilter filter = TRY(compile_seccomp(seccomp));
  // Without the file the next one is compiled again, no more.
  [[maybe_unused]] auto ignored = keep_filter(file, to_bytes(identity, filter));
  return filter;
}

}  // namespace skiff::runtime
