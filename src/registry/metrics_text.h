// The text format of Prometheus' metrics, version 0.0.4.
//
//   MetricsText out;
//   out.family("skiff_registry_uploads", "gauge", "Uploads under way.");
//   out.sample({}, 3);
//   out.family("skiff_registry_requests_total", "counter", "Requests answered.");
//   out.sample({{"endpoint", "blob"}, {"class", "2xx"}}, 17);
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "registry/histogram.h"

namespace skiff::registry {

class MetricsText {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;
  static constexpr std::string_view kType = "text/plain; version=0.0.4; charset=utf-8";

  // Those of a family follow it; each name begins one family. Type: counter, gauge, histogram.
  void family(std::string_view name, std::string_view type, std::string_view help);
  void sample(Labels labels, uint64_t value);
  void sample(Labels labels, int64_t value);
  void sample(Labels labels, double value);
  void histogram(Labels labels, const Histogram& histogram);
  // A family of one sample.
  template <typename Value>
  void single(std::string_view name, std::string_view type, std::string_view help, Value value) {
    family(name, type, help);
    sample({}, value);
  }
  const std::string& text() const { return text_; }

 private:
  void line(std::string_view suffix, Labels labels, std::string_view bound, std::string_view value);

  std::string name_;
  std::string text_;
};

}  // namespace skiff::registry
