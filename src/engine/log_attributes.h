// What a log says of the container beside its messages: the labels and variables that the log
// options `labels`, `labels-regex`, `env` and `env-regex` name, and the tag.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "engine/container_info.h"

namespace skiff::engine {

// Refuses what is no extended regular expression of POSIX.
Result<> check_pattern(const std::string& pattern);
// A tag's template: Go's, of which only the plain fields are known. Others are refused.
Result<std::string> expand_tag(std::string_view tag, const ContainerInfo& info);

// What --details shows, a json-file log has in each line, and the journal gets with each message.
std::map<std::string, std::string> log_attributes(const ContainerInfo& info);
// Docker's fields of a message in the journal.
Result<std::map<std::string, std::string>> journal_fields(const ContainerInfo& info);

}  // namespace skiff::engine
