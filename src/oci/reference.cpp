#include "oci/reference.h"

#include <algorithm>

#include "base/strings.h"

namespace skiff::oci {

namespace {

constexpr std::string_view kDefaultDomain = "docker.io";
constexpr std::string_view kLegacyDefaultDomain = "index.docker.io";
constexpr std::string_view kOfficial = "library/";
constexpr size_t kMaxPath = 255;
constexpr size_t kMaxTag = 128;

bool is_lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_alnum(char c) { return is_lower_alnum(c) || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

Error invalid(std::string_view why = "") {
  return {Code::kInvalidArgument, cat("invalid reference format", why.empty() ? "" : ": ", why)};
}

// path-component := [a-z0-9]+ (("." | "_" | "__" | "-"+) [a-z0-9]+)*
bool valid_component(std::string_view text) {
  if (text.empty() || !is_lower_alnum(text.front()) || !is_lower_alnum(text.back())) return false;
  for (size_t i = 0; i < text.size();) {
    if (is_lower_alnum(text[i])) {
      ++i;
      continue;
    }
    const char c = text[i];
    size_t run = 0;
    while (i + run < text.size() && text[i + run] == c) ++run;
    const size_t most = c == '.' ? 1 : c == '_' ? 2 : c == '-' ? text.size() : 0;
    if (run > most || !is_lower_alnum(text[i + run])) return false;
    i += run;
  }
  return true;
}

bool valid_path_grammar(std::string_view path) {
  return std::ranges::all_of(split(path, '/'),
                             [](const std::string& part) { return valid_component(part); });
}

// domain-name := component ("." component)*, a component being letters, digits and inner "-".
bool valid_host_name(std::string_view host) {
  return std::ranges::all_of(split(host, '.'), [](const std::string& part) {
    return !part.empty() && is_alnum(part.front()) && is_alnum(part.back()) &&
           std::ranges::all_of(part, [](char c) { return is_alnum(c) || c == '-'; });
  });
}

bool valid_domain(std::string_view domain) {
  std::string_view port;
  if (domain.starts_with('[')) {
    const size_t end = domain.find(']');
    if (end == std::string_view::npos || end == 1) return false;
    std::string_view address = domain.substr(1, end - 1);
    if (!std::ranges::all_of(address, [](char c) { return is_hex(c) || c == ':'; })) return false;
    if (end + 1 == domain.size()) return true;
    if (domain[end + 1] != ':') return false;
    port = domain.substr(end + 2);
  } else if (auto parts = split_once(domain, ':')) {
    if (!valid_host_name(parts->first)) return false;
    port = parts->second;
  } else {
    return valid_host_name(domain);
  }
  return !port.empty() && std::ranges::all_of(port, is_digit);
}

bool reads_as_id(std::string_view text) {
  return text.size() == 64 &&
         std::ranges::all_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

// The first component is a registry when it could not be a user: it has a "." or a ":",
// is "localhost", or has capitals.
std::pair<std::string, std::string> split_domain(std::string_view name) {
  std::string domain(kDefaultDomain);
  std::string rest(name);
  if (auto parts = split_once(name, '/')) {
    auto [first, remainder] = *parts;
    if (first.find_first_of(".:") != std::string_view::npos || first == "localhost" ||
        to_lower(first) != first) {
      domain = first;
      rest = remainder;
    }
  }
  if (domain == kLegacyDefaultDomain) domain = kDefaultDomain;
  if (domain == kDefaultDomain && rest.find('/') == std::string::npos) rest.insert(0, kOfficial);
  return {std::move(domain), std::move(rest)};
}

}  // namespace

bool valid_repository_path(std::string_view path) {
  return path.size() <= kMaxPath && valid_path_grammar(path);
}

bool valid_tag(std::string_view tag) {
  return !tag.empty() && tag.size() <= kMaxTag && (is_alnum(tag[0]) || tag[0] == '_') &&
         std::ranges::all_of(
             tag, [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; });
}

Result<Reference> Reference::parse(std::string_view text) {
  if (reads_as_id(text)) {
    return Error(Code::kInvalidArgument, cat("invalid repository name (", text,
                                             "), cannot specify 64-byte hexadecimal strings"));
  }
  Reference ref;
  std::string_view name = text;
  std::optional<std::string_view> digest;
  if (auto parts = split_once(text, '@')) std::tie(name, digest) = *parts;
  auto [domain, rest] = split_domain(name);
  std::optional<std::string> tag;
  if (auto parts = split_once(rest, ':')) {
    tag = parts->second;
    rest = std::string(parts->first);
  }
  if (to_lower(rest) != rest) {
    return invalid(cat("repository name (", rest, ") must be lowercase"));
  }
  if (!valid_domain(domain) || !valid_path_grammar(rest)) return invalid();
  if (rest.size() > kMaxPath) {
    return Error(Code::kInvalidArgument,
                 cat("repository name must not be more than ", kMaxPath, " characters"));
  }
  if (tag && !valid_tag(*tag)) return invalid();
  if (digest) ref.digest_ = TRY_CONTEXT(Digest::parse(*digest), "invalid reference format");
  ref.domain_ = std::move(domain);
  ref.path_ = std::move(rest);
  ref.tag_ = tag.value_or("");
  return ref;
}

std::string Reference::repository() const { return cat(domain_, "/", path_); }

std::string Reference::familiar_repository() const {
  if (domain_ != kDefaultDomain) return repository();
  std::string name = path_;
  if (name.starts_with(kOfficial) && name.find('/', kOfficial.size()) == std::string::npos) {
    name.erase(0, kOfficial.size());
  }
  // Where the short form would be read as another registry's, or as an id, the long one stays.
  const bool reads_back = split_domain(name) == std::pair(domain_, path_) && !reads_as_id(name);
  return reads_back ? name : repository();
}

namespace {
std::string with_suffixes(std::string name, const Reference& ref) {
  if (!ref.tag().empty()) name += cat(":", ref.tag());
  if (ref.digest()) name += cat("@", ref.digest()->str());
  return name;
}
}  // namespace

std::string Reference::str() const { return with_suffixes(repository(), *this); }

std::string Reference::familiar() const { return with_suffixes(familiar_repository(), *this); }

Reference Reference::with_default_tag() const {
  return tag_.empty() && !digest_ ? with_tag("latest") : *this;
}

Reference Reference::with_tag(std::string tag) const {
  Reference ref = *this;
  ref.tag_ = std::move(tag);
  return ref;
}

Reference Reference::with_digest(Digest digest) const {
  Reference ref = *this;
  ref.digest_ = std::move(digest);
  return ref;
}

}  // namespace skiff::oci
