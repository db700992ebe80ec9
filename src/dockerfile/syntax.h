// Which frontend a file is for: its "# syntax=", before anything else of it is understood.
#pragma once

#include <string>
#include <string_view>

namespace skiff::dockerfile {

// The whole value, or "". Files for frontends that are no Dockerfiles say it with "// syntax=" or
// as the "syntax" of a JSON object. A first line that begins with "#!" is passed over.
std::string detect_syntax(std::string_view text);

// Whether this folder is what the value asks for: nothing, "dockerfile.v0", or an official image of
// the frontend ("docker/dockerfile:1"). Frontends of other images are programs of their own.
bool is_own_frontend(std::string_view syntax);

}  // namespace skiff::dockerfile
