// Which frontend a file is for: its "# syntax=", before anything else of it is understood.
#pragma once

#include <string>
#include <string_view>

namespace skiff::dockerfile {

// The whole value, or "". Files for frontends that are no Dockerfiles say it with "// syntax=" or
// as the "syntax" of a JSON object. A first line that begins with "#!" is passed over.
std::string detect_syntax(std::string_view text);

}  // namespace skiff::dockerfile
