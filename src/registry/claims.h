// Claims: what one of several servers on a database does at a time: running a mirror, making room
// in a cache, reading blobs again.
//
//   auto claim = TRY(Claim::take(metadata, "mirror up", server, clock));
//   if (!claim) return;               // another server does it
//   ...                               // renewed meanwhile; given up with the object
//
// One that its server could not renew for a minute is another's. So what is done under a claim does
// no harm when two do it; the claim spares that.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/result.h"

namespace skiff::registry {

// As the metadata has them; all is written soon.
class Claims {
 public:
  virtual ~Claims() = default;
  // Until then the holder has what has that name, unless another has it now; again, if he has it.
  // What was noted with it last, nullopt where another has it.
  virtual Result<std::optional<std::string>> claim(const std::string& name,
                                                   const std::string& holder, TimePoint until) = 0;
  // Nothing where another has it.
  virtual Result<> note_claim(const std::string& name, const std::string& holder,
                              const std::string& note) = 0;
  virtual Result<> give_up_claim(const std::string& name, const std::string& holder) = 0;
};

class Claim {
 public:
  // Null where another has it. `holder` is a server's name, the same after it was killed.
  static Result<std::unique_ptr<Claim>> take(Claims& claims, std::string name, std::string holder,
                                             const Clock& clock);
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim();

  // What the one before left for whoever goes on.
  const std::string& note() const { return note_; }
  Result<> leave(const std::string& note) { return claims_.note_claim(name_, holder_, note); }

 private:
  Claim(Claims& claims, std::string name, std::string holder, std::string note, const Clock& clock);
  void renew(const std::stop_token& stop);

  Claims& claims_;
  const std::string name_;
  const std::string holder_;
  const std::string note_;
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace skiff::registry
