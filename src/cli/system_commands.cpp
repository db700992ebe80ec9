// version, info, system df.
#include "base/strings.h"
#include "cli/disk_usage.h"
#include "cli/info_text.h"
#include "cli/listing.h"
#include "oci/platform.h"

namespace skiff::cli {

namespace {

using enum FlagKind;

constexpr FlagSpec kFormatFlags[] = {
    {"format", 'f', kString, "Print by a template: 'json' or a Go TEMPLATE"},
};

json::Value client_version() {
  auto host = oci::Platform::host();
  return json::object({{"Version", SKIFF_VERSION},
                       {"ApiVersion", kApiPrefix.substr(2)},
                       {"DefaultAPIVersion", kApiPrefix.substr(2)},
                       {"Os", host.os},
                       {"Arch", host.architecture},
                       {"Context", "default"}});
}

Outcome version(Session& session, Flags& flags) {
  auto server = session.api.get("/version");
  json::Value both =
      json::object({{"Client", client_version()}, {"Server", server ? *server : json::Value()}});
  if (flags.has("format")) {
    print(TRY(format_object(flags.get("format"), both)));
  } else {
    print(version_text(both));
  }
  if (server) return 0;
  return std::move(server.error());
}

Outcome info(Session& session, Flags& flags) {
  auto answer = session.api.get("/info");
  if (flags.has("format")) {
    json::Value data = TRY(std::move(answer));
    data.set("ClientInfo", client_version());
    print(TRY(format_object(flags.get("format"), data)));
    return 0;
  }
  print(cat("Client:\n Version:    ", SKIFF_VERSION,
            "\n Context:    default\n Debug Mode: false\n\nServer:\n"));
  const json::Value server = TRY(std::move(answer));
  print(info_text(server));
  for (const std::string& warning : server.strings("Warnings")) print_error(cat(warning, "\n"));
  return 0;
}

constexpr FlagSpec kDiskUsageFlags[] = {
    {"format", 0, kString,
     "Print by a template: 'table', 'table TEMPLATE', 'json' or a Go TEMPLATE"},
    {"verbose", 'v', kBool, "Show detailed information on space usage"},
};

Outcome disk_usage(Session& session, Flags& flags) {
  json::Value usage = TRY(session.api.get("/system/df"));
  if (flags.on("verbose")) {
    print(TRY(disk_usage_details(usage)));
  } else {
    print(TRY(disk_usage_summary(usage, flags.get("format"))));
    if (!flags.has("format")) print(storage_limit_line(usage));
  }
  return 0;
}

constexpr Command kSystemCommands[] = {
    {.name = "version",
     .summary = "Show the version information of client and engine",
     .flags = kFormatFlags,
     .run = version,
     .max_args = 0},
    {.name = "info",
     .summary = "Display system-wide information",
     .flags = kFormatFlags,
     .run = info,
     .max_args = 0,
     .aliases = "system info"},
    {.name = "system df",
     .summary = "Show disk usage of the engine",
     .flags = kDiskUsageFlags,
     .run = disk_usage,
     .max_args = 0},
};

}  // namespace

std::span<const Command> system_commands() { return kSystemCommands; }

}  // namespace skiff::cli
