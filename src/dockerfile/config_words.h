// Small pieces of a Dockerfile's words that become an image config or its history.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oci/image_config.h"

namespace skiff::dockerfile {

// "/a//b/../c/" -> "/a/c"; ".." stops at the root.
std::string clean_path(std::string_view path);

// "<<EOF", "<<-'EOF'": a heredoc and nothing else.
bool is_single_heredoc(std::string_view text);

// "80", "8000-8002/udp", "127.0.0.1:80:8080" as the container's ports: "80/tcp", ...
Result<std::vector<std::string>> parse_exposed(std::string_view text);

// "SIGTERM", "TERM", "15", "SIGRTMIN+3".
bool is_signal(std::string_view text);

void insert_sorted(std::vector<std::string>& names, const std::string& name);

// `["a" "b"]` and the like, as Go prints them: the history's form.
std::string quoted_list(const std::vector<std::string>& words);
std::string health_words(const oci::Healthcheck& check);

}  // namespace skiff::dockerfile
