// build: the context as a tar to POST /build, and the stream of its progress.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>

#include "base/file.h"
#include "base/random.h"
#include "base/strings.h"
#include "cli/build_origin.h"
#include "cli/build_outputs.h"
#include "cli/build_preface.h"
#include "cli/build_query.h"
#include "cli/cache_places.h"
#include "cli/result_file.h"
#include "cli/session.h"
#include "cli/shared_directory.h"
#include "cli/table.h"
#include "cli/tree_tar.h"
#include "oci/reference.h"

namespace skiff::cli {

namespace {

using enum FlagKind;

constexpr FlagSpec kBuildFlags[] = {
    {"add-host", 0, kList, "Add a line to /etc/hosts (\"host:ip\")"},
    {"allow", 0, kList, "Allow what is refused else (\"security.insecure\", \"network.host\")",
     "strings"},
    {"attest", 0, kList, "Attach attestations (type=provenance[,mode=min|max], type=sbom)",
     "stringArray"},
    {"build-arg", 0, kList, "Set build-time variables"},
    {"build-context", 0, kList,
     "Named context (NAME=DIR|URL|docker-image://IMAGE|oci-layout://DIR)"},
    {"cache-from", 0, kList, "Cache of elsewhere (NAME, \"type=local,src=DIR\")"},
    {"cache-to", 0, kList, "Give the cache to others (NAME, \"type=local,dest=DIR\")"},
    {"call", 0, kString,
     "What to do (\"build\", \"check\", \"outline\", \"targets\", \"subrequests.describe\")"},
    {"cgroup-parent", 0, kString, "Parent of the cgroups of the RUN instructions"},
    {"check", 0, kBool, "Tell what is better not done, and build nothing (\"--call=check\")"},
    {"compress", 0, kBool, "Accepted, changes nothing"},
    {"cpu-period", 0, kString, "Length of a CFS period in microseconds", "int"},
    {"cpu-quota", 0, kString, "CPU time in each CFS period in microseconds", "int"},
    {"cpu-shares", 'c', kString, "CPU shares (relative weight)", "int"},
    {"cpuset-cpus", 0, kString, "CPUs in which to allow execution (0-3, 0,1)"},
    {"cpuset-mems", 0, kString, "Memory nodes in which to allow execution (0-3, 0,1)"},
    {"disable-content-trust", 0, kBool, "Accepted, changes nothing (default true)"},
    {"explain", 0, kBool, "Tell of each step that is not cached all that has changed"},
    {"file", 'f', kString, "Name of the Dockerfile (default is \"PATH/Dockerfile\")"},
    {"force-rm", 0, kBool, "Keep no image of what a RUN that fails has left"},
    {"iidfile", 0, kString, "Write the image ID to the file"},
    {"label", 0, kList, "Set metadata of the image"},
    {"load", 0, kBool, "Put the image into the engine's store, as is done without --output"},
    {"memory", 'm', kString, "Memory limit", "bytes"},
    {"memory-swap", 0, kString, "Memory and swap together: -1 for unlimited swap", "bytes"},
    {"metadata-file", 0, kString, "Write the digests of what was built to the file"},
    {"network", 0, kString, "Network of the RUN instructions (default \"default\")"},
    {"no-cache", 0, kBool, "Do not use the cache"},
    {"no-cache-filter", 0, kList, "Do not use the cache for these stages", "strings"},
    {"output", 'o', kList,
     "What becomes of the result: a directory, \"-\", or type=TYPE[,KEY=VALUE...]", "stringArray"},
    {"platform", 0, kList, "Platforms of the image: linux/amd64,linux/arm64", "strings"},
    {"progress", 0, kString, "How progress is shown (\"auto\", \"plain\") (default \"auto\")"},
    {"provenance", 0, kString,
     "Attach how it was built (\"--attest=type=provenance\"): true or mode=max"},
    {"pull", 0, kBool, "Always look for newer base images"},
    {"push", 0, kBool, "Push the image to its registries (\"--output=type=image,push=true\")"},
    {"quiet", 'q', kBool, "Suppress the build output and print the image ID on success"},
    {"reproducible", 0, kBool,
     "The same bytes whenever it is built: no time is after SOURCE_DATE_EPOCH"},
    {"rm", 0, kBool, "Accepted, changes nothing (default true)"},
    {"sbom", 0, kString, "Attach what packages it has (\"--attest=type=sbom\")"},
    {"secret", 0, kList, "Secret of the build (id=ID[,src=FILE|,env=NAME])"},
    {"shm-size", 0, kString, "Size of \"/dev/shm\"", "bytes"},
    {"ssh", 0, kList, "SSH agent or keys of the build (default|ID[=SOCKET|KEY[,KEY]])"},
    {"tag", 't', kList, "Name and optionally a tag (\"name:tag\")"},
    {"target", 0, kString, "Stage to build"},
    {"ulimit", 0, kList, "Resource limits (name=soft[:hard])", "ulimit"},
};

// What is sent, and the Dockerfile's name in it.
struct Context {
  std::unique_ptr<Source> body;  // none of one that the engine fetches
  std::string dockerfile;
  std::string shown_dockerfile = {};  // where that is no name its owner knows
  std::string url = {};
  std::optional<std::string> dockerfile_text = {};  // where the engine fetches the rest
  Path directory = {};  // where all of it is one, which an engine on this machine can read itself
};

constexpr size_t kMaxDockerfile = size_t{16} << 20U;

// Gives back what was read ahead, then the rest.
class Prefixed : public Source {
 public:
  Prefixed(std::string first, std::unique_ptr<Source> rest)
      : first_(std::move(first)), rest_(std::move(rest)) {}
  Result<size_t> read(std::span<char> buffer) override {
    if (given_ == first_.size()) return rest_->read(buffer);
    size_t n = first_.copy(buffer.data(), buffer.size(), given_);
    given_ += n;
    return n;
  }

