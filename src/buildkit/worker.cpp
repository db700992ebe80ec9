#include "buildkit/worker.h"

#include "gateway.pb.h"

namespace skiff::buildkit {

namespace {

constexpr const char* kFrontendCaps[] = {
    "solve.base",
    "solve.inlinereturn",
    "readfile",
    "statfile",
    "return",
    "returnmap",
    "proto.refarray",
    "frontend.inputs",
    "frontend.caps",
    "importcaches",
    "gateway.solve.metadata",
    "gateway.solve.evaluate",
    "gateway.evaluate",
    "gateway.warnings",
    "reference.output",
};

constexpr const char* kLlbCaps[] = {
    "source.image",
    "source.image.resolvemode",
    "source.local",
    "source.local.unique",
    "source.local.sessionid",
    "source.local.includepatterns",
    "source.local.followpaths",
    "source.local.excludepatterns",
    "source.local.sharedkeyhint",
    "source.local.differ",
    "source.git",
    "source.git.keepgitdir",
    "source.git.fullurl",
    "source.git.subdir",
    "source.http",
    "source.http.checksum",
    "source.http.perm",
    "exec.meta.base",
    "exec.meta.cgroup.parent",
    "exec.meta.network",
    "exec.meta.proxyenv",
    "exec.meta.security",
    "exec.meta.setsdefaultpath",
    "exec.meta.ulimit",
    "exec.mount.bind",
    "exec.mount.bind.readwrite-nooutput",
    "exec.mount.cache",
    "exec.mount.cache.sharing",
    "exec.mount.selector",
    "exec.mount.tmpfs",
    "exec.mount.tmpfs.size",
    "exec.mount.secret",
    "exec.mount.ssh",
    "exec.secretenv",
    "file.base",
    "file.rm.wildcard",
    "file.copy.includeexcludepatterns",
    "exporter.image.attestations",
    "exporter.multiple",
    "constraints",
    "platform",
    "gc.freespacefilter",
    "meta.ignorecache",
    "meta.description",
    // Not served. But of these alone clients leave an order out in silence where they are missing:
    // so they are sent, and the build says why it fails.
    "cache.gha",
    "cache.s3",
};

}  // namespace

void describe_version(wire::Version& out) {
  out.set_package("skiff");
  out.set_version(kProtocolVersion);
  out.set_revision(SKIFF_VERSION);
}

void describe_worker(const WorkerFacts& facts, wire::WorkerRecord& out) {
  out.set_id(facts.id);
  // By this label clients know that images of several platforms, layouts and caches can be had.
  (*out.mutable_labels())["org.mobyproject.buildkit.worker.snapshotter"] = "skiff";
  (*out.mutable_labels())["org.mobyproject.buildkit.worker.executor"] = "skiff";
  // Clients resolve --add-host NAME:host-gateway by it, and fail where it is missing.
  const std::string gateway = facts.host_gateway ? facts.host_gateway() : std::string();
  if (!gateway.empty()) {
    (*out.mutable_labels())["org.mobyproject.buildkit.worker.moby.host-gateway-ip"] = gateway;
  }
  for (const oci::Platform& platform : facts.platforms()) {
    wire::Platform* added = out.add_platforms();
    added->set_os(platform.os);
    added->set_architecture(platform.architecture);
    added->set_variant(platform.variant);
  }
  describe_version(*out.mutable_version());
}

void describe_capabilities(const WorkerFacts& facts, wire::PongResponse& out) {
  for (const char* name : kFrontendCaps) {
    wire::ApiCap* cap = out.add_frontend_api_caps();
    cap->set_id(name);
    cap->set_enabled(true);
  }
  for (const char* name : kLlbCaps) {
    wire::ApiCap* cap = out.add_llb_caps();
    cap->set_id(name);
    cap->set_enabled(true);
  }
  describe_worker(facts, *out.add_workers());
}

}  // namespace skiff::buildkit
