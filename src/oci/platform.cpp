#include "oci/platform.h"

#include <sys/utsname.h>

#include <algorithm>

#include "base/strings.h"

namespace skiff::oci {

namespace {

// Go's GOOS and GOARCH lists: what a one-word platform may be.
constexpr std::string_view kKnownOs[] = {
    "aix",   "android", "darwin", "dragonfly", "freebsd", "hurd",    "illumos", "ios",     "js",
    "linux", "nacl",    "netbsd", "openbsd",   "plan9",   "solaris", "wasip1",  "windows", "zos"};
constexpr std::string_view kKnownArchitectures[] = {
    "386",     "amd64",  "amd64p32", "arm",      "armbe",     "arm64",       "arm64be", "loong64",
    "mips",    "mipsle", "mips64",   "mips64le", "mips64p32", "mips64p32le", "ppc",     "ppc64",
    "ppc64le", "riscv",  "riscv64",  "s390",     "s390x",     "sparc",       "sparc64", "wasm"};

struct Spelling {
  std::string_view from;
  std::string_view architecture;
  std::string_view variant;  // where the platform names none
};
// Other names of architectures: uname's, GNU's and Debian's.
constexpr Spelling kSpellings[] = {
    {"i386", "386", ""},
    {"i486", "386", ""},
    {"i586", "386", ""},
    {"i686", "386", ""},
    {"x86_64", "amd64", ""},
    {"x86-64", "amd64", ""},
    {"aarch64", "arm64", ""},
    {"armhf", "arm", "v7"},
    {"armel", "arm", "v6"},
    {"armv7l", "arm", "v7"},
    {"armv6l", "arm", "v6"},
    {"armv5tel", "arm", "v5"},
    {"loongarch64", "loong64", ""},
};

bool is_word(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-' || c == '.';
  });
}

std::string normal_variant(std::string_view architecture, std::string_view variant) {
  if (variant.size() == 1 && variant[0] >= '1' && variant[0] <= '9') {
    return normal_variant(architecture, cat("v", variant));
  }
  if (architecture == "arm" && variant.empty()) return "v7";
  if (architecture == "arm64" && variant == "v8") return "";
  if (architecture == "amd64" && variant == "v1") return "";
  return std::string(variant);
}

// The number in "v7"; 0 when the variant is not of that form.
int variant_number(std::string_view variant) {
  if (!variant.starts_with('v')) return 0;
  return static_cast<int>(parse_uint(variant.substr(1)).value_or(0));
}

// What a machine of the (normal) platform runs, best first.
std::vector<Platform> runnable_on(const Platform& machine) {
  std::vector<Platform> list = {machine};
  auto add = [&](std::string_view architecture, std::string variant) {
    list.push_back({machine.os, std::string(architecture), std::move(variant), ""});
  };
  auto add_older = [&](std::string_view architecture, int newest, int oldest) {
    for (int n = newest; n >= oldest; --n) add(architecture, cat("v", n));
  };
  const int number = variant_number(machine.variant);
  if (machine.architecture == "amd64") {
    add_older("amd64", number - 1, 2);
    if (number > 1) add("amd64", "");
    add("386", "");
  } else if (machine.architecture == "arm") {
    add_older("arm", number - 1, 5);
  } else if (machine.architecture == "arm64") {
    if (!machine.variant.empty()) add("arm64", "");
    add_older("arm", 8, 5);
  }
  return list;
}

}  // namespace

Result<Platform> Platform::parse(std::string_view text) {
  auto bad = [&](std::string_view why) {
    return Error(Code::kInvalidArgument, cat("invalid platform ", quoted(text), ": ", why));
  };
  std::vector<std::string> parts = split(to_lower(text), '/');
  if (parts.size() > 3) return bad("must be os/architecture/variant");
  if (!std::ranges::all_of(parts, is_word)) return bad("unexpected character or empty part");
  const Platform here = host();
  const std::string_view first = parts[0];
  const bool os_first =
      first == "macos" || std::ranges::find(kKnownOs, first) != std::end(kKnownOs);
  if (parts.size() == 1 && os_first) {
    return Platform{parts[0], here.architecture, here.variant, ""}.normalized();
  }
  if (parts.size() == 3 || os_first) {
    return Platform{parts[0], parts[1], parts.size() == 3 ? parts[2] : "", ""}.normalized();
  }
  Platform p = Platform{here.os, parts[0], parts.size() == 2 ? parts[1] : "", ""}.normalized();
  if (std::ranges::find(kKnownArchitectures, p.architecture) == std::end(kKnownArchitectures)) {
    return bad("unknown operating system or architecture");
  }
  return p;
}

Platform Platform::from_json(const json::Value& v) {
  return {v.string("os"), v.string("architecture"), v.string("variant"), v.string("os.version")};
}

Platform Platform::host() {
  utsname names{};
  uname(&names);
  return Platform{"linux", names.machine, "", ""}.normalized();
}

Platform Platform::normalized() const {
  Platform p{to_lower(os), to_lower(architecture), to_lower(variant), os_version};
  if (p.os == "macos") p.os = "darwin";
  const auto* spelling = std::ranges::find(kSpellings, p.architecture, &Spelling::from);
  if (spelling != std::end(kSpellings)) {
    p.architecture = spelling->architecture;
    if (p.variant.empty()) p.variant = spelling->variant;
  }
  p.variant = normal_variant(p.architecture, p.variant);
  return p;
}

json::Value Platform::to_json() const {
  json::Object out;
  out.set("architecture", architecture);
  out.set("os", os);
  if (!os_version.empty()) out.set("os.version", os_version);
  if (!variant.empty()) out.set("variant", variant);
  return out;
}

std::string Platform::str() const {
  std::string text = cat(os, "/", architecture);
  if (!variant.empty()) text += cat("/", variant);
  return text;
}

std::optional<int> match_rank(const Platform& wanted, const Platform& candidate) {
  const Platform offered = candidate.normalized();
  int rank = 0;
  for (const Platform& p : runnable_on(wanted.normalized())) {
    if (p.os == offered.os && p.architecture == offered.architecture &&
        p.variant == offered.variant) {
      return rank;
    }
    ++rank;
  }
  return std::nullopt;
}

}  // namespace skiff::oci
