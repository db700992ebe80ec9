// What Docker's types say of the members that a template asks for, by their names alone: the daemon
// leaves out, or gives as null, what says nothing.
#pragma once

#include <string_view>

namespace skiff::cli {

// It is no mistake of the template's where the daemon has left it out.
bool may_be_absent(std::string_view name);
// Its own members have names of the user's: any may be missing.
bool has_free_names(std::string_view name);
// How one without a value is printed: "[]", "map[]" or "<no value>".
std::string_view text_of_nothing(std::string_view name);

}  // namespace skiff::cli
