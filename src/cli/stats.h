// `stats`: what containers use, once or as a screen that is redrawn.
#pragma once

#include "cli/session.h"

namespace skiff::cli {

Outcome stats(Session& session, Flags& flags);
// A sample of GET /containers/ID/stats as the row that is shown.
json::Value stats_row(const json::Value& sample, bool truncate);

}  // namespace skiff::cli
