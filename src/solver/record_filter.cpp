#include "solver/record_filter.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/strings.h"
#include "solver/cache_record.h"

namespace skiff::solver {

namespace {

// As BuildKit knows them; of some there are no records here.
constexpr std::array<std::string_view, 6> kTypes = {
    "regular", "internal", "frontend", "source.local", "source.git.checkout", "exec.cachemount"};

struct Text {
  std::string_view name;
  std::string (*of)(const CacheRecord&);
};
struct Fact {
  std::string_view name;
  bool (*of)(const CacheRecord&);
};

std::string parent_of(const CacheRecord& record) { return record.parent; }

constexpr Text kTexts[] = {
    {"id", [](const CacheRecord& record) { return record.id; }},
    {"parent", parent_of},
    {"parents", parent_of},
    {"type", [](const CacheRecord& record) { return std::string(type_name(record.kind)); }},
    {"description", [](const CacheRecord& record) { return record.description; }},
};
constexpr Fact kFacts[] = {
    {"inuse", [](const CacheRecord& record) { return record.in_use; }},
    {"shared", [](const CacheRecord& record) { return record.shared; }},
    {"private", [](const CacheRecord& record) { return !record.shared; }},
    {"mutable", [](const CacheRecord& record) { return is_mutable(record.kind); }},
    {"immutable", [](const CacheRecord& record) { return !is_mutable(record.kind); }},
};

template <typename T>
const T* named(const T* begin, const T* end, std::string_view name) {
  const T* found = std::find_if(begin, end, [&](const T& one) { return one.name == name; });
  return found == end ? nullptr : found;
}
const Text* text_named(std::string_view name) {
  return named(std::begin(kTexts), std::end(kTexts), name);
}
const Fact* fact_named(std::string_view name) {
  return named(std::begin(kFacts), std::end(kFacts), name);
}

Error refused(std::string_view field, std::string_view why) {
  return {Code::kInvalidArgument, cat("filter ", quoted(field), ": ", why)};
}

std::optional<bool> truth(std::string_view word) {
  if (word == "true" || word == "1") return true;
  if (word == "false" || word == "0") return false;
  return std::nullopt;
}

constexpr std::string_view kQuotes = "\"|/";

// The value at the start of `rest`, which it is taken from: to the next comma, or quoted.
Result<std::string> take_value(std::string_view field, std::string_view& rest) {
  std::string value;
  if (rest.empty() || !kQuotes.contains(rest.front())) {
    value = rest.substr(0, rest.find(','));
    rest.remove_prefix(value.size());
    return value;
  }
  const char quote = rest.front();
  rest.remove_prefix(1);
  while (!rest.empty() && rest.front() != quote) {
    // Other backslashes are the pattern's own.
    const bool escapes = rest.size() > 1 && rest[0] == '\\' &&
                         (rest[1] == quote || (quote == '"' && rest[1] == '\\'));
    if (escapes) rest.remove_prefix(1);
    value += rest.front();
    rest.remove_prefix(1);
  }
  if (rest.empty()) return refused(field, cat("the quote ", quote, " is not closed"));
  rest.remove_prefix(1);
  if (!rest.empty() && rest.front() != ',') return refused(field, "text after the quoted value");
  return value;
}

}  // namespace

Result<RecordFilter::Condition> RecordFilter::checked(Condition condition) {
  const std::string& field = condition.field;
  if (fact_named(field) != nullptr) {
    const bool is_truth = condition.is == Operator::kHolds || truth(condition.value).has_value();
    if (!is_truth || condition.is == Operator::kMatches) {
      return refused(field, "it holds or does not: a value is true or false");
    }
    return condition;
  }
  if (text_named(field) == nullptr) {
    return refused(field,
                   "the fields are id, parent, type, description, inuse, shared, private, "
                   "mutable and immutable");
  }
  if (condition.is == Operator::kMatches) {
    RE2::Options quiet;
    quiet.set_log_errors(false);
    auto pattern = std::make_shared<const RE2>(condition.value, quiet);
    if (!pattern->ok()) return refused(field, cat("invalid pattern: ", pattern->error()));
    condition.pattern = std::move(pattern);
  } else if (field == "type" && condition.is != Operator::kHolds &&
             std::ranges::find(kTypes, condition.value) == kTypes.end()) {
    return refused(field, cat("no record is of type ", quoted(condition.value)));
  }
  return condition;
}

Result<RecordFilter::Conditions> RecordFilter::conditions_of(std::string_view rest) {
  Conditions out;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find_first_of("=!~,"), rest.size());
    Condition condition{.field = std::string(trim(rest.substr(0, end)))};
    rest.remove_prefix(end);
    if (!rest.empty() && rest.front() != ',') {
      const std::string_view sign = rest.substr(0, 2);
      if (sign != "==" && sign != "!=" && sign != "~=") {
        return refused(condition.field, "it is followed by ==, != or ~=");
      }
      condition.is = sign == "=="   ? Operator::kEqual
                     : sign == "!=" ? Operator::kNotEqual
                                    : Operator::kMatches;
      rest.remove_prefix(2);
      condition.value = TRY(take_value(condition.field, rest));
    }
    out.push_back(TRY(checked(std::move(condition))));
    if (!rest.empty()) rest.remove_prefix(1);
  }
  return out;
}

Result<RecordFilter> RecordFilter::parse(const std::vector<std::string>& texts) {
  RecordFilter out;
  for (const std::string& text : texts) out.any_of_.push_back(TRY(conditions_of(text)));
  if (std::ranges::any_of(out.any_of_, &Conditions::empty)) out.any_of_.clear();
  return out;
}

Result<RecordFilter> RecordFilter::of_map(
    const std::map<std::string, std::vector<std::string>>& values) {
  Conditions all;
  for (const auto& [key, given] : values) {
    Condition condition{.field = key};
    if (given.size() > 1) return refused(key, "it takes one value");
    if (!given.empty()) {
      condition.is = Operator::kEqual;
      condition.value = given.front();
      const char sign = key.empty() ? '\0' : key.back();
      if (sign == '!' || sign == '~') condition.field.pop_back();
      if (sign == '!') condition.is = Operator::kNotEqual;
      if (sign == '~' || key == "id") condition.is = Operator::kMatches;
    }
    all.push_back(TRY(checked(std::move(condition))));
  }
  RecordFilter out;
  if (!all.empty()) out.any_of_.push_back(std::move(all));
  return out;
}

bool RecordFilter::holds(const Condition& condition, const CacheRecord& record) {
  if (const Fact* fact = fact_named(condition.field)) {
    const bool wanted = condition.is == Operator::kHolds || *truth(condition.value);
    return (fact->of(record) == wanted) == (condition.is != Operator::kNotEqual);
  }
  const std::string value = text_named(condition.field)->of(record);
  switch (condition.is) {
    case Operator::kHolds:
      return !value.empty();
    case Operator::kEqual:
      return value == condition.value;
    case Operator::kNotEqual:
      return value != condition.value;
    case Operator::kMatches:
      break;
  }
  return RE2::PartialMatch(value, *condition.pattern);
}

bool RecordFilter::matches(const CacheRecord& record) const {
  if (any_of_.empty()) return true;
  return std::ranges::any_of(any_of_, [&](const Conditions& conditions) {
    return std::ranges::all_of(
        conditions, [&](const Condition& condition) { return holds(condition, record); });
  });
}

}  // namespace skiff::solver
