#include "cli/build_outputs.h"

#include <unistd.h>

#include <algorithm>

#include "base/strings.h"
#include "base/truth.h"
#include "cli/attach_stream.h"
#include "cli/option_values.h"
#include "cli/terminal.h"

namespace skiff::cli {

namespace {

constexpr std::string_view kFlag = "-o, --output";
constexpr std::string_view kFramesType = "application/vnd.docker.multiplexed-stream";
constexpr int kProgressStream = 1;
constexpr int kFirstStream = 16;  // of the first output; the second has the next one
constexpr size_t kMostFrame = size_t{64} << 20U;

Result<std::map<std::string, std::string>> parse_fields(const std::string& text) {
  const std::vector<std::string> fields = TRY(split_fields(kFlag, text));
  if (fields.size() == 1 && fields[0].find('=') == std::string::npos) {
    if (fields[0] == "-") return std::map<std::string, std::string>{{"type", "tar"}, {"dest", "-"}};
    return std::map<std::string, std::string>{{"type", "local"}, {"dest", fields[0]}};
  }
  std::map<std::string, std::string> out;
  for (const std::string& field : fields) {
    const auto parts = split_once(field, '=');
    if (!parts) return bad_flag(kFlag, text, cat("invalid value ", field));
    out[to_lower(trim(parts->first))] = parts->second;
  }
  if (out["type"].empty()) return bad_flag(kFlag, text, "type is required for output");
  return out;
}

std::string take_field(std::map<std::string, std::string>& fields, const std::string& name) {
  const auto node = fields.extract(name);
  return node.empty() ? std::string() : node.mapped();
}

// The header of the next frame, false at the end of the answer.
struct Frame {
  int stream = 0;
  size_t size = 0;
};
Result<bool> read_frame(Source& from, Frame& frame) {
  std::string head(kFrameHeader, '\0');
  const size_t got = TRY(read_full(from, head));
  if (got == 0) return false;
  if (got < kFrameHeader) return Error(Code::kUnavailable, "the daemon's answer ends too early");
  frame.stream = static_cast<unsigned char>(head[0]);
  frame.size = frame_size(head);
  return true;
}

}  // namespace

Result<BuildOutputs> BuildOutputs::open(const Flags& flags) {
  BuildOutputs out;
  for (const std::string& text : flags.all("output")) TRY(out.add(text));
  if (flags.on("push")) out.add_push();
  const auto is_image = [](const Wanted& wanted) { return wanted.type == "image"; };
  if (flags.on("load") && std::ranges::none_of(out.wanted_, is_image)) {
    out.wanted_.push_back({.type = "image"});
  }
  if (!flags.on("reproducible")) return out;
  if (out.wanted_.empty()) out.wanted_.push_back({.type = "image"});
  for (Wanted& wanted : out.wanted_) wanted.attributes["rewrite-timestamp"] = "true";
  return out;
}

void BuildOutputs::add_push() {
  auto image = std::ranges::find(wanted_, "image", &Wanted::type);
  if (image == wanted_.end()) image = wanted_.insert(image, {.type = "image"});
  image->attributes["push"] = "true";
}

Result<> BuildOutputs::add(const std::string& text) {
  auto fields = TRY(parse_fields(text));
  Wanted wanted{.type = take_field(fields, "type")};
  if (wanted.type == "registry") {
    wanted.type = "image";
    fields["push"] = "true";
  }
  wanted.attributes = std::move(fields);
  TRY(open_destination(text, wanted));
  wanted_.push_back(std::move(wanted));
  return {};
}

Result<> BuildOutputs::open_destination(const std::string& text, Wanted& wanted) {
  const std::string place = take_field(wanted.attributes, "dest");
  const std::string packed = take_field(wanted.attributes, "tar");
  const auto is_packed = packed.empty() ? true : parse_bool(packed);
  if (!is_packed) return bad_flag(kFlag, text, cat("tar=", packed, ": it is true or false"));
  const bool is_archive = wanted.type == "oci" || wanted.type == "docker";
  // As `docker buildx` has it, it is loaded.
  if (wanted.type == "docker" && place.empty()) wanted.type = "image";
  if (wanted.type == "local" || (is_archive && !*is_packed)) {
    if (place.empty() || place == "-") {
      return bad_flag(kFlag, text, cat("dest is required for ", wanted.type, " exporter"));
    }
    wanted.destination = TRY(is_archive ? to_layout(place) : to_directory(place));
  } else if (wanted.type == "tar" || wanted.type == "oci" || wanted.type == "docker") {
    const bool is_stdout = place.empty() || place == "-";
    if (is_stdout && uses_stdout_) return bad_flag(kFlag, text, "only one output can be stdout");
    if (is_stdout && is_terminal(STDOUT_FILENO)) {
      return bad_flag(kFlag, text,
                      cat("dest file is required for ", wanted.type,
                          " exporter. refusing to write to console"));
    }
    uses_stdout_ |= is_stdout;
    wanted.destination = is_stdout ? to_standard_output() : TRY(to_file(place));
  } else if (wanted.type != "image" && wanted.type != "cacheonly" && wanted.type != "none") {
    return bad_flag(kFlag, text, cat("unknown type ", skiff::quoted(wanted.type)));
  } else if (!place.empty()) {
    return bad_flag(kFlag, text, cat("dest is of no use for type ", wanted.type));
  }
  return {};
}

std::string BuildOutputs::parameter() const {
  if (wanted_.empty()) return "";
  json::Array out;
  for (const Wanted& wanted : wanted_) {
    out.push_back(json::object({{"Type", wanted.type}, {"Attrs", wanted.attributes}}));
  }
  return json::Value(std::move(out)).dump();
}

Result<> BuildOutputs::receive(Session& session, net::ClientRequest request,
                               ProgressPrinter& printer) {
  const auto has_bytes = [](const Wanted& wanted) { return wanted.destination != nullptr; };
  if (std::ranges::none_of(wanted_, has_bytes)) return show_progress(session, request, printer);
  request.headers.set("Accept", std::string(kFramesType));
  fflush(stdout);
  auto response = TRY(session.api.send(request));
  std::string lines;
  std::string payload;
  for (Frame frame; TRY(read_frame(*response.body, frame));) {
    if (frame.size > kMostFrame) return Error(Code::kDataLoss, "the daemon's answer is garbled");
    payload.resize(frame.size);
    if (TRY(read_full(*response.body, payload)) < payload.size()) {
      return Error(Code::kUnavailable, "the daemon's answer ends too early");
    }
    TRY(take(frame.stream, payload, lines, printer));
  }
  return {};
}

Result<> BuildOutputs::take(int stream, std::string_view payload, std::string& lines,
                            ProgressPrinter& printer) {
  if (stream == kProgressStream) {
    lines.append(payload);
    size_t start = 0;
    for (size_t end = 0; (end = lines.find('\n', start)) != std::string::npos; start = end + 1) {
      const std::string_view line = trim(std::string_view(lines).substr(start, end - start));
      if (!line.empty()) TRY(printer.show(TRY_CONTEXT(json::parse(line), "answer of the daemon")));
    }
    lines.erase(0, start);
    return {};
  }
  const auto index = static_cast<size_t>(stream - kFirstStream);
  if (stream < kFirstStream || index >= wanted_.size() || wanted_[index].destination == nullptr) {
    return {};
  }
  if (payload.empty()) wanted_[index].whole = true;
  return wanted_[index].destination->write(payload);
}

Result<> BuildOutputs::commit() {
  for (Wanted& wanted : wanted_) {
    if (wanted.destination == nullptr) continue;
    if (!wanted.whole) {
      return Error(Code::kUnavailable,
                   cat("output type=", wanted.type, ": the daemon has not sent all of it"));
    }
    TRY(wanted.destination->commit());
  }
  return {};
}

}  // namespace skiff::cli