 private:
  std::string first_;
  size_t given_ = 0;
  std::unique_ptr<Source> rest_;
};

// A tar archive, plain or compressed (which the engine unwraps), by its first block.
bool is_archive(std::string_view block) {
  using namespace std::string_view_literals;
  constexpr std::string_view kMagics[] = {"\x1F\x8B\x08"sv, "BZh"sv, "\xFD\x37zXZ"sv,
                                          "\x28\xB5\x2F\xFD"sv};
  for (std::string_view magic : kMagics) {
    if (block.starts_with(magic)) return true;
  }
  constexpr size_t kMagicAt = 257;
  return block.size() >= kMagicAt + 5 && block.substr(kMagicAt, 5) == "ustar";
}

Result<Context> context_from_stdin(const Flags& flags) {
  if (flags.get("file") == "-") {
    return Error(Code::kInvalidArgument,
                 "invalid argument: can't use stdin for both build context and dockerfile");
  }
  constexpr size_t kBlock = 512;
  auto input = std::make_unique<FdSource>(STDIN_FILENO);
  std::string first(kBlock, '\0');
  first.resize(TRY_CONTEXT(read_full(*input, first), "read standard input"));
  Context out;
  if (!is_archive(first) && first.find('\0') != std::string::npos) {
    return Error(Code::kInvalidArgument,
                 "what standard input has is neither a Dockerfile nor a whole archive");
  }
  if (is_archive(first)) {
    out.dockerfile = flags.get("file");
    out.body = std::make_unique<Prefixed>(std::move(first), std::move(input));
    return out;
  }
  out.dockerfile = "Dockerfile";
  std::string text = first + TRY(read_all(*input, kMaxDockerfile));
  out.body = std::make_unique<TreeTar>(
      Path(), TreeTarOptions{.extra = {{out.dockerfile, std::move(text)}}});
  return out;
}

// The file of the Dockerfile's own wins over that of the context.
Result<std::string> read_ignore_file(const Path& root, const Path& dockerfile) {
  const Path own = cat(dockerfile.native(), ".dockerignore");
  for (const Path& path : {own, root / ".dockerignore"}) {
    if (dockerfile.empty() && path == own) continue;
    auto text = read_file(path);
    if (text || text.error().code() != Code::kNotFound) return text;
  }
  return std::string();
}

// A Dockerfile that is not in the context goes along under a name of its own, which
// .dockerignore keeps away from COPY.
std::vector<ExtraFile> outside_dockerfile(const std::string& text, const std::string& ignore,
                                          std::string& dockerfile) {
  constexpr size_t kDigits = 20;
  dockerfile = cat(".dockerfile.", random_hex(kDigits));
  return std::vector<ExtraFile>{{dockerfile, text},
                                {".dockerignore", cat(ignore, "\n", dockerfile, "\n")}};
}

Result<Context> context_from_directory(const Flags& flags, const std::string& argument) {
  std::error_code ec;
  Path root = std::filesystem::canonical(argument, ec);
  if (ec || !std::filesystem::is_directory(root, ec)) {
    TRY(check_scheme(argument).context("build context"));
    return Error(Code::kNotFound,
                 cat("unable to prepare context: path ", skiff::quoted(argument), " not found"));
  }
  Context out;
  out.dockerfile = "Dockerfile";
  const std::string file = flags.get("file");
  const bool is_stdin = file == "-";
  const Path path = file.empty() ? root / out.dockerfile : std::filesystem::absolute(file, ec);
  const Path real = is_stdin ? Path() : std::filesystem::canonical(path, ec);
  if (!is_stdin && ec) {
    return Error(Code::kNotFound,
                 cat("unable to prepare context: unable to evaluate symlinks in Dockerfile "
                     "path: lstat ",
                     path.native(), ": no such file or directory"));
  }
  const std::string ignore = TRY(read_ignore_file(root, real));
  auto ignored = TRY_CONTEXT(oci::IgnorePatterns::parse(ignore), ".dockerignore");
  std::vector<ExtraFile> extra;
  std::vector<std::string> always{".dockerignore"};
  const Path inside = real.lexically_relative(root);
  if (is_stdin) {
    out.shown_dockerfile = "Dockerfile";
    FdSource input(STDIN_FILENO);
    extra = outside_dockerfile(TRY(read_all(input, kMaxDockerfile)), ignore, out.dockerfile);
  } else if (inside.native().starts_with("..")) {
    out.shown_dockerfile = path.filename();
    extra = outside_dockerfile(TRY(read_file(real)), ignore, out.dockerfile);
  } else {
    out.dockerfile = inside.native();
    always.push_back(cat(out.dockerfile, ".dockerignore"));
  }
  always.push_back(out.dockerfile);
  if (extra.empty()) out.directory = root;
  out.body = std::make_unique<TreeTar>(root, TreeTarOptions{.ignored = std::move(ignored),
                                                            .always = std::move(always),
                                                            .extra = std::move(extra)});
  return out;
}

// Says how much was sent once all of it is.
class Announced : public Source {
 public:
  Announced(Source& from, int to, bool quiet) : from_(from), to_(to), said_(quiet) {}
  Result<size_t> read(std::span<char> buffer) override {
    auto n = from_.read(buffer);
    if (!n) failure_ = n.error();
    if (!n) return n;
    bytes_ += *n;
    if (*n == 0 && !std::exchange(said_, true)) {
      TRY(FdSink(to_).write(cat("Sending build context to the Skiff daemon  ",
                                human_size(static_cast<double>(bytes_), 4), "\n")));
    }
    return n;
  }
  const std::optional<Error>& failure() const { return failure_; }

