// RunMount: what one --mount of RUN asks for (reference, "RUN --mount").
//
//   type=cache,target=/root/.cache,sharing=locked       type=secret,id=token,env=TOKEN
//   type=bind,from=build,source=/out,target=/in,rw      type=tmpfs,target=/tmp,size=1g
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"

namespace skiff::dockerfile {

enum class MountKind { kBind, kCache, kTmpfs, kSecret, kSsh };
enum class CacheSharing {
  kShared,   // all at the same time
  kPrivate,  // each its own, while others use it
  kLocked,   // one after the other
};

struct RunMount {
  MountKind kind = MountKind::kBind;
  std::string from;    // stage or image; "": the context, or of a cache nothing
  std::string source;  // path in it
  std::string target;  // as written: perhaps relative, perhaps ""
  std::string id;      // of a cache, secret or agent, as written
  std::string env;     // of a secret: the variable that holds it
  bool read_only = true;
  bool required = false;
  int64_t size = 0;  // of a tmpfs; 0: no limit
  CacheSharing sharing = CacheSharing::kShared;
  std::optional<mode_t> mode;
  std::optional<uint32_t> uid;
  std::optional<uint32_t> gid;
};

// Values are expanded with `expand`, those of "from" excepted.
using ExpandValue = std::function<Result<std::string>(const std::string&)>;
Result<RunMount> parse_run_mount(const std::string& text, const ExpandValue& expand);

// The stage or image of "from" alone, before anything is expanded.
Result<std::string> from_of_mount(const std::string& text);
// Its target as written; "" where there is none.
std::string target_of_mount(const std::string& text);

}  // namespace skiff::dockerfile
