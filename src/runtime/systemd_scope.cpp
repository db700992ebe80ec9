#include "runtime/systemd_scope.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/strings.h"
#include "runtime/systemd_properties.h"
#include "sys/cgroup.h"
#include "sys/dbus_client.h"
#include "sys/process.h"

namespace skiff::runtime {

namespace {

constexpr std::string_view kManager = "org.freedesktop.systemd1.Manager";
constexpr std::string_view kManagerPath = "/org/freedesktop/systemd1";

std::string environment(const char* name) {
  const char* value = ::getenv(name);
  return value == nullptr ? "" : value;
}

// The system's bus for root, the user's own for others.
std::string bus_address() {
  if (::geteuid() == 0) {
    std::string address = environment("DBUS_SYSTEM_BUS_ADDRESS");
    return address.empty() ? "unix:path=/run/dbus/system_bus_socket" : address;
  }
  std::string address = environment("DBUS_SESSION_BUS_ADDRESS");
  return address.empty() ? cat("unix:path=", environment("XDG_RUNTIME_DIR"), "/bus") : address;
}

// What a JobRemoved of this job says; nothing for another message.
std::string result_of(const std::string& job, const sys::DbusMessage& signal) {
  if (signal.type != sys::DbusType::kSignal || signal.member != "JobRemoved") return "";
  sys::DbusReader reader(signal.body);
  Result<uint32_t> number = reader.u32();
  Result<std::string> path = reader.string();
  Result<std::string> unit = reader.string();
  Result<std::string> result = reader.string();
  return number && path && unit && result && *path == job ? *result : "";
}

Result<bool> version_2() {
  auto hierarchies = TRY(sys::cgroup_hierarchies());
  return hierarchies.size() == 1 && hierarchies[0].unified;
}

class Systemd {
 public:
  static Result<Systemd> connect() {
    Result<sys::DbusClient> bus = sys::DbusClient::connect(bus_address());
    if (!bus) {
      return Error(Code::kUnavailable,
                   cat("no systemd to make the cgroup: ", bus_address(), ": ",
                       bus.error().message(), "; without --systemd-cgroup none is needed"));
    }
    return Systemd(std::move(*bus));
  }

  // Runs the job that the call answers with to its end.
  Result<> finish(std::string_view member, std::string_view signature, const std::string& body) {
    TRY(listen());
    sys::DbusMessage reply = TRY(call(kManager, member, signature, body));
    std::string job = TRY(sys::DbusReader(reply.body).string());
    std::string result;
    TRY(bus_.wait_for([&](const sys::DbusMessage& heard) {
      result = result_of(job, heard);
      return !result.empty();
    }));
    if (result == "done") return {};
    return Error(Code::kAborted, cat("systemd's job ended with ", quoted(result)));
  }

  Result<> set(const std::string& body) {
    TRY(call(kManager, "SetUnitProperties", "sba(sv)", body));
    return {};
  }

  // Below which cgroup it has its slices: "" for the system's.
  Result<std::string> cgroup() {
    if (::geteuid() == 0) return std::string();
    return get("ControlGroup");
  }

  // What it makes of the resources.
  Result<UnitTarget> target(const json::Value& resources) {
    constexpr uint64_t kWithIdle = 252;
    UnitTarget target{.v2 = TRY(version_2())};
    if (!target.v2 || !wants_idle(resources)) return target;
    std::string version = TRY(get("Version"));  // "252.39-1~deb12u2", "v259"
    std::string_view digits = std::string_view(version).substr(version.starts_with('v') ? 1 : 0);
    digits = digits.substr(0, digits.find_first_not_of("0123456789"));
    target.has_idle = parse_uint(digits).value_or(0) >= kWithIdle;
    return target;
  }

  // One that has failed is in the way of a new one.
  void forget(const std::string& unit) {
    sys::DbusWriter body;
    body.string(unit);
    [[maybe_unused]] auto reset = call(kManager, "ResetFailedUnit", "s", body.bytes());
  }

 private:
  explicit Systemd(sys::DbusClient bus) : bus_(std::move(bus)) {}

  Result<sys::DbusMessage> call(std::string_view interface, std::string_view member,
                                std::string_view signature, const std::string& body) {
    return bus_
        .call({.path = std::string(kManagerPath),
               .interface = std::string(interface),
               .member = std::string(member),
               .destination = "org.freedesktop.systemd1",
               .signature = std::string(signature),
               .body = body})
        .context(cat("ask systemd for ", member));
  }

  Result<std::string> get(std::string_view property) {
    sys::DbusWriter body;
    body.string(kManager);
    body.string(property);
    sys::DbusMessage reply =
        TRY(call("org.freedesktop.DBus.Properties", "Get", "ss", body.bytes()));
    sys::DbusReader reader(reply.body);
    TRY(reader.signature());
    return reader.string();
  }

  Result<> listen() {
    sys::DbusWriter rule;
    rule.string(cat("type='signal',interface='", kManager, "',member='JobRemoved'"));
    TRY(bus_.call({.path = "/org/freedesktop/DBus",
                   .interface = "org.freedesktop.DBus",
                   .member = "AddMatch",
                   .destination = "org.freedesktop.DBus",
                   .signature = "s",
                   .body = rule.bytes()}));
    TRY(call(kManager, "Subscribe", "", ""));
    return {};
  }

