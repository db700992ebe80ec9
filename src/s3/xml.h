// The XML of S3's answers: elements and their text. Attributes and namespaces are read over.
// Not for documents of strangers at large: no document types, no entities but the five of XML and
// characters by number.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace skiff::s3 {

struct Element {
  std::string name;
  std::string text;  // of itself, without that of its children
  std::vector<Element> children;

  // The text of the first child of that name, or "".
  std::string get(std::string_view child) const;
  std::vector<const Element*> all(std::string_view child) const;
};

// The root. At most 16 elements deep.
Result<Element> parse_xml(std::string_view text);

// As element content.
std::string escape_xml(std::string_view text);

}  // namespace skiff::s3
