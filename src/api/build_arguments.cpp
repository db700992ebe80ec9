#include "api/build_arguments.h"

#include <algorithm>

#include "base/strings.h"

namespace skiff::api {

Result<json::Value> json_argument(const Call& call, std::string_view key) {
  std::string text = call.arg(key);
  if (text.empty()) return json::Value();
  return TRY_CONTEXT(json::parse(text), cat("parameter ", key));
}

Result<std::vector<std::string>> cache_from_argument(const Call& call) {
  const json::Value names = TRY(json_argument(call, "cachefrom"));
  std::vector<std::string> out;
  for (const json::Value& name : names.as_array()) out.push_back(name.as_string());
  if ((!names.is_array() && !names.is_null()) || std::ranges::count(out, std::string()) > 0) {
    return Error(Code::kInvalidArgument, "parameter cachefrom: it is an array of names");
  }
  return out;
}

}  // namespace skiff::api
