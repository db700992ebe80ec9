// What the tests of outputs share.
#pragma once

#include "builder/build_fixture.h"
#include "codec/tar.h"

namespace skiff::builder {

// The entries of a tar: "TYPE MODE NAME", and the bytes of its files by name.
struct TarContent {
  std::vector<std::string> lines;
  std::map<std::string, std::string> files;
};
inline TarContent read_tar(const std::string& bytes) {
  TarContent out;
  StringSource source(bytes);
  TarReader tar(source);
  for (;;) {
    auto entry = tar.next();
    EXPECT_TRUE(entry) << entry.error().message();
    if (!entry || *entry == nullptr) return out;
    out.lines.push_back((*entry)->name);
    if ((*entry)->type == TarType::kFile) {
      auto body = read_all(tar.body(), size_t{64} << 20U);
      EXPECT_TRUE(body);
      out.files[(*entry)->name] = *body;
    }
  }
}

class ExportTest : public BuildFixture {
 protected:
  static constexpr std::string_view kDockerfile =
      "FROM scratch\nCOPY a /d/a\nCOPY a /b\nLABEL x=y\n";
  BuildRequest wanted(OutputType type, std::map<std::string, std::string> attributes = {}) {
    write("a", "text of a\n");
    BuildRequest out = request(std::string(kDockerfile));
    out.outputs = {{.type = type, .attributes = std::move(attributes), .file = &file_}};
    return out;
  }
  size_t images_here() { return images_->list()->size(); }

  StringSink file_;
};

}  // namespace skiff::builder
