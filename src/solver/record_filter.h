// RecordFilter: which records of the cache are meant, in the words of BuildKit's clients.
//
//   const auto filter = TRY(RecordFilter::parse({"type==regular,description~=make"}));
//   filter.matches(record)
//
// Fields are id, parent (or parents), type, description; and inuse, shared, private, mutable,
// immutable, which hold or do not. Unknown fields and types are refused by name: a condition that
// is not understood must neither remove everything nor look as if it removed something.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace re2 {
class RE2;
}

namespace skiff::solver {

struct CacheRecord;

class RecordFilter {
 public:
  // Each text is conditions with commas between them, all of which must hold; of several texts one
  // must. A condition is FIELD, FIELD==VALUE, FIELD!=VALUE or FIELD~=REGEX (RE2); values may be
  // quoted. No text, or an empty one, means every record.
  static Result<RecordFilter> parse(const std::vector<std::string>& texts);
  // As the Engine API has them: by "FIELD", "FIELD!" or "FIELD~", each with a value or none. An
  // id is a pattern, as with "~".
  static Result<RecordFilter> of_map(const std::map<std::string, std::vector<std::string>>& values);

  bool matches(const CacheRecord& record) const;
  bool is_empty() const { return any_of_.empty(); }

 private:
  enum class Operator { kHolds, kEqual, kNotEqual, kMatches };
  struct Condition {
    std::string field;
    Operator is = Operator::kHolds;
    std::string value;
    std::shared_ptr<const re2::RE2> pattern = nullptr;
  };
  using Conditions = std::vector<Condition>;
  static Result<Condition> checked(Condition condition);
  static Result<Conditions> conditions_of(std::string_view text);
  static bool holds(const Condition& condition, const CacheRecord& record);

  std::vector<Conditions> any_of_;
};

}  // namespace skiff::solver
