#include "builder/export_sbom.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <map>
#include <memory>

#include "base/strings.h"

namespace skiff::builder {

namespace {

constexpr size_t kMostPackageRecords = size_t{64} << 20U;  // of /var/lib/dpkg/status
constexpr size_t kMostFile = size_t{4} << 20U;
constexpr int kDeepest = 64;

// The file's text; empty where it is missing, no file, or too large.
std::string text_of(const sys::RootDir& tree, const std::string& path, size_t limit = kMostFile) {
  return tree.read_file(path, limit).value_or("");
}

struct PackageName {
  std::string name;
  bool directory = false;
};
std::vector<PackageName> listed_in(const sys::RootDir& tree, const std::string& path) {
  std::vector<PackageName> out;
  auto fd = tree.open_at(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (!fd) return out;
  struct Close {
    void operator()(DIR* directory) const { ::closedir(directory); }
  };
  const std::unique_ptr<DIR, Close> directory(::fdopendir(fd->get()));
  if (!directory) return out;
  [[maybe_unused]] const int owned = fd->release();
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") out.push_back({name, entry->d_type == DT_DIR});
  }
  std::ranges::sort(out, {}, &PackageName::name);
  return out;
}

// Paragraphs of "Key: value" lines, as dpkg and Python's metadata have them; what continues a value
// is left out. `one_only` ends at the first empty line.
using Fields = std::map<std::string, std::string>;
std::vector<Fields> paragraphs(std::string_view text, std::string_view separator = ": ") {
  std::vector<Fields> out(1);
  for (const std::string& line : split(text, '\n')) {
    if (trim(line).empty()) {
      if (!out.back().empty()) out.emplace_back();
      continue;
    }
    const size_t at = line.find(separator);
    if (line[0] == ' ' || line[0] == '\t' || at == std::string::npos) continue;
    out.back().emplace(line.substr(0, at),
                       trim(std::string_view(line).substr(at + separator.size())));
  }
  if (out.back().empty()) out.pop_back();
  return out;
}

std::string field(const Fields& fields, const std::string& key) {
  const auto found = fields.find(key);
  return found == fields.end() ? "" : found->second;
}

// "debian", of /etc/os-release.
std::string vendor_of(const sys::RootDir& tree) {
  for (const char* path : {"etc/os-release", "usr/lib/os-release"}) {
    for (const std::string& line : split(text_of(tree, path), '\n')) {
      if (line.starts_with("ID=")) return replace_all(trim(line.substr(3)), "\"", "");
    }
  }
  return "";
}

class Finder {
 public:
  Finder(const sys::RootDir& tree, const CancelToken& cancel)
      : tree_(tree), cancel_(cancel), vendor_(vendor_of(tree)) {}

  Result<std::vector<FoundPackage>> run() {
    add_dpkg(text_of(tree_, "var/lib/dpkg/status", kMostPackageRecords));
    // Where images without dpkg itself keep its records, a file a package.
    for (const PackageName& name : listed_in(tree_, "var/lib/dpkg/status.d")) {
      if (!name.name.ends_with(".md5sums")) {
        add_dpkg(text_of(tree_, cat("var/lib/dpkg/status.d/", name.name)));
      }
    }
    for (const char* path : {"lib/apk/db/installed", "usr/lib/apk/db/installed"}) {
      add_apk(text_of(tree_, path, kMostPackageRecords));
    }
    TRY(walk("", 0));
    std::ranges::sort(found_);
    found_.erase(std::ranges::unique(found_).begin(), found_.end());
    return std::move(found_);
  }

 private:
  void add(FoundPackage package) {
    if (!package.name.empty() && !package.version.empty()) found_.push_back(std::move(package));
  }

  void add_dpkg(const std::string& text) {
    for (const Fields& fields : paragraphs(text)) {
      const std::string status = field(fields, "Status");
      if (!status.empty() && !status.ends_with(" installed")) continue;
      add({.kind = "deb",
           .name = field(fields, "Package"),
           .version = field(fields, "Version"),
           .architecture = field(fields, "Architecture"),
           .license = "",
           .vendor = vendor_.empty() ? "debian" : vendor_});
    }
  }

  void add_apk(const std::string& text) {
    for (const Fields& fields : paragraphs(text, ":")) {
      add({.kind = "apk",
           .name = field(fields, "P"),
           .version = field(fields, "V"),
           .architecture = field(fields, "A"),
           .license = field(fields, "L"),
           .vendor = vendor_.empty() ? "alpine" : vendor_});
    }
  }

  void add_npm(const std::string& path) {
    const auto document = json::parse(text_of(tree_, path));
    if (!document) return;
    add({.kind = "npm",
         .name = document->string("name"),
         .version = document->string("version"),
         .architecture = "",
         .license = document->string("license"),
         .vendor = ""});
  }

