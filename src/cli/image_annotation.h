// The words of `imagetools create --annotation`: "KEY=VALUE" and "index:KEY=VALUE" are the index's,
// "manifest-descriptor:KEY=VALUE" and "manifest-descriptor[linux/arm64]:KEY=VALUE" its entries'.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "codec/json.h"
#include "oci/platform.h"

namespace skiff::cli {

struct ImageAnnotation {
  bool of_descriptors = false;            // else of the index
  std::optional<oci::Platform> platform;  // of those entries alone
  std::string key;
  std::string value;

  // Of an entry of an index.
  bool applies_to(const json::Value& descriptor) const;
};

Result<ImageAnnotation> parse_annotation(const std::string& text);

}  // namespace skiff::cli
