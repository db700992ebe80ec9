// What Prometheus' client libraries tell of the process itself, and the program's version.
#pragma once

#include "registry/metrics_text.h"

namespace skiff::registry {

// What /proc does not tell is left out.
void write_process_metrics(MetricsText& out);

}  // namespace skiff::registry
