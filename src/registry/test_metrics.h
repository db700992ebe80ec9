// For tests: a strict reader of Prometheus' text format (exposition formats, text format details).
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>

#include "base/strings.h"

namespace skiff::registry {

class ReadMetrics {
 public:
  // Complains of all that is not as the format has it.
  explicit ReadMetrics(const std::string& text) {
    EXPECT_TRUE(text.ends_with('\n'));
    for (const std::string& line : split(text.substr(0, text.size() - 1), '\n')) {
      SCOPED_TRACE(line);
      line.starts_with('#') ? read_comment(line) : read_sample(line);
    }
    for (const auto& [series, buckets] : buckets_) check_histogram(series, buckets);
  }

  // By "name{labels}" as it stands.
  double value(const std::string& series) const {
    const auto found = samples_.find(series);
    EXPECT_NE(found, samples_.end()) << series;
    return found == samples_.end() ? -1 : found->second;
  }
  bool has(const std::string& series) const { return samples_.contains(series); }
  bool has_family(const std::string& name) const { return types_.contains(name); }
  size_t size() const { return samples_.size(); }

 private:
  void read_comment(const std::string& line) {
    static const std::regex kHelp("# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (([^\\\\]|\\\\[\\\\n])+)");
    static const std::regex kType("# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)");
    std::smatch parts;
    if (std::regex_match(line, parts, kHelp)) {
      EXPECT_TRUE(helped_.insert(parts[1]).second) << "a second HELP";
    } else if (std::regex_match(line, parts, kType)) {
      family_ = parts[1];
      EXPECT_TRUE(types_.emplace(family_, parts[2]).second) << "a second TYPE";
      EXPECT_TRUE(helped_.contains(family_)) << "no HELP before it";
      EXPECT_TRUE(parts[2] != "counter" || family_.ends_with("_total"));
    } else {
      ADD_FAILURE() << "neither HELP nor TYPE";
    }
  }
  void read_sample(const std::string& line) {
    static const std::regex kSample(
        "([a-zA-Z_:][a-zA-Z0-9_:]*)(\\{[a-zA-Z_][a-zA-Z0-9_]*=\"([^\"\\\\]|\\\\[\\\\\"n])*\""
        "(,[a-zA-Z_][a-zA-Z0-9_]*=\"([^\"\\\\]|\\\\[\\\\\"n])*\")*\\})? "
        "(-?[0-9.]+(e[-+]?[0-9]+)?)");
    std::smatch parts;
    if (!std::regex_match(line, parts, kSample)) {
      ADD_FAILURE() << "no sample";
      return;
    }
    const std::string name = parts[1];
    const double value = std::stod(parts[6]);
    EXPECT_TRUE(samples_.emplace(cat(name, parts[2].str()), value).second) << "said before";
    if (types_[family_] != "histogram") {
      EXPECT_EQ(name, family_) << "not of the family before it";
      EXPECT_TRUE(types_[family_] != "counter" || value >= 0);
      return;
    }
    const std::string labels = parts[2];
    if (name == cat(family_, "_bucket")) {
      const size_t le = labels.rfind("le=\"");
      ASSERT_NE(le, std::string::npos);
      const std::string bound = labels.substr(le + 4, labels.size() - le - 6);
      buckets_[cat(family_, labels.substr(0, le))].emplace_back(bound, value);
    } else {
      EXPECT_TRUE(name == cat(family_, "_sum") || name == cat(family_, "_count"));
    }
  }
  using Buckets = std::vector<std::pair<std::string, double>>;
  void check_histogram(const std::string& series, const Buckets& buckets) {
    SCOPED_TRACE(series);
    double bound = 0;
    double count = 0;
    for (const auto& [le, value] : buckets) {
      EXPECT_TRUE(le == "+Inf" || std::stod(le) > std::exchange(bound, std::stod(le)));
      EXPECT_GE(value, std::exchange(count, value));
    }
    EXPECT_EQ(buckets.back().first, "+Inf");
    const size_t brace = series.find('{');
    std::string labels = series.substr(brace);
    labels = labels == "{" ? "" : cat(labels.substr(0, labels.size() - 1), "}");
    EXPECT_EQ(value(cat(series.substr(0, brace), "_count", labels)), count);
    EXPECT_TRUE(has(cat(series.substr(0, brace), "_sum", labels)));
  }

  std::string family_;
  std::set<std::string> helped_;
  std::map<std::string, std::string> types_;
  std::map<std::string, double> samples_;
  std::map<std::string, Buckets> buckets_;
};

}  // namespace skiff::registry
