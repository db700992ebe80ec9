// VisibleNames: which names of repositories somebody may see, worked out once for a whole list, as
// stretches of the names in their order. A list steps over what lies between two stretches without
// asking for any of it.
//
//   const VisibleNames visible = visible_names(*rights, ann, now);
//   auto page = TRY(visible.take({"acme/web", 100}, [&](const std::string& from, size_t limit) {
//     return store.names_from(from, limit);
//   }));
#pragma once

#include <functional>

#include "access/tokens.h"

namespace skiff::access {

class Rights;
struct Identity;

// From the one on, up to and without the other.
struct NameRange {
  std::string from;
  std::string until;
  bool operator==(const NameRange&) const = default;
};

class VisibleNames {
 public:
  VisibleNames();  // all there may be
  // `ranges` in order, none touching the next. Of a token with limits a name must be of one.
  explicit VisibleNames(std::vector<NameRange> ranges, std::vector<TokenLimit> limits = {});

  bool has(std::string_view name) const;

  // Up to `limit` names, in order and from `from` on.
  using Names =
      std::function<Result<std::vector<std::string>>(const std::string& from, size_t limit)>;
  // The first `limit` of `names` behind `last` that are visible. `names` is asked once for each
  // stretch at most, and once for each thousand names that only a token's pattern tells from
  // others.
  Result<std::vector<std::string>> take(const std::string& last, size_t limit,
                                        const Names& names) const;

 private:
  // The first stretch that is not over before `name`.
  const NameRange* range_at(std::string_view name) const;

  std::vector<NameRange> ranges_;
  std::vector<TokenLimit> limits_;
};

// The names from which on all come after `name`.
std::string just_after(const std::string& name);

// Those from which `who` may pull, with all that limits it.
VisibleNames visible_names(const Rights& rights, const Identity& who, TimePoint now);

}  // namespace skiff::access
