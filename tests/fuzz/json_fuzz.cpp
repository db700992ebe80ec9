// Any bytes as JSON: a value that survives being written and read, or an error.
#include <cstdlib>

#include "codec/json.h"

extern "C" int LLVMFuzzerTestOneInput(const char* data, size_t size) {
  using namespace skiff;
  auto value = json::parse({data, size});
  if (!value) return 0;
  for (const std::string& text :
       {value->dump(), value->dump(json::Html::kEscaped), value->pretty()}) {
    auto again = json::parse(text);
    if (!again || !(*again == *value)) std::abort();
  }
  return 0;
}