 private:
  Source& from_;
  int to_;
  bool said_;
  uint64_t bytes_ = 0;
  std::optional<Error> failure_;
};

// The engine fetches it. -f is a file in it, or standard input.
Result<Context> context_from_url(const Flags& flags, const std::string& url) {
  Context out{.body = nullptr, .dockerfile = flags.get("file"), .url = url};
  if (out.dockerfile != "-") return out;
  out.dockerfile.clear();
  FdSource input(STDIN_FILENO);
  out.dockerfile_text = TRY(read_all(input, kMaxDockerfile));
  return out;
}

Result<Context> find_context(const Flags& flags, const std::string& argument) {
  if (is_remote(argument)) return context_from_url(flags, argument);
  if (argument == "-") return context_from_stdin(flags);
  return context_from_directory(flags, argument);
}

Result<bool> wants_plain(const Flags& flags) {
  std::string progress = flags.get("progress", "auto");
  if (progress == "plain") return true;
  if (progress == "auto" || progress == "tty") return false;
  return bad_flag("--progress", progress, "choose auto or plain");
}

// As buildx writes it.
std::string metadata_of(const Flags& flags, const ProgressPrinter& printer) {
  json::Value out = json::object({});
  out.set("containerimage.config.digest", printer.last_aux_id());
  out.set("containerimage.digest", printer.last_aux_digest());
  std::vector<std::string> names;
  for (const std::string& tag : flags.all("tag")) {
    if (auto name = oci::Reference::parse(tag)) names.push_back(name->with_default_tag().str());
  }
  if (!names.empty()) out.set("image.name", join(names, ","));
  return cat(out.dump(), "\n");
}

// What is asked of the daemon, but for the body.
Result<net::ClientRequest> request_of(Session& session, const Flags& flags, const Context& context,
                                      const std::string& outputs) {
  BuildQuery query{.dockerfile = context.dockerfile,
                   .shown_dockerfile = context.shown_dockerfile,
                   .outputs = outputs};
  if (context.url.empty() && wants_provenance(flags)) query.origin = find_origin(flags.args[0]);
  net::ClientRequest request;
  request.method = "POST";
  request.target = cat("/build?", TRY(build_query(flags, query)));
  if (!context.url.empty()) request.target += cat("&remote=", net::url_encode(context.url));
  request.headers.set("X-Registry-Config", session.config.all_auths_header());
  return request;
}

// What is told where only the image's id is to be seen: shown at the end, as that or as what led to
// the failure.
class Held {
 public:
  static Result<Held> make() {
    UniqueFd fd(::memfd_create("build", MFD_CLOEXEC));
    if (!fd) return Error::from_errno(errno, "keep the build's output");
    return Held(std::move(fd));
  }
  int fd() const { return fd_.get(); }
  Result<> show(int to) {
    if (::lseek(fd_.get(), 0, SEEK_SET) != 0) return Error::from_errno(errno, "lseek");
    FdSource from(fd_.get());
    FdSink out(to);
    TRY(copy(from, out));
    return {};
  }

