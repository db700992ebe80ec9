// Builder: makes images from Dockerfiles, on one ImageStore, with a cache that outlives the
// daemon.
//
//   BuildRequest request;
//   request.context_tar = &body;                       // or context_directory
//   request.tags = {Reference::parse("demo:1")};
//   auto result = TRY(builder->build(request, print_event, cancel));
//   result.id                                          // what `docker build -q` prints
//
// A build is: read the Dockerfile (dockerfile/instructions.h), bind instructions and variables
// to stages (dockerfile/plan.h), and evaluate the steps that the target needs (solver/solver.h)
// against the cache (solver/cache.h). Each step that changes files makes one layer, written once.
// Equal steps of builds that run at the same time are executed once. A failed or cancelled build
// leaves no process, mount, cgroup, network endpoint, snapshot or file behind; the steps that
// succeeded stay in the cache. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/cancellation.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/io.h"
#include "base/problem.h"
#include "builder/export_output.h"
#include "builder/local_sources.h"
#include "builder/vocabulary.h"
#include "codec/json.h"
#include "images/image_store.h"
#include "network/network_manager.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "runtime/container_spec.h"
#include "solver/cache_record.h"
#include "solver/pruning.h"
#include "sys/binfmt.h"
#include "sys/cgroup_parents.h"
#include "sys/user_namespace.h"

namespace skiff::builder {

// What a name in FROM, COPY --from and RUN --mount=from= stands for, instead of the stage or image
// of that name.
//
// A directory, read in place; or a tar, as hostile as the context's. Its own .dockerignore counts.
// Tars may be parts of one stream: they are read before anything else, in the order of the names.
struct LocalFiles {
  Path directory;
  Source* tar = nullptr;
  bool is_still = false;     // nobody writes to the directory while it is built
  std::string version = "";  // the same means the same files, in this process; "": nobody knows
};
// "alpine:3", as FROM names it.
struct ImageContext {
  std::string image;
};
// A git repository, or a URL of an archive.
struct RemoteContext {
  std::string url;
};
// An image of an OCI layout: by tag or digest; "" is its only one.
struct LayoutContext {
  LocalFiles layout;
  std::string reference;
};
// What another build has made, and a lease of the caller's holds.
struct ResultContext {
  oci::Descriptor target;
};
using NamedContext =
    std::variant<LocalFiles, ImageContext, RemoteContext, LayoutContext, ResultContext>;

// What is attached to images in an index, as in-toto statements: their own digests stay as they
// are.
struct Attestations {
  bool provenance = false;       // how it was built (SLSA v1)
  bool provenance_v02 = false;   // in the words of SLSA v0.2
  bool provenance_args = false;  // with the values of build arguments, and the Dockerfile
  bool sbom = false;             // what is in it (SPDX)
  // How it was built, of outputs alone that say attestation-inline=true: clients ask for it so of
  // their own accord.
  bool inline_provenance = false;
  bool any() const { return provenance || sbom; }
};

// Where records of the cache, with their layers, are taken from or given to: a directory with an
// OCI layout (and the name of an image in it), a repository of a registry, or a shelf of the
// caller's. Taken also from an image of the store, as one names it; where it is not here, from
// `reference`, if there is one.
class CacheShelf;
struct CachePlace {
  Path directory;
  std::string tag = "latest";
  std::optional<oci::Reference> reference = std::nullopt;
  std::shared_ptr<CacheShelf> shelf = nullptr;
  std::string image;
  bool mounts = false;  // the directories of RUN --mount=type=cache, too
  // Of one that is given to: records of layers that the result has, alone (mode=min); a failure is
  // a warning.
  bool of_result = false;
  bool ignore_error = false;
  // How layers are compressed there that are added; gzip. By force also those that it has.
  std::optional<CompressForm> compression = std::nullopt;
  bool force_compression = false;
};

// Where the files of a context come from: a repository, and the commit.
struct ContextOrigin {
  std::string repository;  // "https://host/a.git", without who may read it
  std::string commit;      // with "-dirty" behind it where files were changed since; or ""
};

struct BuildRequest {
  // The context: a tar, plain or compressed, read to its end; or a directory, read in
  // place. A tar is hostile input: it is unpacked by the builder, each entry resolved
  // inside a temporary root. Neither: the context is empty.
  Source* context_tar = nullptr;
  Path context_directory;
  bool context_is_still = false;  // nobody writes to the directory while it is built
  // The same means the same files, in this process; "": nothing is known of that.
  std::string context_version;
  // The same for the same context whenever it is built; "": nothing is known of that.
  std::string context_name;
  // Where the directory has no more than what the build reads: the names in one of the context's
  // own directories, for suggestions. By any thread.
  std::function<Result<std::vector<std::string>>(const std::string& directory)> names_in_context;
  // Or fetched: a git repository ("https://host/a.git#ref:directory"), an archive of the web, or a
  // file of the web, which is the Dockerfile then.
  std::string context_url;
  std::map<std::string, NamedContext> named_contexts;  // by "name" or "name::platform"
  // The Dockerfile: its path in the context; or its text, where it is not in the context.
  std::string dockerfile = "Dockerfile";
  std::optional<std::string> dockerfile_text;
  // What errors and provenance call it; "" by its path.
  std::string dockerfile_name;
  // What its caller knows of a context that is not fetched; for the provenance.
  std::optional<ContextOrigin> origin;
  // The text of .dockerignore, where it is not in the context either.
  std::optional<std::string> ignore_text;

