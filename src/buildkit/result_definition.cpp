#include "buildkit/result_definition.h"

#include "base/strings.h"
#include "codec/hash.h"
#include "control.pb.h"

namespace skiff::buildkit {

namespace {

constexpr std::string_view kScheme = "skiff-result://";

void add(wire::Definition& definition, const wire::Op& op) {
  const std::string bytes = op.SerializeAsString();
  definition.add_def(bytes);
  (*definition.mutable_metadata())[cat("sha256:", sha256_hex(bytes))] = wire::OpMetadata();
}

}  // namespace

wire::Definition definition_of(const std::string& build) {
  wire::Definition out;
  wire::Op source;
  source.mutable_source()->set_identifier(cat(kScheme, build));
  add(out, source);
  wire::Op last;
  last.add_inputs()->set_digest(cat("sha256:", sha256_hex(out.def(0))));
  add(out, last);
  return out;
}

std::optional<std::string> build_of_definition(const wire::Definition& definition) {
  for (const std::string& bytes : definition.def()) {
    wire::Op op;
    if (!op.ParseFromString(bytes) || !op.has_source()) continue;
    const std::string& identifier = op.source().identifier();
    if (identifier.starts_with(kScheme)) return identifier.substr(kScheme.size());
  }
  return std::nullopt;
}

}  // namespace skiff::buildkit
