// Which frontend a file is for: its "# syntax=", before anything else of it is understood.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace skiff::dockerfile {

struct Syntax {
  std::string value;  // whole; "": none is asked for
  int line = 0;       // that says it, from 1; 0: it is a member of a JSON object
};
// Files for frontends that are no Dockerfiles say it with "// syntax=" or as the "syntax" of a JSON
// object. A first line that begins with "#!" is passed over.
Syntax detect_syntax(std::string_view text);

// Whether this folder is what the value asks for: nothing, "dockerfile.v0", or a version of the
// official frontend that it implements ("docker/dockerfile:1", "docker/dockerfile:1.4-labs"; a
// digest behind a version says nothing more). kUnimplemented says what else there is to write:
// frontends of other images are programs of their own, and of a later version, or of a digest
// alone, nobody knows what it means.
Result<> check_frontend(std::string_view syntax);

}  // namespace skiff::dockerfile
