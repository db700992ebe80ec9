#include "engine/names.h"

#include <array>
#include <cctype>

#include "base/random.h"
#include "base/strings.h"

namespace skiff::engine {

namespace {

constexpr std::array kAdjectives = {
    "able",    "airy",   "amber",  "ample",  "apt",     "azure",  "blithe", "bold",   "brave",
    "breezy",  "bright", "brisk",  "calm",   "candid",  "clear",  "clever", "cosy",   "crisp",
    "curious", "dapper", "daring", "deft",   "eager",   "early",  "easy",   "even",   "fair",
    "fleet",   "fond",   "frank",  "free",   "fresh",   "gentle", "glad",   "golden", "grand",
    "happy",   "hardy",  "honest", "humble", "jolly",   "keen",   "kind",   "lively", "loyal",
    "lucid",   "lucky",  "mellow", "merry",  "mighty",  "modest", "neat",   "nimble", "noble",
    "patient", "placid", "plucky", "polite", "prompt",  "proud",  "quick",  "quiet",  "radiant",
    "ready",   "serene", "sharp",  "silver", "sincere", "snappy", "solid",  "steady", "stout",
    "sturdy",  "sunny",  "swift",  "tender", "tidy",    "trusty", "upbeat", "vivid",  "warm",
    "wise",    "witty",  "zesty"};

// Scientists and engineers.
constexpr std::array kSurnames = {
    "abel",       "ampere",  "archimedes", "babbage",  "banach",     "bardeen",  "bell",
    "bernoulli",  "bohr",    "boole",      "born",     "boyle",      "brahe",    "cantor",
    "carson",     "cauchy",  "cavendish",  "cerf",     "chandra",    "church",   "copernicus",
    "coulomb",    "curie",   "darwin",     "dijkstra", "dirac",      "edison",   "einstein",
    "euclid",     "euler",   "faraday",    "fermat",   "fermi",      "feynman",  "fourier",
    "franklin",   "galileo", "galois",     "gauss",    "germain",    "goodall",  "hamilton",
    "heisenberg", "hertz",   "hilbert",    "hoare",    "hopper",     "hubble",   "huygens",
    "hypatia",    "joule",   "kelvin",     "kepler",   "knuth",      "lagrange", "lamarr",
    "laplace",    "leavitt", "leibniz",    "linnaeus", "lovelace",   "marconi",  "maxwell",
    "meitner",    "mendel",  "mendeleev",  "moser",    "napier",     "newton",   "nobel",
    "noether",    "ohm",     "pascal",     "pasteur",  "pauling",    "planck",   "poincare",
    "ramanujan",  "ride",    "riemann",    "rubin",    "rutherford", "sagan",    "sejong",
    "shannon",    "tesla",   "thompson",   "torvalds", "turing",     "volta",    "watt",
    "wiles",      "wozniak", "yonath",     "yukawa"};

size_t random_index(size_t count) {
  std::string bytes = random_bytes(4);
  uint32_t n = 0;
  for (char c : bytes) n = n << 8U | static_cast<unsigned char>(c);
  return n % count;
}

bool is_alnum(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

bool obeys_rule(std::string_view name) {
  if (name.size() < 2 || !is_alnum(name[0])) return false;
  for (char c : name) {
    if (!is_alnum(c) && c != '_' && c != '.' && c != '-') return false;
  }
  return true;
}

}  // namespace

Result<std::string> check_container_name(std::string_view name) {
  std::string_view bare = name.starts_with('/') ? name.substr(1) : name;
  if (!obeys_rule(bare)) {
    return Error(Code::kInvalidArgument, cat("Invalid container name (", name,
                                             "), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"));
  }
  return std::string(bare);
}

Result<> check_volume_name(std::string_view name) {
  if (name.size() == 1) {
    return Error(Code::kInvalidArgument,
                 cat("create ", name,
                     ": volume name is too short, names should be at least two alphanumeric "
                     "characters"));
  }
  if (obeys_rule(name)) return {};
  return Error(Code::kInvalidArgument,
               cat("create ", name, ": ", skiff::quoted(name),
                   " includes invalid characters for a local volume name, only "
                   "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host "
                   "directory, use absolute path"));
}

std::string random_container_name(int attempt) {
  std::string name = cat(kAdjectives[random_index(kAdjectives.size())], "_",
                         kSurnames[random_index(kSurnames.size())]);
  if (attempt > 0) name += std::to_string(random_index(static_cast<size_t>(attempt) * 10));
  return name;
}

}  // namespace skiff::engine
