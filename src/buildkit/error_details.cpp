#include "buildkit/error_details.h"

#include "codec/base64.h"
#include "codec/json.h"
#include "control.pb.h"
#include "dockerfile/source_text.h"

namespace skiff::buildkit {

namespace {

// errdefs.Source of BuildKit: in JSON, as its name says.
constexpr const char* kSourceType = "github.com/moby/buildkit/errdefs.Source+json";

std::string source_detail(const DockerfileText& file, int first, int last) {
  const json::Value start = json::object({{"line", first}});
  const json::Value end = json::object({{"line", last}});
  return json::object({{"info", json::object({{"filename", file.name},
                                              {"data", base64_encode(file.text)},
                                              {"language", "Dockerfile"}})},
                       {"ranges", json::array({json::object({{"start", start}, {"end", end}})})}})
      .dump();
}

}  // namespace

// Clients put the name of any code but kUnknown before the text.
RpcFailure describe_failure(const Error& error, const DockerfileText& file) {
  const Code code = error.code() == Code::kCancelled ? Code::kCancelled : Code::kUnknown;
  const auto placed = dockerfile::take_apart(error.message(), file.name);
  if (!placed) return {Error(code, error.message()), ""};
  wire::Status status;
  status.set_code(static_cast<int>(code) + 1);
  status.set_message(placed->text);
  wire::Any* source = status.add_details();
  source->set_type_url(kSourceType);
  source->set_value(source_detail(file, placed->line, placed->last));
  return {Error(code, placed->text), status.SerializeAsString()};
}

}  // namespace skiff::buildkit
