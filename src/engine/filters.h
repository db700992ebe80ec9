// Filters: what a list, prune or events request asks for, `{"label": ["a=b"], ...}` of the
// Docker API in decoded form (engine-api.md 2.4, point 16): within one key any value may
// match, across keys all must; `label` wants every value.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace skiff::engine {

using Filters = std::map<std::string, std::vector<std::string>>;

// The values under `key`; empty when there are none.
const std::vector<std::string>& filter_values(const Filters& filters, const std::string& key);
// Refuses keys that are not among `known`, with Docker's text: "invalid filter 'bogus'".
Result<> check_filters(const Filters& filters, std::initializer_list<std::string_view> known);
// A true/false filter ("dangling", "is-task"); `fallback` when absent; refuses other words.
Result<bool> filter_flag(const Filters& filters, const std::string& key, bool fallback);
// Every `label` value ("k" or "k=v") holds for `labels`, and no `label!` value does.
bool labels_match(const Filters& filters, const std::map<std::string, std::string>& labels);
// A point in time as the API's since, until and `until` filters give it: unix seconds with
// an optional fraction, RFC 3339, or a duration back from `now` ("10m", "1h30m").
Result<TimePoint> parse_time_argument(std::string_view text, TimePoint now);

}  // namespace skiff::engine
