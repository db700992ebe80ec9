// RUN as a step.
#pragma once

#include "builder/steps.h"

namespace skiff::builder {

std::unique_ptr<Step> make_run_step(StepSite& site, const StepPlace& place);

}  // namespace skiff::builder
