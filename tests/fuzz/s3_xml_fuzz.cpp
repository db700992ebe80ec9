// An S3 store's answer: any text is read or refused, and a text that was read can be written again
// and is the same.
#include <cstdlib>

#include "base/strings.h"
#include "s3/xml.h"

extern "C" int LLVMFuzzerTestOneInput(const char* data, size_t size) {
  const auto root = skiff::s3::parse_xml({data, size});
  if (!root) return 0;
  const auto again =
      skiff::s3::parse_xml(skiff::cat("<t>", skiff::s3::escape_xml(root->text), "</t>"));
  if (!again || again->text != root->text) std::abort();
  return 0;
}
