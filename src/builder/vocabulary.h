// The words of the layers below that this one speaks of at every turn: instructions, plans, steps.
#pragma once

namespace skiff::dockerfile {}
namespace skiff::solver {}

namespace skiff::builder {

using namespace dockerfile;
using namespace solver;

}  // namespace skiff::builder
