// Any bytes as JSON: a value that survives being written and read, or an error; its keys are read
// alike.
#include <cstdlib>

#include "codec/json.h"
#include "codec/json_keys.h"

extern "C" int LLVMFuzzerTestOneInput(const char* data, size_t size) {
  using namespace skiff;
  auto value = json::parse({data, size});
  const auto keys = json::each_key({data, size}, [](const json::Key&) { return true; });
  if (!value) return 0;
  if (!keys) std::abort();
  for (const std::string& text :
       {value->dump(), value->dump(json::Html::kEscaped), value->pretty()}) {
    auto again = json::parse(text);
    if (!again || !(*again == *value)) std::abort();
  }
  return 0;
}
