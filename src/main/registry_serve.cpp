// skiff-registry serve: the distribution API's server.
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "base/flags.h"
#include "base/heap.h"
#include "base/log.h"
#include "base/program_pages.h"
#include "base/size.h"
#include "base/strings.h"
#include "main/data_root.h"
#include "main/registry_commands.h"
#include "main/registry_database.h"
#include "main/registry_face.h"
#include "main/registry_s3.h"
#include "main/registry_service.h"
#include "main/registry_settings.h"
#include "registry/elsewhere.h"
#include "sys/process.h"

namespace skiff {
namespace {

struct Options {
  std::string root = "/var/lib/skiff-registry";
  std::string listen = "127.0.0.1:5000";
  RegistryFace face;
  std::string database;
  std::string database_password_file;
  std::string gc_grace = "3600";
  std::string upload_age = "86400";
  std::string undelete = cat(registry::kUsualUndelete.count());
  std::string retention_every = "86400";
  std::string scrub_rate;
  std::vector<std::string> upstreams;
  std::string cache_size = "0";
  std::string max_connections = "1024";
  std::string max_connections_per_client = "0";
  std::string client_timeout = "30";
  std::string log_level = "info";
  S3Flags s3;
  std::string drain = "0";
  bool no_gc = false;
  bool gc_untagged = false;
  bool sparse = false;
  bool allow_child_deletion = false;
  std::string config;
  std::string text;  // all of this, as Settings have it
  bool version = false;
  bool help = false;
};

std::vector<Flag> flags_of(Options& o) {
  std::vector<Flag> flags = {
      {"root", "DIR", "blobs, manifests, tags", &o.root},
      {"database", "URL",
       "tables on PostgreSQL, shared with other servers: postgresql://USER@HOST/NAME", &o.database},
      {"database-password-file", "FILE", "the password of --database, else as libpq finds it",
       &o.database_password_file},
      {"listen", "ADDRESS", "HOST:PORT; port 0 takes a free one", &o.listen},
      {"gc-grace", "SECONDS", "how long what nothing names is kept", &o.gc_grace},
      {"gc-untagged", "", "collect manifests that no tag, index or subject keeps", nullptr,
       &o.gc_untagged},
      {"no-gc", "", "collect no garbage", nullptr, &o.no_gc},
      {"retention-every", "SECONDS", "how often tags are deleted that no rule keeps; 0 for never",
       &o.retention_every},
      {"undelete", "SECONDS", "how long deleted manifests and moved tags can come back; 0 for not",
       &o.undelete},
      {"upload-age", "SECONDS", "how long an abandoned upload is kept", &o.upload_age},
      {"scrub-rate", "SIZE",
       "bytes a second at which blobs are read again; 0 for never (default 4m, in an S3 store 0)",
       &o.scrub_rate},
      {"sparse", "", "accept images and indexes whose layers and manifests are not all here",
       nullptr, &o.sparse},
      {"allow-child-deletion", "", "let a manifest be deleted while an index lists it", nullptr,
       &o.allow_child_deletion},
      {"upstream", "NAME=URL[,SETTING...]",
       "fetch the images below NAME/ from that registry, and keep them; repeatable", nullptr,
       nullptr, &o.upstreams},
      {"cache-size", "SIZE", "of what is kept of upstreams; 0 for no limit", &o.cache_size},
      {"max-connections", "N", "open at once", &o.max_connections},
      {"max-connections-per-client", "N", "of one address; 0 for no limit of its own",
       &o.max_connections_per_client},
      {"client-timeout", "SECONDS", "how long a client may send or take nothing; 0 for ever",
       &o.client_timeout},
      {"s3-endpoint", "URL", "keep blobs in this S3 store, not below the root", &o.s3.endpoint},
      {"s3-bucket", "NAME", "the bucket for them", &o.s3.bucket},
      {"s3-region", "NAME", "of the bucket", &o.s3.region},
      {"s3-prefix", "PREFIX", "before the keys of this registry's objects", &o.s3.prefix},
      {"s3-credentials", "FILE",
       "with its keys, as the AWS tools write it; else AWS_ACCESS_KEY_ID, ...", &o.s3.credentials},
      {"s3-ca", "FILE", "authorities of the store's certificate (PEM)", &o.s3.ca},
      {"s3-virtual-host", "", "the bucket's name is part of the store's host name", nullptr,
       &o.s3.virtual_host},
      {"s3-redirect", "", "send clients to the store for blobs, by links good for minutes", nullptr,
       &o.s3.redirect},
      {"drain", "SECONDS", "how long it serves on when it is to stop and /readyz says so",
       &o.drain},
      {"log-level", "LEVEL", "debug, info, warn or error", &o.log_level},
      {"config", "FILE",
       "these options as YAML; else /etc/skiff/registry.yaml, where that is there", &o.config},
      {"version", "", "print the version", nullptr, &o.version},
      {"help", "", "print this text", nullptr, &o.help},
  };
  // Behind --listen, which they are about.
  const std::vector<Flag> face = face_flags(o.face, "");
  const auto listen = std::ranges::find(flags, "listen", &Flag::name);
  flags.insert(listen + 1, face.begin(), face.end());
  return flags;
}

std::string usage() {
  Options defaults;
  return "Usage: skiff-registry serve [flags]\n\nServes the OCI distribution API.\n\n" +
         flags_help(flags_of(defaults));
}

// File and environment, then the flags over both.
Result<> load(Settings& settings, const std::string& config, std::span<char* const> arguments) {
  TRY(config.empty() ? settings.load(kUsualConfig, Settings::Missing::kAllowed)
                     : settings.load(config, Settings::Missing::kRefused));
  TRY(settings.load_environment());
  for (const std::string& unknown : settings.unknown_variables(environ)) log_warn(unknown);
  return settings.load_flags(arguments);
}

Result<Options> parse_options(std::span<char* const> arguments) {
  Options given;
  TRY(parse_flags(arguments, flags_of(given)));
  if (given.help || given.version) return given;
  Options o;
  const std::vector<Flag> flags = flags_of(o);
  Settings settings(flags);
  TRY(load(settings, given.config, arguments));
  o.text = settings.text();
  return o;
}

Result<uint64_t> number(std::string_view flag, const std::string& text, uint64_t least) {
  const auto n = parse_uint(text);
  constexpr uint64_t kMost = uint64_t{1} << 31U;
  if (n && *n >= least && *n <= kMost) return *n;
  return Error(Code::kInvalidArgument, cat("invalid value for --", flag, ": ", skiff::quoted(text),
                                           ": must be a whole number from ", least, " to ", kMost));
}

Result<std::optional<DatabaseName>> database_given(const Options& o) {
  if (o.database.empty() && o.database_password_file.empty()) return std::optional<DatabaseName>();
  if (o.database.empty()) {
    return Error(Code::kInvalidArgument, "--database-password-file needs --database");
  }
  Path password;
  if (!o.database_password_file.empty()) {
    password = std::filesystem::absolute(o.database_password_file);
  }
  DatabaseName name{o.database, std::move(password)};
  TRY(database_server(name));
  return std::optional(std::move(name));
}

struct Judged {
  RegistryService::Options service;
  std::optional<DatabaseName> database;  // as given; else as the root was served before
  std::chrono::seconds drain{};
};

// All values judged: nothing is opened or made.
Result<Judged> judge(const Options& o) {
  set_log_level(TRY_CONTEXT(log_level_named(o.log_level), "--log-level"));
  Judged judged;
  RegistryService::Options& out = judged.service;
  out.listen = o.listen;
  out.configuration = o.text;
  out.max_connections = TRY(number("max-connections", o.max_connections, 1));
  out.max_connections_per_client =
      TRY(number("max-connections-per-client", o.max_connections_per_client, 0));
  out.pace.stall = std::chrono::seconds(TRY(number("client-timeout", o.client_timeout, 0)));
  TRY(show_face(o.face, "--", out));
  registry::RegistryOptions& registry = out.registry;
  registry.root = TRY(data_root(o.root));
  judged.database = TRY(database_given(o));
  if (judged.database) TRY(registry::may_be_elsewhere(registry.root, *judged.database));
  registry.metadata.grace = std::chrono::seconds(TRY(number("gc-grace", o.gc_grace, 0)));
  registry.metadata.collect_untagged = o.gc_untagged;
  registry.metadata.undelete = std::chrono::seconds(TRY(number("undelete", o.undelete, 0)));
  registry.metadata.sparse = o.sparse;
  registry.metadata.allow_child_deletion = o.allow_child_deletion;
  registry.collect_garbage = !o.no_gc;
  registry.retention_every =
      std::chrono::seconds(TRY(number("retention-every", o.retention_every, 0)));
  registry.upload_age = std::chrono::seconds(TRY(number("upload-age", o.upload_age, 1)));
  registry.s3 = TRY(s3_options(o.s3));
  // Elsewhere each look costs, and stores look after their bytes themselves.
  const std::string usual = registry.s3 ? "0" : "4m";
  registry.scrub_rate = static_cast<uint64_t>(
      TRY_CONTEXT(parse_size(o.scrub_rate.empty() ? usual : o.scrub_rate), "--scrub-rate"));
  out.upstream.size = static_cast<uint64_t>(TRY_CONTEXT(parse_size(o.cache_size), "--cache-size"));
  for (const std::string& text : o.upstreams) {
    out.upstream.origins.push_back(TRY_CONTEXT(upstream::parse_origin(text), "--upstream"));
  }
  judged.drain = std::chrono::seconds(TRY(number("drain", o.drain, 0)));
  TRY(RegistryService::check(out));
  return judged;
}

// Waits for signals in a thread of its own: SIGHUP loads the certificate and opens the access log
// again, SIGTERM and SIGINT stop the service.
std::jthread heed_signals(const sigset_t& signals, std::chrono::seconds drain_time,
                          RegistryService& service) {
  const timespec drain{.tv_sec = drain_time.count(), .tv_nsec = 0};
  return std::jthread([&signals, drain, &service] {
    int received = 0;
    while (sigwait(&signals, &received) == 0 && received == SIGHUP) {
      service.reload();
    }
    service.about_to_stop();
    // Another signal ends that, too.
    if (drain.tv_sec > 0) {
      log_info(cat("stopping in ", drain.tv_sec, " seconds"));
      sigtimedwait(&signals, nullptr, &drain);
    }
    log_info("stopping");
    service.stop();
  });
}

Result<> serve(const Judged& judged) {
  const RegistryService::Options& options = judged.service;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  // Where there is nothing to open again it ends the program, as the end of a terminal should.
  const bool opens_again = !options.tls.certificate.empty() || !options.registry.access_log.empty();
  if (opens_again) sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  // A connection, the blob it reads and the upload it writes each need a descriptor.
  sys::raise_descriptor_limit();
  return_large_blocks();
  if (judged.database) {
    TRY(make_directories(options.registry.root));
    TRY(registry::place_elsewhere(options.registry.root, *judged.database));
  }
  const auto service = TRY(RegistryService::open(options));
  std::jthread stopper = heed_signals(signals, judged.drain, *service);
  log_info(cat("skiff-registry ", SKIFF_VERSION, " serves ", service->description()));
  release_program_pages();  // most of what a start runs
  Result<> served = service->run();
  if (!served) ::kill(::getpid(), SIGTERM);  // wakes the stopper, another thread
  return served;
}

int refuse(const Error& error) {
  fprintf(stderr, "skiff-registry: %s\nSee 'skiff-registry serve --help'.\n",
          error.message().c_str());
  return 2;
}

}  // namespace

int serve_registry(std::span<char* const> arguments) {
  auto options = parse_options(arguments);
  if (!options) return refuse(options.error());
  if (options->help || options->version) {
    fputs(options->help ? usage().c_str() : "skiff-registry " SKIFF_VERSION "\n", stdout);
    return 0;
  }
  const auto judged = judge(*options);
  if (!judged) return refuse(judged.error());
  if (const auto served = serve(*judged); !served) {
    fprintf(stderr, "skiff-registry: %s\n", served.error().message().c_str());
    return 1;
  }
  return 0;
}

Result<std::string> serve_settings(const std::string& config) {
  Options o;
  const std::vector<Flag> flags = flags_of(o);
  Settings settings(flags);
  TRY(load(settings, config, {}));
  TRY(judge(o));
  return settings.text();
}

Result<Elsewhere> served_elsewhere(const std::string& config) {
  Options o;
  const std::vector<Flag> flags = flags_of(o);
  Settings settings(flags);
  TRY(load(settings, config, {}));
  Elsewhere out;
  out.s3 = TRY(s3_options(o.s3));
  out.database = TRY(database_given(o));
  return out;
}

}  // namespace skiff