 private:
  explicit Held(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

Outcome build(Session& session, Flags& flags) {
  bool quiet = flags.on("quiet");
  bool plain = TRY(wants_plain(flags));
  for (const char* file : {"iidfile", "metadata-file"}) {
    TRY_CONTEXT(clear_result_file(flags.get(file)), cat("--", file));
  }
  Context context = TRY(find_context(flags, flags.args[0]));
  // Nothing is sent then; what the steps do not read is not even looked at.
  const auto shared = share_directory(session, context.directory);
  if (shared) context.body.reset();
  const bool is_sent = context.body != nullptr;
  PrefacedBody prefaced =
      TRY(with_preface(flags, context.dockerfile_text, std::move(context.body)));
  BuildOutputs outputs = TRY(BuildOutputs::open(flags));
  const int told = outputs.uses_stdout() ? STDERR_FILENO : STDOUT_FILENO;
  std::optional<Announced> body;
  if (prefaced.source) body.emplace(*prefaced.source, told, quiet || !is_sent);
  net::ClientRequest request = TRY(request_of(session, flags, context, outputs.parameter()));
  request.headers.set("Content-Type", prefaced.content_type);
  const CachePlaces caches = TRY(cache_places(session, flags));
  if (!caches.header.empty()) request.headers.set("X-Skiff-Cache", caches.header);
  if (shared) request.headers.set("X-Skiff-Directory", shared->name);
  if (body) request.stream = &*body;
  Held held = TRY(Held::make());
  ProgressPrinter printer(quiet ? held.fd() : told, false, plain || quiet);
  if (flags.on("explain")) printer.explain();
  auto built = outputs.receive(session, request, printer);
  if (quiet) TRY(held.show(built ? told : STDERR_FILENO));
  if (body && body->failure()) return *body->failure();
  if (!built && printer.exit_code() != 0) {
    print_error(cat(built.error().message(), "\n"));
    return printer.exit_code();
  }
  TRY(std::move(built));
  TRY(outputs.commit());
  TRY(write_result_file(flags.get("iidfile"), printer.last_aux_id()));
  TRY(write_result_file(flags.get("metadata-file"), metadata_of(flags, printer)));
  return 0;
}

constexpr Command kBuildCommands[] = {
    {.name = "build",
     .usage = "PATH | URL | -",
     .summary = "Build an image from a Dockerfile",
     .flags = kBuildFlags,
     .run = build,
     .min_args = 1,
     .max_args = 1,
     .aliases = "image build,builder build"},
};

}  // namespace

std::span<const Command> build_commands() { return kBuildCommands; }

}  // namespace skiff::cli
