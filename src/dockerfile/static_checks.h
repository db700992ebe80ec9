// The checks that need nothing but the Dockerfile's text.
#pragma once

#include "dockerfile/checks.h"
#include "dockerfile/instructions.h"

namespace skiff::dockerfile {

void check_text(const Dockerfile& file, Checks& checks);

}  // namespace skiff::dockerfile
