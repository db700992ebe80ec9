#include "oci/image_config.h"

#include <algorithm>

#include "base/strings.h"

namespace skiff::oci {

namespace {

Error bad_config(std::string_view place, std::string_view why) {
  return {Code::kInvalidArgument, cat(place, ": ", why)};
}

const json::Value* present(const json::Value& v, std::string_view key) {
  const json::Value* value = v.find(key);
  return value != nullptr && !value->is_null() ? value : nullptr;
}

Result<std::string> read_string(const json::Value& v, std::string_view key) {
  const json::Value* value = present(v, key);
  if (value == nullptr) return std::string();
  if (!value->is_string()) return bad_config(key, "must be a string");
  return value->as_string();
}

Result<bool> read_flag(const json::Value& v, std::string_view key) {
  const json::Value* value = present(v, key);
  if (value != nullptr && !value->is_bool()) return bad_config(key, "must be true or false");
  return v.boolean(key);
}

Result<std::vector<std::string>> read_strings(const json::Value& v, std::string_view key) {
  const json::Value* list = present(v, key);
  if (list == nullptr) return std::vector<std::string>();
  const bool good =
      list->is_array() && std::ranges::all_of(list->as_array(), &json::Value::is_string);
  if (!good) return bad_config(key, "must be an array of strings");
  return v.strings(key);
}

// A command: an array of strings, or one string, which Docker takes as an array of one.
Result<std::optional<std::vector<std::string>>> read_command(const json::Value& v,
                                                             std::string_view key) {
  const json::Value* command = present(v, key);
  if (command == nullptr) return std::nullopt;
  if (command->is_string()) return std::vector<std::string>{command->as_string()};
  return TRY(read_strings(v, key));
}

// A set, which Go writes as an object of empty objects.
Result<std::vector<std::string>> read_set(const json::Value& v, std::string_view key) {
  const json::Value* set = present(v, key);
  std::vector<std::string> out;
  if (set == nullptr) return out;
  if (!set->is_object()) return bad_config(key, "must be an object");
  for (const auto& [name, unused] : set->as_object()) out.push_back(name);
  std::ranges::sort(out);
  return out;
}

json::Value to_set(const std::vector<std::string>& names) {
  std::vector<json::Member> members;
  members.reserve(names.size());
  for (const std::string& name : names) members.emplace_back(name, json::object());
  return json::Object::from_members(std::move(members));
}

Result<std::map<std::string, std::string>> read_labels(const json::Value& v) {
  const json::Value* labels = present(v, "Labels");
  if (labels == nullptr) return std::map<std::string, std::string>();
  const bool good =
      labels->is_object() &&
      std::ranges::all_of(labels->as_object(), [](const auto& m) { return m.second.is_string(); });
  if (!good) return bad_config("Labels", "must be an object of strings");
  return v.string_map("Labels");
}

Result<Healthcheck> read_healthcheck(const json::Value& v) {
  if (!v.is_object()) return Error(Code::kInvalidArgument, "must be an object");
  TRY(read_strings(v, "Test"));
  for (std::string_view key : {"Interval", "Timeout", "StartPeriod", "StartInterval", "Retries"}) {
    const json::Value* number = present(v, key);
    if (number != nullptr && !number->is_int()) return bad_config(key, "must be a whole number");
  }
  return Healthcheck::from_json(v);
}

Result<TimePoint> read_time(const json::Value& v, std::string_view key) {
  std::string text = TRY(read_string(v, key));
  if (text.empty()) return TimePoint();
  return TRY_CONTEXT(parse_rfc3339(text), key);
}

Result<std::vector<Digest>> read_diff_ids(const json::Value& v) {
  const json::Value* rootfs = TRY(v.require_object("rootfs"));
  if (rootfs->string("type") != "layers") return bad_config("rootfs.type", "must be \"layers\"");
  std::vector<Digest> out;
  for (const std::string& text : TRY_CONTEXT(read_strings(*rootfs, "diff_ids"), "rootfs")) {
    out.push_back(TRY_CONTEXT(Digest::parse(text), cat("rootfs.diff_ids[", out.size(), "]")));
  }
  return out;
}

Result<History> read_history_entry(const json::Value& v) {
  if (!v.is_object()) return Error(Code::kInvalidArgument, "must be an object");
  History h;
  h.created = TRY(read_time(v, "created"));
  h.created_by = TRY(read_string(v, "created_by"));
  h.author = TRY(read_string(v, "author"));
  h.comment = TRY(read_string(v, "comment"));
  h.empty_layer = TRY(read_flag(v, "empty_layer"));
  return h;
}

Result<std::vector<History>> read_history(const json::Value& v) {
  std::vector<History> out;
  const json::Value* list = present(v, "history");
  if (list == nullptr) return out;
  if (!list->is_array()) return bad_config("history", "must be an array");
  for (const json::Value& item : list->as_array()) {
    out.push_back(TRY_CONTEXT(read_history_entry(item), cat("history[", out.size(), "]")));
  }
  return out;
}

Result<ImageConfig> read_config(const json::Value& v) {
  if (!v.is_object()) return Error(Code::kInvalidArgument, "must be an object");
  ImageConfig c;
  c.created = TRY(read_time(v, "created"));
  c.author = TRY(read_string(v, "author"));
  for (std::string_view key : {"os", "architecture", "variant", "os.version"}) {
    TRY(read_string(v, key));
  }
  c.platform = Platform::from_json(v);
  if (const json::Value* config = present(v, "config")) {
    c.config = TRY_CONTEXT(RunConfig::from_json(*config), "config");
  }
  c.diff_ids = TRY(read_diff_ids(v));
  c.history = TRY(read_history(v));
  return c;
}

json::Value to_json(const History& h) {
  json::Object out;
  if (h.created != TimePoint()) out.set("created", format_rfc3339(h.created));
  if (!h.created_by.empty()) out.set("created_by", h.created_by);
  if (!h.author.empty()) out.set("author", h.author);
  if (!h.comment.empty()) out.set("comment", h.comment);
  if (h.empty_layer) out.set("empty_layer", true);
  return out;
}

}  // namespace

Healthcheck Healthcheck::from_json(const json::Value& v) {
  return {v.strings("Test"),        v.integer("Interval"),      v.integer("Timeout"),
          v.integer("StartPeriod"), v.integer("StartInterval"), v.integer("Retries")};
}

json::Value Healthcheck::to_json() const {
  json::Object out;
  auto number = [&](std::string_view key, int64_t n) {
    if (n != 0) out.set(key, n);
  };
  if (!test.empty()) out.set("Test", test);
  number("Interval", interval_ns);
  number("Timeout", timeout_ns);
  number("StartPeriod", start_period_ns);
  number("StartInterval", start_interval_ns);
  number("Retries", retries);
  return out;
}

Result<RunConfig> RunConfig::from_json(const json::Value& v) {
  if (!v.is_object()) return Error(Code::kInvalidArgument, "must be an object");
  RunConfig c;
  c.user = TRY(read_string(v, "User"));
  c.exposed_ports = TRY(read_set(v, "ExposedPorts"));
  c.env = TRY(read_strings(v, "Env"));
  c.entrypoint = TRY(read_command(v, "Entrypoint"));
  c.cmd = TRY(read_command(v, "Cmd"));
  c.volumes = TRY(read_set(v, "Volumes"));
  c.working_dir = TRY(read_string(v, "WorkingDir"));
  c.labels = TRY(read_labels(v));
  c.stop_signal = TRY(read_string(v, "StopSignal"));
  c.shell = TRY(read_command(v, "Shell"));
  c.on_build = TRY(read_strings(v, "OnBuild"));
  if (const json::Value* check = present(v, "Healthcheck")) {
    c.healthcheck = TRY_CONTEXT(read_healthcheck(*check), "Healthcheck");
  }
  c.args_escaped = TRY(read_flag(v, "ArgsEscaped"));
  return c;
}

// In the order of Go's struct, so that equal configs have equal bytes whoever wrote them.
json::Value RunConfig::to_json() const {
  json::Object out;
  auto text = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) out.set(key, value);
  };
  auto set = [&](std::string_view key, const std::vector<std::string>& names) {
    if (!names.empty()) out.set(key, to_set(names));
  };
  auto list = [&](std::string_view key, const std::vector<std::string>& items) {
    if (!items.empty()) out.set(key, items);
  };
  text("User", user);
  set("ExposedPorts", exposed_ports);
  list("Env", env);
  list("Entrypoint", entrypoint.value_or(std::vector<std::string>()));
  list("Cmd", cmd.value_or(std::vector<std::string>()));
  set("Volumes", volumes);
  text("WorkingDir", working_dir);
  if (!labels.empty()) out.set("Labels", labels);
  text("StopSignal", stop_signal);
  if (args_escaped) out.set("ArgsEscaped", true);
  if (healthcheck) out.set("Healthcheck", healthcheck->to_json());
  list("OnBuild", on_build);
  list("Shell", shell.value_or(std::vector<std::string>()));
  return out;
}

