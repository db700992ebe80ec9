// The body of a request to the REST API: judged by what its route takes, and told to the audit log.
//
// What a route takes is a text, the members with blanks between:
//
//   "name! password:secret! keep:int dryRun:bool tags:strings limits:[repositories tags role]"
//
// Those with ! must be there. Types: none (a string), int, bool, strings (a list of them), secret
// (a string that is told to nobody), url (one of which only the place is told), and [...] (a list
// of objects with such members, one of them at least).
#pragma once

#include "codec/json.h"
#include "net/http_server.h"
#include "registry/refusal.h"

namespace skiff::manage {

// A body, a query or a path that has not the form that its route takes.
inline constexpr registry::ErrorKind kInvalid{"INVALID", 400};

// 400 where it has anything else, naming where: what is mistyped would read as absent, and a dry
// run be a real one, a limit none. 413 above 64 KiB. Where nothing is taken the body is not read.
registry::Answer<json::Value> read_body(net::Request& request, std::string_view members);

// What the log may have of a body that was judged so.
json::Value told_body(const json::Value& body, std::string_view members);

}  // namespace skiff::manage