  std::vector<oci::Reference> tags;
  // What becomes of the result; none is one of type image.
  std::vector<Output> outputs;
  Attestations attestations;  // of outputs that are images
  // Holds what the result is made of, where there is one, however long it is kept.
  images::ImageLease* result_lease = nullptr;
  // `--build-arg NAME` without a value is nullopt: it unsets the default of an ARG.
  std::map<std::string, std::optional<std::string>> build_args;
  // SOURCE_DATE_EPOCH of the Dockerfile itself, filled in by the builder; build_args go before.
  std::string epoch;
  std::map<std::string, std::string> labels;
  std::string target;                     // stage name or number; "" is the last stage
  std::vector<oci::Platform> platforms;   // empty: the host's
  bool no_cache = false;                  // executes each step anew; the results are cached
  std::set<std::string> no_cache_stages;  // names or numbers of those that are executed anew
  bool pull = false;                      // asks the registry for newer base images
  bool keep_failed = false;               // what a RUN that fails leaves becomes an image

  std::string network;  // of RUN: "" or "default" (the default bridge), "none", "host", or a name
  std::vector<std::string> extra_hosts;  // "name:ip"
  runtime::Limits limits;
  std::map<std::string, std::string> secrets;  // of RUN --mount=type=secret, by id
  std::map<std::string, Path> ssh_agents;      // sockets, of RUN --mount=type=ssh, by id
  std::set<std::string> entitlements;          // "security.insecure"
  std::string cgroup_parent;                   // of RUN's cgroups; "": the builder's own
  int64_t shm_bytes = 64 << 20;
  std::vector<runtime::Ulimit> ulimits;

  std::vector<CachePlace> cache_from;  // one that cannot be read is a warning
  std::vector<CachePlace> cache_to;    // united with what is there; a failure is the build's
  bool inline_cache = false;           // images tell of their own steps, for `cache_from`

  // By registry host ("docker.io", "localhost:5000"), for pulling base images.
  std::map<std::string, remote::Credentials> credentials;

  // What the maps above do not have is asked for here, where these are set, when a step first needs
  // it; by any thread. nullopt: there is none.
  std::function<Result<std::optional<std::string>>(const std::string& id)> find_secret;
  std::function<Result<std::optional<Path>>(const std::string& id)> find_ssh_agent;
  std::function<Result<std::optional<remote::Credentials>>(const std::string& host)>
      find_credentials;

