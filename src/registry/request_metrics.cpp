#include "registry/request_metrics.h"

#include <algorithm>

#include "registry/refusal.h"

namespace skiff::registry {

namespace {

constexpr std::string_view kEndpoints[] = {"manifest", "blob",    "upload",    "base",   "token",
                                           "tags",     "catalog", "referrers", "history"};
constexpr std::string_view kMethodNames[] = {"GET",   "HEAD",   "PUT",  "POST",
                                             "PATCH", "DELETE", "other"};
constexpr std::string_view kClassNames[] = {"2xx", "3xx", "4xx", "5xx"};
constexpr std::string_view kCodes[] = {kBlobUnknown.code,         kBlobUploadInvalid.code,
                                       kBlobUploadUnknown.code,   kDenied.code,
                                       kDigestInvalid.code,       kInternal.code,
                                       kManifestBlobUnknown.code, kManifestInvalid.code,
                                       kManifestUnknown.code,     kNameInvalid.code,
                                       kNameUnknown.code,         kNotFound.code,
                                       kNumberInvalid.code,       kRangeNotSatisfiable.code,
                                       kSizeInvalid.code,         kTagInvalid.code,
                                       kTooManyRequests.code,     kUnauthorized.code,
                                       kUnavailable.code,         kUnsupported.code};

// Of what is not there, the last.
size_t place_of(std::span<const std::string_view> names, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  return static_cast<size_t>(found - names.begin());
}

size_t method_place(std::string_view method) {
  return std::min(place_of(kMethodNames, method), std::size(kMethodNames) - 1);
}

// One that was not answered by its handler is answered 500.
size_t class_place(int status) {
  return status < 100 ? 3 : static_cast<size_t>(std::clamp(status / 100, 2, 5) - 2);
}

uint64_t read(const std::atomic<uint64_t>& counter) {
  return counter.load(std::memory_order_relaxed);
}

void add(std::atomic<uint64_t>& counter, uint64_t n) {
  if (n > 0) counter.fetch_add(n, std::memory_order_relaxed);
}

}  // namespace

RequestMetrics::RequestMetrics(const std::vector<std::string_view>& more)
    : codes_(std::begin(kCodes), std::end(kCodes)), refusals_(std::size(kCodes) + 1) {
  std::vector<std::string_view> names(std::begin(kEndpoints), std::end(kEndpoints));
  names.insert(names.end(), more.begin(), more.end());
  names.emplace_back("other");
  for (const std::string_view name : names) {
    const auto same = [&](const auto& each) { return each->name == name; };
    if (std::ranges::any_of(endpoints_, same)) continue;
    endpoints_.push_back(std::make_unique<Endpoint>());
    endpoints_.back()->name = name;
  }
}

RequestMetrics::Endpoint& RequestMetrics::endpoint(std::string_view name) {
  for (const auto& each : endpoints_) {
    if (each->name == name) return *each;
  }
  return *endpoints_.back();
}

void RequestMetrics::answered(const RequestRecord& record) {
  Endpoint& place = endpoint(record.endpoint);
  add(place.requests[method_place(record.method)][class_place(record.status)], 1);
  add(place.received, record.received);
  add(place.sent, record.sent);
  place.took.record(record.duration);
  if (!record.error.empty()) add(refusals_[place_of(codes_, record.error)], 1);
  if (record.broken) add(broken_, 1);
  under_way_.fetch_sub(1, std::memory_order_relaxed);
}

bool RequestMetrics::Endpoint::seen() const {
  for (size_t i = 0; i < Histogram::kBuckets; ++i) {
    if (took.count(i) > 0) return true;
  }
  return false;
}

void RequestMetrics::write(MetricsText& out) const {
  write_requests(out);
  write_bytes(out);
  out.family("skiff_registry_refusals_total", "counter",
             "Refusals by the distribution specification's error code.");
  for (size_t i = 0; i < refusals_.size(); ++i) {
    const std::string_view code = i < codes_.size() ? codes_[i] : "other";
    if (read(refusals_[i]) > 0) out.sample({{"code", code}}, read(refusals_[i]));
  }
  out.single("skiff_registry_broken_answers_total", "counter",
             "Answers that could not be sent whole.", read(broken_));
  out.single("skiff_registry_requests_under_way", "gauge", "Requests that are being answered.",
             under_way_.load(std::memory_order_relaxed));
}

void RequestMetrics::write_requests(MetricsText& out) const {
  out.family("skiff_registry_requests_total", "counter", "Requests answered.");
  for (const auto& each : endpoints_) {
    for (size_t m = 0; m < kMethods; ++m) {
      for (size_t c = 0; c < kClasses; ++c) {
        const uint64_t count = read(each->requests[m][c]);
        if (count == 0) continue;
        out.sample(
            {{"endpoint", each->name}, {"method", kMethodNames[m]}, {"class", kClassNames[c]}},
            count);
      }
    }
  }
  out.family("skiff_registry_request_duration_seconds", "histogram",
             "From the end of a request's head to the end of its answer.");
  for (const auto& each : endpoints_) {
    if (each->seen()) out.histogram({{"endpoint", each->name}}, each->took);
  }
}

void RequestMetrics::write_bytes(MetricsText& out) const {
  out.family("skiff_registry_received_bytes_total", "counter", "Bytes of requests' bodies.");
  for (const auto& each : endpoints_) {
    if (each->seen()) out.sample({{"endpoint", each->name}}, read(each->received));
  }
  out.family("skiff_registry_sent_bytes_total", "counter", "Bytes of answers' bodies.");
  for (const auto& each : endpoints_) {
    if (each->seen()) out.sample({{"endpoint", each->name}}, read(each->sent));
  }
}

}  // namespace skiff::registry
