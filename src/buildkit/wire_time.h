// Times as BuildKit's messages have them.
#pragma once

#include "base/clock.h"
#include "control.pb.h"

namespace skiff::buildkit {

inline void set_time(wire::Timestamp* out, TimePoint t) {
  constexpr int64_t kNanos = 1'000'000'000;
  out->set_seconds(unix_seconds(t));
  out->set_nanos(static_cast<int32_t>(unix_nanos(t) % kNanos));
}

}  // namespace skiff::buildkit
