// What a registry's store, its collection and its scrub tell of themselves, as metrics; and the
// probes that say whether the store answers at all.
#pragma once

#include "content/scrub.h"
#include "db/file_watch.h"
#include "registry/access.h"
#include "registry/access_log.h"
#include "registry/garbage_collector.h"
#include "registry/metrics_text.h"
#include "registry/webhook_sender.h"

namespace skiff::registry {

// Of all scrubs since the start.
struct ScrubCounts {
  std::atomic<uint64_t> blobs = 0;
  std::atomic<uint64_t> bytes = 0;
  std::atomic<uint64_t> damaged = 0;  // told as they are found; the others with a scrub's end
  std::atomic<uint64_t> scrubs = 0;

  void add(const content::ScrubTotals& done) {
    blobs += done.blobs;
    bytes += done.bytes;
    ++scrubs;
  }
};

// That of the registry, whose files are `files`, and that of the accounts.
Result<> probe_database(MetadataStore& metadata, const FileWatch& files, Authorizer& access);
Result<> probe_store(const Path& root, const FileWatch& records);

// What cannot be found out is left out.
void write_store_metrics(MetricsText& out, MetadataStore& metadata, const Path& root);
void write_collector_metrics(MetricsText& out, const GarbageCollector::Totals& totals);
void write_scrub_metrics(MetricsText& out, const ScrubCounts& counts);
void write_webhook_metrics(MetricsText& out, const WebhookSender* sender);
void write_log_metrics(MetricsText& out, const AccessLog* log);

}  // namespace skiff::registry
