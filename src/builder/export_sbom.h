// What packages a tree has, read from the records of those who installed them: dpkg, apk, npm and
// pip. Nothing is guessed: a program that was copied in, or built there, is not among them.
#pragma once

#include <string>
#include <vector>

#include "base/cancellation.h"
#include "codec/json.h"
#include "sys/root_dir.h"

namespace skiff::builder {

struct FoundPackage {
  std::string kind;  // "deb", "apk", "npm", "pypi": of its package URL
  std::string name;
  std::string version;
  std::string architecture;  // "" where the kind has none
  std::string license;       // as its record says, "" for nothing
  std::string vendor;        // "debian": of deb and apk
  auto operator<=>(const FoundPackage&) const = default;

  // "pkg:deb/debian/bash@5.2?arch=amd64" (package-url specification)
  std::string url() const;
};

// Sorted. Records that cannot be read as such are passed over.
Result<std::vector<FoundPackage>> find_packages(const sys::RootDir& tree,
                                                const CancelToken& cancel);

// An SPDX 2.3 document in JSON. `created` is RFC 3339.
json::Value spdx_document(const std::string& name, const std::string& place,
                          const std::string& created, const std::vector<FoundPackage>& packages);

}  // namespace skiff::builder