Result<ImageConfig> ImageConfig::parse(std::string_view bytes) {
  json::Value v = TRY_CONTEXT(json::parse(bytes), "image config");
  return TRY_CONTEXT(read_config(v), "image config");
}

std::string ImageConfig::serialize() const {
  json::Object out;
  if (created != TimePoint()) out.set("created", format_rfc3339(created));
  if (!author.empty()) out.set("author", author);
  const json::Value names = platform.to_json();
  for (const auto& [key, value] : names.as_object()) out.set(key, value);
  out.set("config", config.to_json());
  json::Array ids;
  for (const Digest& id : diff_ids) ids.emplace_back(id.str());
  out.set("rootfs", json::object({{"type", "layers"}, {"diff_ids", std::move(ids)}}));
  json::Array entries;
  for (const History& h : history) entries.push_back(to_json(h));
  if (!entries.empty()) out.set("history", std::move(entries));
  for (const auto& [key, value] : further) out.set(key, value);
  return json::Value(std::move(out)).dump();
}

Digest chain_id(const std::vector<Digest>& diff_ids, size_t count) {
  Digest chain = diff_ids[0];
  for (size_t i = 1; i < count; ++i) chain = Digest::of(cat(chain.str(), " ", diff_ids[i].str()));
  return chain;
}

}  // namespace skiff::oci
