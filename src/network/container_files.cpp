// The texts of a container's /etc/resolv.conf and /etc/hosts, as Docker writes them.
#include "base/strings.h"
#include "network/ipv4.h"
#include "network/network_manager.h"

namespace skiff::network {

namespace {

struct ResolvConf {
  std::vector<std::string> servers;
  std::vector<std::string> search;
  std::vector<std::string> options;
};

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  for (const std::string& word : split(replace_all(line, "\t", " "), ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  return words;
}

// resolv.conf(5): of several "search" or "domain" lines the last counts.
ResolvConf parse_resolv_conf(const std::string& text) {
  ResolvConf out;
  for (const std::string& line : split(text, '\n')) {
    std::vector<std::string> words = words_of(line.substr(0, line.find_first_of("#;")));
    if (words.size() < 2) continue;
    const std::string keyword = words.front();
    words.erase(words.begin());
    if (keyword == "nameserver") out.servers.push_back(words.front());
    if (keyword == "search" || keyword == "domain") out.search = words;
    if (keyword == "options") out.options.insert(out.options.end(), words.begin(), words.end());
  }
  return out;
}

// A container cannot reach its host's loopback, nor, without IPv6, a server that has only that.
bool reachable_from_container(const std::string& server) {
  const Result<Ipv4> ip = Ipv4::parse(server);
  return ip && (ip->bits >> 24U) != 127;
}

}  // namespace

std::string make_resolv_conf(const std::string& host_resolv_conf,
                             const std::vector<std::string>& dns,
                             const std::vector<std::string>& search,
                             const std::vector<std::string>& options) {
  ResolvConf conf = parse_resolv_conf(host_resolv_conf);
  std::erase_if(conf.servers, [](const std::string& s) { return !reachable_from_container(s); });
  if (!dns.empty()) conf.servers = dns;
  if (conf.servers.empty()) conf.servers = {"8.8.8.8", "8.8.4.4"};
  if (!search.empty()) conf.search = search;
  if (conf.search == std::vector<std::string>{"."}) conf.search.clear();  // Docker: none at all
  if (!options.empty()) conf.options = options;
  std::string out;
  for (const std::string& server : conf.servers) out += cat("nameserver ", server, "\n");
  if (!conf.search.empty()) out += cat("search ", join(conf.search, " "), "\n");
  if (!conf.options.empty()) out += cat("options ", join(conf.options, " "), "\n");
  return out;
}

std::string make_hosts(const std::string& hostname, const std::string& domain,
                       const std::string& ip, const std::vector<std::string>& extra) {
  std::string out =
      "127.0.0.1\tlocalhost\n"
      "::1\tlocalhost ip6-localhost ip6-loopback\n"
      "fe00::\tip6-localnet\n"
      "ff00::\tip6-mcastprefix\n"
      "ff02::1\tip6-allnodes\n"
      "ff02::2\tip6-allrouters\n";
  for (const std::string& entry : extra) {
    // The first colon: the address may be an IPv6 one.
    if (const auto parts = split_once(entry, ':')) {
      out += cat(parts->second, "\t", parts->first, "\n");
    }
  }
  if (!ip.empty() && !hostname.empty()) {
    const std::string full = domain.empty() ? "" : cat(hostname, ".", domain, " ");
    out += cat(ip, "\t", full, hostname, "\n");
  }
  return out;
}

}  // namespace skiff::network