  const std::string& name_of_dockerfile() const {
    return dockerfile_name.empty() ? dockerfile : dockerfile_name;
  }
  // Of `credentials`, else asked for.
  Result<std::optional<remote::Credentials>> credentials_of(const std::string& host) const;
};

// Which step of a build it is.
struct StepId {
  std::string platform;  // "linux/amd64"
  int number = 0;        // from 1 to the total of that platform's steps
  // Of the base image's ONBUILD, from 1: it has the number of the FROM, which all of them come
  // after. 0: it is none of these.
  int trigger = 0;
  auto operator<=>(const StepId&) const = default;
};

// What happens during a build. A step that is started ends once, by StepDone or StepFailed; or the
// build ends before, by another step. Steps of one platform come in order, each when the one before
// it is done: but for those that fail, which are told of at once. Those of several platforms
// interleave.
struct StepStarted {
  StepId step;
  int total = 0;
  std::string stage;  // name or number of the stage
  std::string text;   // the instruction, continuation lines joined
  int line = 0;       // where it starts
  // As BuildKit's clients show it: FROM with the whole name of its image and the digest, COPY, ADD,
  // WORKDIR and RUN with their variables expanded, others as they are written; and the stage's own
  // platform, with the one it builds for ("linux/amd64->arm64").
  std::string shown;
  std::string recorded;  // as shown, with its variables as they are written: no values of arguments
  std::string shown_platform;
  // Its place among those of its stage that change files or bring some, triggers all counted, as
  // BuildKit's clients show it; 0: it is none of these.
  int place = 0;
  int places = 0;
};
// The result was in the cache; `StepDone` follows.
struct StepCached {
  StepId step;
};
// Why it was not: the first cause ("src/a.c changed", "build argument V changed"),
// and all that differs. "never built before", and nothing that differs, where no earlier step can
// have been this one.
struct StepMissed {
  StepId step;
  std::string reason;
  std::vector<std::string> differences;
};
// What a RUN printed, both streams, in pieces as they came.
struct StepOutput {
  StepId step;
  std::string bytes;
};
// A base image on its way.
struct StepProgress {
  StepId step;
  images::ProgressEvent progress;
};
// A base image that is pulled before the first step begins, told at once; StepProgress tells the
// same in its turn.
struct BasePull {
  // Whose FROM it is, as far as that is known by now: how often a base image triggers shows when it
  // is here. Without a place it is none's.
  StepStarted step;
  std::string image;               // "alpine:3", as the Dockerfile has it
  images::ProgressEvent progress;  // without an id at the end
  bool over = false;               // with
  std::string error;
};
struct StepDone {
  StepId step;
  std::string id;  // 64 hex digits that name the state after the step; equal states, equal ids
  std::chrono::nanoseconds duration{};
  bool last = true;  // of its number: no trigger comes after it
};
// It failed, and with it the build; or it was cancelled with that.
struct StepFailed {
  StepId step;
  std::string error;  // with its place, as the build's; "": it was at work when the build ended
  int exit_code = 0;  // that of a RUN's command, where it is why
  std::string kept;   // the image of what that left, where that was asked for; else ""
};
struct BuildWarning {
  std::string text;  // "Dockerfile:3: ..."
  int line = 0;
  std::string detail;  // of a check: what it is about, and where more is written
  std::string url;
};
// A cache of `cache_from` or `cache_to` on its way.
struct CacheMoved {
  std::string what;  // "exporting cache to registry": the same of all that is told of it
  std::string part;  // that is done: "writing layer sha256:..."; "" at the beginning and the end
  bool over = false;
  // What went wrong; "": nothing. Set only where it is over; the build may go on all the same.
  std::string error;
};
// One platform's image is complete.
struct ImageBuilt {
  std::string platform;
  oci::Digest id = oci::Digest::of("");
};
// What is pushed, after the steps.
struct Exporting {
  images::ProgressEvent progress;
};
using BuildEvent =
    std::variant<StepStarted, StepCached, StepMissed, StepOutput, StepProgress, BasePull, StepDone,
                 StepFailed, BuildWarning, CacheMoved, ImageBuilt, Exporting>;
// Called from one thread at a time; must not call the builder.
using EventSink = std::function<void(const BuildEvent&)>;

// How one platform's image was made, for who keeps records of builds: a predicate of SLSA v0.2,
// which all readers know. Values of build arguments are in it where the request's attestations
// would have them.
struct BuildProvenance {
  std::string platform;
  std::string predicate;  // JSON
};

struct BuildResult {
  // Of the config: of the only platform, or of the host's, else of the first.
  oci::Digest id = oci::Digest::of("");
  // The manifest, or the index of several platforms, as the last output has it that is an image.
  oci::Descriptor target;
  std::vector<ImageBuilt> images;
  std::vector<BuildProvenance> provenance;  // of each of them
};

// What is to be told of a Dockerfile without building it.
enum class Question { kChecks, kTargets, kOutline };
struct Answer {
  std::string text;     // as `docker buildx build --call` shows it
  json::Value data;     // the same, as BuildKit's frontend has it
  size_t findings = 0;  // of kChecks
  // Of kChecks: why it cannot be built, with its place. What was found is what is found before.
  std::optional<Error> failure = std::nullopt;
};

class Builder {
 public:
  virtual ~Builder() = default;