  void add_pip(const std::string& path) {
    const auto metadata = paragraphs(text_of(tree_, path));
    if (metadata.empty()) return;
    std::string name = to_lower(field(metadata[0], "Name"));
    std::string license = field(metadata[0], "License-Expression");
    if (license.empty()) license = field(metadata[0], "License");
    add({.kind = "pypi",
         .name = replace_all(name, "_", "-"),
         .version = field(metadata[0], "Version"),
         .architecture = "",
         .license = std::move(license),
         .vendor = ""});
  }

  // Packages of npm and pip lie anywhere.
  Result<> walk(const std::string& directory, int depth) {
    TRY(cancel_.check());
    if (depth > kDeepest) return {};
    const bool is_modules = directory.ends_with("/node_modules") || directory == "node_modules";
    const bool is_scope = directory.find("/node_modules/@") != std::string::npos &&
                          directory.rfind('/') == directory.rfind("/@");
    for (const PackageName& name : listed_in(tree_, directory.empty() ? "." : directory)) {
      if (!name.directory) continue;
      const std::string path = directory.empty() ? name.name : cat(directory, "/", name.name);
      if (depth == 0 && (path == "proc" || path == "sys" || path == "dev")) continue;
      if (is_modules || is_scope) add_npm(cat(path, "/package.json"));
      if (name.name.ends_with(".dist-info")) add_pip(cat(path, "/METADATA"));
      if (name.name.ends_with(".egg-info")) add_pip(cat(path, "/PKG-INFO"));
      TRY(walk(path, depth + 1));
    }
    return {};
  }

  const sys::RootDir& tree_;
  const CancelToken& cancel_;
  const std::string vendor_;
  std::vector<FoundPackage> found_;
};

// As a package URL has it.
std::string encoded(std::string_view text) {
  constexpr std::string_view kPlain = "-._~:";
  std::string out;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || kPlain.find(c) != kPlain.npos) {
      out.push_back(c);
    } else {
      out += cat("%", to_upper(to_hex({&c, 1})));
    }
  }
  return out;
}

// Letters, digits, dots and dashes alone make an identifier.
std::string identifier(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool fits = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-';
    out.push_back(fits ? c : '-');
  }
  return out;
}

json::Value spdx_package(const FoundPackage& package, size_t number) {
  const std::string license = package.license.empty() ? "NOASSERTION" : package.license;
  // A license in words of its own is no expression of SPDX.
  const bool is_expression =
      license.find_first_of(",;/\n") == std::string::npos &&
      (license.find(' ') == std::string::npos || license.find(" AND ") != std::string::npos ||
       license.find(" OR ") != std::string::npos);
  json::Value out = json::object({{"SPDXID", cat("SPDXRef-Package-", package.kind, "-",
                                                 identifier(package.name), "-", number)},
                                  {"name", package.name},
                                  {"versionInfo", package.version},
                                  {"downloadLocation", "NOASSERTION"},
                                  {"filesAnalyzed", false},
                                  {"licenseConcluded", "NOASSERTION"},
                                  {"licenseDeclared", is_expression ? license : "NOASSERTION"},
                                  {"copyrightText", "NOASSERTION"}});
  if (!is_expression) out.set("licenseComments", license);
  out.set("externalRefs", json::array({json::object({{"referenceCategory", "PACKAGE-MANAGER"},
                                                     {"referenceType", "purl"},
                                                     {"referenceLocator", package.url()}})}));
  return out;
}

}  // namespace

std::string FoundPackage::url() const {
  std::string out = cat("pkg:", kind, "/");
  if (!vendor.empty()) out += cat(encoded(vendor), "/");
  // "@scope/name" of npm is a namespace and a name.
  const auto parts = split_once(name, '/');
  out += parts ? cat(encoded(parts->first), "/", encoded(parts->second)) : encoded(name);
  out += cat("@", encoded(version));
  if (!architecture.empty()) out += cat("?arch=", encoded(architecture));
  return out;
}

Result<std::vector<FoundPackage>> find_packages(const sys::RootDir& tree,
                                                const CancelToken& cancel) {
  return Finder(tree, cancel).run();
}

json::Value spdx_document(const std::string& name, const std::string& place,
                          const std::string& created, const std::vector<FoundPackage>& packages) {
  json::Array listed;
  json::Array relations;
  for (const FoundPackage& package : packages) {
    listed.push_back(spdx_package(package, listed.size() + 1));
    relations.push_back(json::object({{"spdxElementId", "SPDXRef-DOCUMENT"},
                                      {"relationshipType", "DESCRIBES"},
                                      {"relatedSpdxElement", listed.back().string("SPDXID")}}));
  }
  return json::object(
      {{"spdxVersion", "SPDX-2.3"},
       {"dataLicense", "CC0-1.0"},
       {"SPDXID", "SPDXRef-DOCUMENT"},
       {"name", name},
       {"documentNamespace", place},
       {"creationInfo",
        json::object({{"created", created},
                      {"creators", json::array({cat("Tool: skiff-", SKIFF_VERSION)})}})},
       {"packages", std::move(listed)},
       {"relationships", std::move(relations)}});
}

}  // namespace skiff::builder
