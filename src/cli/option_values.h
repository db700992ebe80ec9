// The values that several commands' flags share: lists of KEY=VALUE, files of them, durations,
// words with commas. Errors carry the flag's name (bad_flag) or Docker's words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"

namespace skiff::cli {

// "a=1,b,\"c=2,3\"" -> its fields (codec/csv.h).
Result<std::vector<std::string>> split_fields(std::string_view flag, std::string_view text);

// --env and --env-file: files first, then flags. A flag NAME without '=' takes the client's own
// variable, and stays a bare name (which unsets it) where there is none.
Result<std::vector<std::string>> read_environment(const std::vector<std::string>& files,
                                                  const std::vector<std::string>& flags);
// "k=v" and "k" as members of an object.
json::Value key_values(const std::vector<std::string>& pairs);
// --label of what is no container: key_values, but for a label without a name.
Result<json::Value> parse_labels(const std::vector<std::string>& flags);
// --label and --label-file of a container.
Result<json::Value> read_labels(const std::vector<std::string>& files,
                                const std::vector<std::string>& flags);

// "1m30s", "500ms" -> nanoseconds.
Result<int64_t> parse_duration(std::string_view flag, std::string_view text);
// Bytes of a flag, "64m"; -1 where the flag is --memory-swap.
Result<int64_t> parse_bytes(std::string_view flag, std::string_view text);
// A point in time for the API: relative durations count back from now, dates become seconds
// since 1970 with nine digits of fraction, numbers stay.
Result<std::string> time_parameter(std::string_view text);
// --dns-search: refuses what is no domain; "." is none at all.
Result<> check_search_domains(const std::vector<std::string>& flags);
// --dns: refuses what is no IP address.
Result<> check_dns_servers(const std::vector<std::string>& flags);
// --sysctl name=value; refuses those that no namespace of a container holds.
Result<json::Value> parse_sysctls(const std::vector<std::string>& flags);
// Six bytes such as 92:d0:c6:0a:29:33, also with - between them.
Result<> check_mac_address(const std::string& text);
// nofile=1024:2048.
Result<json::Value> parse_ulimits(const std::vector<std::string>& flags);
// "/dev/x", "/dev/x:/dev/y", "/dev/x:r", "/dev/x:/dev/y:rwm".
Result<json::Value> parse_devices(const std::vector<std::string>& flags);
// "c 10:* rw"
Result<> check_device_rules(const std::vector<std::string>& flags);
// host:ip; `=` in place of the first colon is taken, too. The ip may be "host-gateway".
Result<json::Value> parse_extra_hosts(const std::vector<std::string>& flags);

}  // namespace skiff::cli
