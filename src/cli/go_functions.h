// The functions that templates call: those of Go's text/template, and Docker's own.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "codec/json.h"

namespace skiff::cli {

Result<json::Value> call_go_function(const std::string& name, const std::vector<json::Value>& args);

// Whether {{if}} takes it: not for null, false, zero and what is empty.
bool go_truth(const json::Value& value);
// As Go's %v prints it.
std::string go_text(const json::Value& value);

}  // namespace skiff::cli
