// Container names: Docker's rule for them, and made-up ones ("quiet_lovelace").
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace skiff::engine {

// A name without its leading '/'; refuses what [a-zA-Z0-9][a-zA-Z0-9_.-]+ does not match.
Result<std::string> check_container_name(std::string_view name);
// The same rule for volumes, which may also be one letter or digit, with the text Docker uses
// there.
Result<> check_volume_name(std::string_view name);
// adjective_surname; with a digit appended from the second attempt on.
std::string random_container_name(int attempt);

}  // namespace skiff::engine
