// Whether two layers are the same but for the times that came of making them (decision 024).
#pragma once

#include "base/cancellation.h"
#include "builder/vocabulary.h"
#include "content/content_store.h"
#include "solver/solver.h"

namespace skiff::builder {

enum class Times {
  kOfTheRun,  // a time within the making of its layer says nothing, any other one counts
  kNone,      // no time counts
};

// Compares two results' layers, entry by entry, up to the first difference.
Result<bool> same_layers(content::ContentStore& store, const StepResult& one,
                         const StepResult& other, Times times, const CancelToken& cancel);

}  // namespace skiff::builder
