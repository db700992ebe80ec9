// The checks that need nothing but the Dockerfile's text.
#pragma once

#include "builder/checks.h"
#include "builder/instructions.h"

namespace skiff::builder {

void check_text(const Dockerfile& file, Checks& checks);

}  // namespace skiff::builder
