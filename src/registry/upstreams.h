// Upstreams: other registries whose images a registry fetches when they are asked for, and keeps:
// the seam between its router and what speaks to them (the layer upstream).
//
//   call.name = TRY(upstreams.repository(call, is_pull));          // once the path is read
//   if (upstreams.covers(call.name)) {                             // and the viewer may
//     if (TRY(upstreams.manifest(call))) return;                   // answered
//   }                                                              // else: what is here, as ever
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/cancellation.h"
#include "base/clock.h"
#include "registry/refusal.h"

namespace skiff::registry {

struct Call;
struct Context;

// Thread-safe.
class Upstreams {
 public:
  virtual ~Upstreams() = default;
  // The repository that a request is about: that of its path, or the one that keeps what it means
  // of another registry.
  virtual Answer<std::string> repository(const Call& call, bool is_pull) = 0;
  // Whether the repository keeps things of another registry; nothing is pushed there.
  virtual bool covers(const std::string& repository) const = 0;
  // A GET or HEAD in such a repository. True: it has been answered. False: the registry answers it
  // by what it has, which is right now.
  virtual Answer<bool> manifest(Call& call) = 0;
  virtual Answer<bool> blob(Call& call) = 0;
  virtual Answer<bool> tags(Call& call) = 0;
  virtual Answer<bool> referrers(Call& call) = 0;
  // What an operator has done with mirrors (upstream/mirrors.h).
  virtual Result<json::Value> operate_mirrors(std::string_view what, const json::Value& arguments,
                                              const std::function<void(const json::Value&)>& tell,
                                              const CancelToken& cancel) = 0;
};

// Made with the registry and destroyed before it; `context` outlives it.
using MakeUpstreams =
    std::function<Result<std::unique_ptr<Upstreams>>(const Context& context, const Clock& clock)>;

}  // namespace skiff::registry