  // Errors in the Dockerfile name the place and show the lines around it:
  //   Dockerfile:3: unknown instruction "RNU" (did you mean RUN?)
  //      1 |     FROM busybox
  //      2 |
  //      3 | >>> RNU make
  // A RUN that fails is kAborted: `Dockerfile:3: process "/bin/sh -c make" did not complete
  // successfully: exit code: 2` with the same excerpt.
  virtual Result<BuildResult> build(const BuildRequest& request, const EventSink& events,
                                    const CancelToken& cancel) = 0;

  // Builds and pulls nothing: of base images that are not here nothing is known.
  virtual Result<Answer> inspect(const BuildRequest& request, Question question,
                                 const CancelToken& cancel) = 0;

  // The paths of the context that the build reads, as its instructions name them, with wildcards;
  // nullopt: all, or it takes more than what is here to know.
  virtual Result<std::optional<std::vector<std::string>>> context_paths(
      const BuildRequest& request) = 0;

  // Directories that clients have sent.
  virtual LocalSources& local_sources() = 0;

  virtual Result<std::vector<CacheRecord>> disk_usage() = 0;
  virtual Result<PruneResult> prune(const PruneOptions& options) = 0;
  // Tells each record of the cache whose layer is gone; repair drops them. Returns how many
  // records it looked at.
  virtual Result<size_t> check(const CheckOptions& options, const ProblemSink& report) = 0;
};

struct BuilderOptions {
  Path root;             // cache.db, and scratch() beside it: below the daemon's root
  Path run_dir;          // mount points and bundles of running steps: below the run directory
  Path runtime_program;  // the static binary
  std::string cgroup_parent = "/skiff";  // steps run in CGROUP_PARENT/build-ID
  // Of those that builds name instead; shared with the engine. Null: nobody follows to drop them.
  std::shared_ptr<sys::CgroupParents> cgroup_parents = nullptr;
  remote::ClientOptions client;  // for pulling base images; credentials come from the request
  Path host_resolv_conf = "/etc/resolv.conf";
  // In which steps run, so that what they write has the owners that they see. Null: the host's.
  std::shared_ptr<const sys::UserNamespace> ids = nullptr;
  // Where QEMU is registered for steps of another processor.
  sys::EmulationScope emulation = sys::EmulationScope::kContainer;
  // What the cache's layers may take; the records used longest ago go before a step writes more.
  // 0: no limit.
  uint64_t cache_limit = 0;

  // Contexts and downloads of running builds, which may be large: on disk, not in RUN_DIR.
  Path scratch() const { return root / "scratch"; }
  Path local_sources() const { return root / "sources"; }
  // Of ADD.
  Path downloads() const { return root / "downloads"; }
  // Of RUN --mount=type=cache.
  Path cache_mounts() const { return root / "mounts"; }
};

// `images` and `networks` must outlive the builder. Registers the cache with
// images.set_extra_roots, and removes what builds of an earlier, killed daemon left.
Result<std::unique_ptr<Builder>> open_builder(const BuilderOptions& options,
                                              images::ImageStore& images,
                                              network::NetworkManager& networks,
                                              const Clock& clock = Clock::system());

}  // namespace skiff::builder
