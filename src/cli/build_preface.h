// What skiff sends of a build beside its context: secrets, SSH agents, what RUN is allowed to do,
// named contexts, and a Dockerfile for a context that the engine fetches.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/io.h"
#include "cli/flags.h"
#include "cli/key_agent.h"

namespace skiff::cli {

inline constexpr const char* kBuildPreface = "application/vnd.skiff.build";

// Whether a context is one that the engine fetches.
bool is_remote(const std::string& text);
// What no directory is called and nobody fetches: "ftp://host/a".
Result<> check_scheme(const std::string& text);

// The body of a build, as the engine's api/build_preface.h has it, piece by piece.
class BuildBody : public Source {
 public:
  // Sent in this order; the last one is the context's.
  BuildBody(std::string first, std::vector<std::unique_ptr<Source>> tars);
  Result<size_t> read(std::span<char> buffer) override;

 private:
  Result<> produce();
  std::string piece_;
  size_t given_ = 0;  // of piece_
  std::vector<std::unique_ptr<Source>> tars_;
  size_t next_ = 0;
};

// The body for --secret, --ssh, --allow and --build-context before the context's tar; just that tar
// where none of them is given. `dockerfile` is the text of a fetched context's; nullopt: its own.
struct PrefacedBody {
  std::unique_ptr<Source> source;
  std::string content_type;
  std::vector<KeyAgent> agents;  // as long as the build
};
Result<PrefacedBody> with_preface(const Flags& flags, const std::optional<std::string>& dockerfile,
                                  std::unique_ptr<Source> tar);

}  // namespace skiff::cli
