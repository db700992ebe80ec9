// Operations: what an operator has a registry do beside serving it. Each is a name, arguments and a
// result in JSON, and may tell of things while it goes on; so the same is done for who asks the
// running server (control.h) and for who opens the registry himself.
//
//   check   {"deep","repair"}  tells {"problem":{"what","where","remedy","mended"}};
//                              {"repositories","manifests","blobs","bytes"}
//   gc      {"dryRun"}         {"blobs"}, and of a dry run {"bytes","reviewed"}
//   mirror  {"do","name",...}  add, change, list, get, remove, run, start (upstream/mirrors.h)
//   import  {"tree","moveTags"}  tells {"repository"} and {"problem"};
//                              {"repositories","manifests","tags","blobs","bytes"}
//   hold    {}                 tells {"held":true}; ends with the one who asked: until then no blob
//                              is taken away
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "base/cancellation.h"
#include "codec/json.h"
#include "registry/registry.h"

namespace skiff::manage {

using Tell = std::function<void(const json::Value&)>;

struct Operation {
  std::string_view name;
  Result<json::Value> (*run)(registry::Registry& registry, const json::Value& arguments,
                             const Tell& tell, const CancelToken& cancel);
};

// nullptr for an unknown name.
const Operation* find_operation(std::string_view name);

}  // namespace skiff::manage
