#include "cli/session.h"

#include <unistd.h>

#include <cstdio>
#include <iterator>

#include "base/strings.h"

namespace skiff::cli {

void print(std::string_view text) { fwrite(text.data(), 1, text.size(), stdout); }

void print_error(std::string_view text) {
  fflush(stdout);
  fwrite(text.data(), 1, text.size(), stderr);
}

Outcome for_each_argument(const Flags& flags,
                          const std::function<Result<std::string>(const std::string&)>& action) {
  int code = 0;
  for (const auto& argument : flags.args) {
    auto done = action(argument);
    if (done) {
      if (!done->empty()) print(*done + "\n");
    } else {
      print_error(done.error().message() + "\n");
      code = 1;
    }
  }
  return code;
}

std::string container_path(std::string_view name, std::string_view rest) {
  return cat("/containers/", net::url_encode(name), rest);
}

// Slashes and colons stay: the API takes image names as they are.
std::string image_path(std::string_view name, std::string_view rest) {
  std::vector<std::string> parts = split(name, '/');
  for (auto& part : parts) part = net::url_encode(part);
  return cat("/images/", join(parts, "/"), rest);
}

Result<std::string> filters_parameter(const std::vector<std::string>& filters) {
  json::Object out;
  for (const auto& filter : filters) {
    auto parts = split_once(filter, '=');
    if (!parts) {
      return bad_flag("-f, --filter", filter, "bad format of filter (expected name=value)");
    }
    std::string key = to_lower(trim(parts->first));
    json::Value values = out.find(key) != nullptr ? *out.find(key) : json::object();
    values.set(trim(parts->second), true);
    out.set(key, std::move(values));
  }
  return out.empty() ? std::string() : json::Value(std::move(out)).dump();
}

Error bad_flag(std::string_view flag, std::string_view value, std::string_view reason) {
  return {Code::kInvalidArgument,
          cat("invalid argument ", skiff::quoted(value), " for \"", flag, "\" flag: ", reason)};
}

Result<> show_progress(Session& session, const net::ClientRequest& request,
                       ProgressPrinter& printer) {
  fflush(stdout);
  return session.api.stream(request,
                            [&](const json::Value& object) { return printer.show(object); });
}

bool confirmed(const std::string& warning, bool force) {
  if (force) return true;
  print(cat(warning, "\nAre you sure you want to continue? [y/N] "));
  fflush(stdout);
  char answer[8] = "";
  if (fgets(answer, sizeof answer, stdin) == nullptr) return false;
  return answer[0] == 'y' || answer[0] == 'Y';
}

}  // namespace skiff::cli
