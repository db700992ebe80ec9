#include "dockerfile/scope.h"

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace skiff::dockerfile {

namespace {

constexpr std::array<std::string_view, 5> kProxies = {"http_proxy", "https_proxy", "ftp_proxy",
                                                      "no_proxy", "all_proxy"};

std::map<std::string, std::optional<std::string>> platform_args(const PlanRequest& request,
                                                                const std::string& target_stage) {
  std::map<std::string, std::optional<std::string>> out;
  auto add = [&out](const std::string& prefix, const oci::Platform& platform) {
    out[prefix + "PLATFORM"] = platform.str();
    out[prefix + "OS"] = platform.os;
    out[prefix + "OSVERSION"] = platform.os_version;
    out[prefix + "ARCH"] = platform.architecture;
    out[prefix + "VARIANT"] = platform.variant;
  };
  add("BUILD", request.build_platform);
  add("TARGET", request.target_platform);
  out["TARGETSTAGE"] = target_stage;
  return out;
}

}  // namespace

bool is_predefined_arg(const std::string& name) {
  return std::ranges::find(kProxies, to_lower(name)) != kProxies.end();
}

GlobalScope::GlobalScope(const PlanRequest& request, const std::string& target_stage)
    : given_(request.build_args), values_(platform_args(request, target_stage)) {
  for (auto& [name, value] : values_) {
    auto given = given_.find(name);
    if (given == given_.end()) continue;
    used_.insert(name);
    if (given->second) value = given->second;
  }
}

Result<> GlobalScope::declare(const ArgInstruction& arg, char escape) {
  for (const auto& [name, fallback] : arg.args) {
    std::optional<std::string> value;
    if (fallback) {
      Expander expander(escape, [this](const std::string& n) { return lookup(n); });
      value = TRY(expander.word(*fallback));
    }
    auto known = values_.find(name);
    if (!value && known != values_.end()) value = known->second;  // a platform's
    auto given = given_.find(name);
    if (given != given_.end()) {
      used_.insert(name);
      value = given->second;
    }
    values_[name] = value;
  }
  return {};
}

std::vector<std::string> GlobalScope::names() const {
  std::vector<std::string> out;
  for (const auto& [name, value] : values_) out.push_back(name);
  return out;
}

std::optional<std::string> GlobalScope::lookup(const std::string& name) const {
  auto found = values_.find(name);
  return found == values_.end() ? std::nullopt : found->second;
}

std::optional<std::string> GlobalScope::value_of(const std::string& name,
                                                 const std::optional<std::string>& fallback) {
  auto given = given_.find(name);
  if (given != given_.end()) {
    used_.insert(name);
    return given->second;
  }
  return fallback ? fallback : lookup(name);
}

Pairs GlobalScope::predefined() const {
  std::map<std::string, std::string> values;  // of several spellings that in small letters counts
  for (const auto& [name, value] : given_) {
    const bool is_set = value && !value->empty();
    if (is_set && is_predefined_arg(name)) values[to_lower(name)] = *value;
  }
  Pairs out;
  for (const auto& [name, value] : values) {
    out.emplace_back(to_upper(name), value);
    out.emplace_back(name, value);
  }
  return out;
}

std::vector<std::string> GlobalScope::unused() const {
  std::vector<std::string> out;
  for (const auto& [name, value] : given_) {
    // SOURCE_DATE_EPOCH is for the outputs, too.
    bool known = used_.contains(name) || is_predefined_arg(name) || name.starts_with("BUILDKIT_") ||
                 name == "SOURCE_DATE_EPOCH";
    if (!known) out.push_back(name);
  }
  return out;
}

void set_env(std::vector<std::string>& env, const std::string& name, const std::string& value) {
  std::string entry = cat(name, "=", value);
  auto same = [&](const std::string& other) { return other.starts_with(cat(name, "=")); };
  auto found = std::ranges::find_if(env, same);
  if (found == env.end()) {
    env.push_back(std::move(entry));
  } else {
    *found = std::move(entry);
  }
}

std::optional<std::string> get_env(const std::vector<std::string>& env, const std::string& name) {
  std::string start = cat(name, "=");
  for (const std::string& entry : env) {
    if (entry.starts_with(start)) return entry.substr(start.size());
  }
  return std::nullopt;
}

}  // namespace skiff::dockerfile
