#include "access/visible_names.h"

#include <algorithm>

#include "access/directory.h"
#include "base/strings.h"

namespace skiff::access {

namespace {

constexpr size_t kNamesAtOnce = 1'000;
// Before and behind all characters of names.
constexpr char kFirst = '\x01';
constexpr char kLast = '\x7f';

// Where what may be seen changes: of nested stretches the inner one counts.
struct Stretch {
  NameRange range;
  bool visible = false;
};

void add_stretches(std::vector<Stretch>& out, const std::string& node, bool visible) {
  if (node.empty()) return out.push_back({{"", std::string(1, kLast)}, visible});
  out.push_back({{node, just_after(node)}, visible});
  // '0' is the character behind '/'.
  out.push_back({{cat(node, "/"), cat(node, "0")}, visible});
}

// The visible parts of stretches that lie wholly within or beside each other.
class Sweep {
 public:
  std::vector<NameRange> run(std::vector<Stretch> stretches) {
    std::ranges::sort(stretches, [](const Stretch& a, const Stretch& b) {
      return a.range.from != b.range.from ? a.range.from < b.range.from
                                          : a.range.until > b.range.until;
    });
    for (const Stretch& each : stretches) {
      end_before(each.range.from);
      change(each.range.from, each.visible);
      open_.push_back(&each);
    }
    end_before(std::string(1, kLast));
    return std::move(out_);
  }

 private:
  void end_before(const std::string& at) {
    while (!open_.empty() && open_.back()->range.until <= at) {
      const std::string end = open_.back()->range.until;
      open_.pop_back();
      change(end, !open_.empty() && open_.back()->visible);
    }
  }
  void change(const std::string& at, bool visible) {
    if (visible == visible_) return;
    visible_ = visible;
    if (!visible) {
      out_.back().until = at;
      if (out_.back().from == at) out_.pop_back();
    } else if (!out_.empty() && out_.back().until == at) {
      out_.back().until.clear();
    } else {
      out_.push_back({at, ""});
    }
  }

  std::vector<const Stretch*> open_;
  std::vector<NameRange> out_;
  bool visible_ = false;
};

// What begins as the patterns do, up to their first star.
std::vector<NameRange> ranges_of(const std::vector<TokenLimit>& limits) {
  std::vector<Stretch> stretches;
  for (const TokenLimit& limit : limits) {
    if (limit.role < Role::kPull) continue;
    const std::string start = limit.repositories.substr(0, limit.repositories.find('*'));
    NameRange range{start, cat(start, kLast)};
    if (start.size() == limit.repositories.size()) range.until = just_after(start);
    stretches.push_back({std::move(range), true});
  }
  return Sweep().run(std::move(stretches));
}

std::vector<NameRange> both(const std::vector<NameRange>& a, const std::vector<NameRange>& b) {
  std::vector<NameRange> out;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const std::string& from = std::max(a[i].from, b[j].from);
    const std::string& until = std::min(a[i].until, b[j].until);
    if (from < until) out.push_back({from, until});
    (a[i].until < b[j].until ? i : j) += 1;
  }
  return out;
}

}  // namespace

std::string just_after(const std::string& name) { return cat(name, kFirst); }

VisibleNames::VisibleNames() : VisibleNames({{"", std::string(1, kLast)}}) {}

VisibleNames::VisibleNames(std::vector<NameRange> ranges, std::vector<TokenLimit> limits)
    : ranges_(std::move(ranges)), limits_(std::move(limits)) {
  if (!limits_.empty()) ranges_ = both(ranges_, ranges_of(limits_));
}

const NameRange* VisibleNames::range_at(std::string_view name) const {
  const auto found = std::ranges::upper_bound(ranges_, name, {}, &NameRange::until);
  return found == ranges_.end() ? nullptr : &*found;
}

bool VisibleNames::has(std::string_view name) const {
  const NameRange* const range = range_at(name);
  if (range == nullptr || name < range->from) return false;
  return limits_.empty() || std::ranges::any_of(limits_, [&](const TokenLimit& limit) {
           return limit.role >= Role::kPull && matches_pattern(limit.repositories, name);
         });
}

Result<std::vector<std::string>> VisibleNames::take(const std::string& last, size_t limit,
                                                    const Names& names) const {
  std::vector<std::string> out;
  std::string from = just_after(last);
  while (out.size() < limit) {
    const NameRange* const range = range_at(from);
    if (range == nullptr) break;
    const std::vector<std::string> some = TRY(names(std::max(from, range->from), kNamesAtOnce));
    for (const std::string& name : some) {
      if (out.size() < limit && has(name)) out.push_back(name);
    }
    if (some.size() < kNamesAtOnce) break;
    from = just_after(some.back());
  }
  return out;
}

VisibleNames visible_names(const Rights& rights, const Identity& who, TimePoint now) {
  if (!counts(rights, who, now)) return VisibleNames(std::vector<NameRange>());
  std::vector<Stretch> stretches;
  for (const std::string_view node : rights.nodes_for(who.account)) {
    add_stretches(stretches, std::string(node),
                  rights.role_of(who.account, node, now) >= Role::kPull);
  }
  std::vector<TokenLimit> limits;
  if (const Token* token = rights.token(who.token)) limits = token->limits;
  return VisibleNames(Sweep().run(std::move(stretches)), std::move(limits));
}

}  // namespace skiff::access
