// Configurations: parsed; what a scalar says comes back as it was.
#include <cstdlib>

#include "codec/yaml.h"

namespace {

void check(const skiff::yaml::Node& node) {
  if (node.kind == skiff::yaml::Node::Kind::kScalar && node.text.size() < 4096) {
    const auto again = skiff::yaml::parse("- " + skiff::yaml::scalar(node.text) + "\n");
    if (!again || again->items.size() != 1 || again->items[0].text != node.text) std::abort();
  }
  for (const auto& item : node.items) check(item);
  for (const auto& member : node.members) check(member.value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const char* data, size_t size) {
  if (const auto read = skiff::yaml::parse({data, size})) check(*read);
  return 0;
}
