#include "cli/port_options.h"

#include "base/strings.h"
#include "net/ip_address.h"

namespace skiff::cli {

namespace {

struct PortRange {
  uint64_t first = 0;
  uint64_t last = 0;
  uint64_t size() const { return last - first + 1; }
};

constexpr uint64_t kMaxPort = 65535;

std::optional<PortRange> parse_range(std::string_view text) {
  auto parts = split_once(text, '-');
  auto first = parse_uint(parts ? parts->first : text);
  auto last = parts ? parse_uint(parts->second) : first;
  if (!first || !last || *first > *last || *last > kMaxPort) return std::nullopt;
  return PortRange{*first, *last};
}

struct Publish {
  std::string ip;
  std::string host;       // port, range or ""
  std::string container;  // port or range
  std::string protocol = "tcp";
};

Error bad(std::string_view what, std::string_view value) {
  return {Code::kInvalidArgument, cat("invalid ", what, ": ", value)};
}

// [ip:][host:]container[/protocol]; an IPv6 address stands in brackets.
Result<Publish> parse_publish(const std::string& text) {
  Publish out;
  std::string_view rest = text;
  if (auto parts = split_last(rest, '/')) {
    out.protocol = to_lower(parts->second);
    rest = parts->first;
  }
  if (out.protocol != "tcp" && out.protocol != "udp" && out.protocol != "sctp") {
    return bad("proto", out.protocol);
  }
  if (auto parts = split_last(rest, ':')) {
    out.container = parts->second;
    rest = parts->first;
    if (auto address = split_last(rest, ':')) {
      out.ip = address->first;
      out.host = address->second;
    } else {
      out.host = rest;
    }
  } else {
    out.container = rest;
  }
  if (out.ip.starts_with('[') && out.ip.ends_with(']'))
    out.ip = out.ip.substr(1, out.ip.size() - 2);
  if (!out.ip.empty() && !net::is_ip_address(out.ip)) return bad("IP address", out.ip);
  if (out.container.empty()) {
    return Error(Code::kInvalidArgument, cat("no port specified: ", text, "<empty>"));
  }
  return out;
}

void add_binding(json::Value& bindings, const std::string& port, const Publish& publish,
                 std::string host_port) {
  json::Array list = bindings.array(port);
  list.push_back(json::object({{"HostIp", publish.ip}, {"HostPort", std::move(host_port)}}));
  bindings.set(port, std::move(list));
}

Result<> add_publish(const std::string& text, json::Value& exposed, json::Value& bindings) {
  Publish publish = TRY(parse_publish(text));
  auto inside = parse_range(publish.container);
  if (!inside) return bad("containerPort", publish.container);
  std::optional<PortRange> outside;
  if (!publish.host.empty()) {
    outside = parse_range(publish.host);
    if (!outside) return bad("hostPort", publish.host);
    if (outside->size() != inside->size() && inside->size() != 1) {
      return Error(Code::kInvalidArgument,
                   cat("invalid ranges specified for container and host Ports: ", publish.container,
                       " and ", publish.host));
    }
  }
  for (uint64_t i = 0; i < inside->size(); ++i) {
    std::string port = cat(inside->first + i, "/", publish.protocol);
    exposed.set(port, json::object());
    std::string host_port;
    if (outside) {
      host_port = outside->size() == inside->size() ? cat(outside->first + i) : publish.host;
    }
    add_binding(bindings, port, publish, std::move(host_port));
  }
  return {};
}

// The long form: target=80,published=8080,protocol=tcp.
std::string short_form(const std::string& text) {
  if (text.find('=') == std::string::npos) return text;
  std::string target;
  std::string published;
  std::string protocol = "tcp";
  for (const auto& field : split(text, ',')) {
    auto parts = split_once(field, '=');
    if (!parts) continue;
    if (parts->first == "target") target = parts->second;
    if (parts->first == "published") published = parts->second;
    if (parts->first == "protocol") protocol = parts->second;
  }
  return published.empty() ? cat(target, "/", protocol)
                           : cat(published, ":", target, "/", protocol);
}

Result<> add_expose(const std::string& text, json::Value& exposed) {
  auto parts = split_once(text, '/');
  std::string protocol = parts ? std::string(parts->second) : "tcp";
  auto range = parse_range(parts ? parts->first : std::string_view(text));
  if (!range) return bad("range format for --expose", text);
  for (uint64_t port = range->first; port <= range->last; ++port) {
    exposed.set(cat(port, "/", protocol), json::object());
  }
  return {};
}

}  // namespace

Result<> add_ports(const Flags& flags, json::Value& config, json::Value& host) {
  json::Value exposed = json::object();
  json::Value bindings = json::object();
  for (const auto& text : flags.all("publish")) {
    TRY(add_publish(short_form(text), exposed, bindings));
  }
  for (const auto& text : flags.all("expose")) TRY(add_expose(text, exposed));
  config.set("ExposedPorts", std::move(exposed));
  host.set("PortBindings", std::move(bindings));
  host.set("PublishAllPorts", flags.on("publish-all"));
  return {};
}

}  // namespace skiff::cli
