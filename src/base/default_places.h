// Where a daemon keeps its things and listens when nobody says otherwise: the system's places for
// root, the user's own (XDG base directories) for anybody else.
#pragma once

#include "base/file.h"

namespace skiff {

struct DefaultPlaces {
  Path root;
  Path run_dir;
  Path socket;
};

// An Error where a user has no directory for what lives until logout ($XDG_RUNTIME_DIR).
Result<DefaultPlaces> default_places();
DefaultPlaces system_places();

}  // namespace skiff