  sys::DbusClient bus_;
};

Result<std::string> start_body(const ScopeName& name, const ScopeOrder& order, pid_t pid,
                               const UnitTarget& target) {
  sys::DbusWriter body;
  body.string(name.unit);
  body.string("fail");
  size_t array = body.begin_array(8);
  UnitProperties properties(body);
  properties.text("Description", cat("container ", name.unit));
  properties.text("Slice", name.slice);
  properties.flag("Delegate", true);
  properties.process("PIDs", pid);
  for (const char* kind : {"Memory", "CPU", target.v2 ? "IO" : "BlockIO", "Tasks"}) {
    properties.flag(cat(kind, "Accounting"), true);
  }
  properties.flag("DefaultDependencies", false);
  TRY(properties.annotated(order.annotations));
  TRY(properties.limits(order.resources, target));
  body.end_array(array);
  body.end_array(body.begin_array(8));  // no other units
  return body.bytes();
}

Result<std::string> slice_path(const std::string& slice) {
  Error bad(Code::kInvalidArgument, cat("linux.cgroupsPath: ", quoted(slice), " is no slice"));
  if (slice == "-.slice") return std::string();
  constexpr std::string_view kSuffix = ".slice";
  if (!slice.ends_with(kSuffix) || slice.find('/') != std::string::npos) return bad;
  std::string path;
  std::string name;
  for (const std::string& part : split(slice.substr(0, slice.size() - kSuffix.size()), '-')) {
    if (part.empty()) return bad;
    name += cat(name.empty() ? "" : "-", part);
    path += cat("/", name, kSuffix);
  }
  return path;
}

}  // namespace

Result<ScopeName> parse_scope(const std::string& cgroups_path, const std::string& id) {
  std::vector<std::string> parts{"", "skiff", id};
  if (!cgroups_path.empty()) parts = split(cgroups_path, ':');
  if (parts.size() != 3 || parts[2].empty() || parts[2].find('/') != std::string::npos) {
    return Error(Code::kInvalidArgument,
                 cat("linux.cgroupsPath: expected \"slice:prefix:name\" for systemd cgroups, got ",
                     quoted(cgroups_path)));
  }
  if (parts[2].ends_with(".slice")) {
    return Error(Code::kUnimplemented, "linux.cgroupsPath: a container needs a scope, no slice");
  }
  if (parts[0].empty()) parts[0] = ::geteuid() == 0 ? "system.slice" : "user.slice";
  ScopeName name;
  name.slice = parts[0];
  name.unit = cat(parts[1], parts[1].empty() ? "" : "-", parts[2], ".scope");
  name.cgroup = cat(TRY(slice_path(name.slice)), "/", name.unit);
  return name;
}

Result<ScopeHolder> ScopeHolder::make() {
  sys::Pipe pipe = TRY(sys::make_pipe());
  sys::Child child = TRY(sys::clone_process({}, [&] {
    pipe.write.reset();
    char byte = 0;
    while (::read(pipe.read.get(), &byte, 1) < 0 && errno == EINTR) continue;
    return 0;
  }));
  return ScopeHolder(std::move(child), std::move(pipe.write));
}

ScopeHolder::~ScopeHolder() {
  if (!pipe_) return;
  pipe_.reset();
  while (::waitpid(child_.pid, nullptr, 0) < 0 && errno == EINTR) continue;
}

Result<StartedScope> start_scope(const ScopeName& name, const ScopeOrder& order) {
  ScopeHolder holder = TRY(ScopeHolder::make());
  Systemd systemd = TRY(Systemd::connect());
  const UnitTarget target = TRY(systemd.target(order.resources));
  std::string body = TRY(start_body(name, order, holder.pid(), target));
  constexpr std::string_view kSignature = "ssa(sv)a(sa(sv))";
  Result<> started = systemd.finish("StartTransientUnit", kSignature, body);
  if (!started && started.error().code() == Code::kAlreadyExists) {
    systemd.forget(name.unit);
    started = systemd.finish("StartTransientUnit", kSignature, body);
  }
  TRY_CONTEXT(std::move(started), name.unit);
  std::string base = TRY(systemd.cgroup());
  return StartedScope{std::move(holder), base + name.cgroup};
}

Result<> update_scope(const std::string& unit, const json::Value& resources) {
  Systemd systemd = TRY(Systemd::connect());
  const UnitTarget target = TRY(systemd.target(resources));
  sys::DbusWriter body;
  body.string(unit);
  body.boolean(true);  // until the next boot
  size_t array = body.begin_array(8);
  TRY(UnitProperties(body).limits(resources, target));
  body.end_array(array);
  return systemd.set(body.bytes());
}

Result<> stop_scope(const std::string& unit) {
  Systemd systemd = TRY(Systemd::connect());
  sys::DbusWriter body;
  body.string(unit);
  body.string("replace");
  Result<> stopped = systemd.finish("StopUnit", "ss", body.bytes());
  bool gone = !stopped && stopped.error().code() == Code::kNotFound;
  systemd.forget(unit);
  return gone ? Result<>{} : std::move(stopped);
}

}  // namespace skiff::runtime
