#include "registry/htpasswd.h"

#include <crypt.h>

#include "base/log.h"
#include "base/strings.h"
#include "codec/base64.h"
#include "codec/hash.h"

namespace skiff::registry {

namespace {

// What a password is checked against where there is no such user, so that the answer takes as
// long as for one that exists.
constexpr const char* kNobody = "$2b$10$abcdefghijklmnopqrstuuJ0aWGwH9yZr9hN0qI1Zr1c0yO6vT5iG";

bool hash_matches(const std::string& password, const std::string& hash) {
  auto data = std::make_unique<crypt_data>();
  const char* made = ::crypt_r(password.c_str(), hash.c_str(), data.get());
  if (made == nullptr || made[0] == '*') return false;
  const std::string_view text(made);
  if (text.size() != hash.size()) return false;
  unsigned difference = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    difference |= static_cast<unsigned char>(text[i] ^ hash[i]);
  }
  return difference == 0;
}

}  // namespace

Result<std::unique_ptr<Htpasswd>> Htpasswd::open(const Path& file) {
  std::unique_ptr<Htpasswd> users(new Htpasswd(file));
  TRY(users->reload_if_changed());
  return users;
}

Result<Htpasswd::Users> Htpasswd::parse(const std::string& text) {
  Users users;
  size_t number = 0;
  for (const std::string& line : split(text, '\n')) {
    ++number;
    const std::string_view content = trim(line);
    if (content.empty() || content.starts_with('#')) continue;
    const auto parts = split_once(content, ':');
    if (!parts || parts->first.empty() || !parts->second.starts_with('$')) {
      return Error(Code::kInvalidArgument,
                   cat("line ", number,
                       ": expected NAME:HASH with a hash of htpasswd -B, or of "
                       "crypt(3) beginning with '$'"));
    }
    std::string hash(parts->second);
    if (hash.starts_with("$2y$")) hash[2] = 'b';  // the same algorithm by its other name
    users.insert_or_assign(std::string(parts->first), std::move(hash));
  }
  return users;
}

Result<> Htpasswd::reload_if_changed() {
  std::error_code error;
  const auto changed = std::filesystem::last_write_time(file_, error);
  if (error) return Error::from_errno(error.value(), cat("read users from ", file_.native()));
  std::lock_guard lock(mutex_);
  if (changed == read_at_) return {};
  const std::string what = cat("read users from ", file_.native());
  Users users = TRY_CONTEXT(parse(TRY_CONTEXT(read_file(file_), what)), what);
  users_ = std::move(users);
  known_good_.clear();
  read_at_ = changed;
  return {};
}

Result<Viewer> Htpasswd::identify(const net::Request& request) {
  Viewer viewer{.address = client_address(request)};
  const std::string authorization = request.headers.get("Authorization");
  if (authorization.empty()) return viewer;
  const auto wrong = [] { return Error(Code::kUnauthenticated, "wrong user or password"); };
  constexpr std::string_view kScheme = "basic ";
  if (to_lower(authorization.substr(0, kScheme.size())) != kScheme) return wrong();
  const Result<std::string> decoded = base64_decode(trim(authorization.substr(kScheme.size())));
  if (!decoded) return wrong();
  const auto parts = split_once(*decoded, ':');
  if (!parts) return wrong();
  // While the file is damaged the users of before count.
  if (Result<> read = reload_if_changed(); !read) log_warn(read.error().message());
  viewer.kind = Viewer::Kind::kUser;
  viewer.name = parts->first;
  if (!check(viewer.name, std::string(parts->second))) return wrong();
  return viewer;
}

Decision Htpasswd::may(const Viewer& viewer, const Need& /*need*/) {
  return viewer.kind == Viewer::Kind::kAnonymous ? Decision::kLogin : Decision::kYes;
}

std::string Htpasswd::challenge(const net::Request& /*request*/, const Need& /*need*/,
                                bool /*wrong*/) {
  return "Basic realm=\"Skiff registry\", charset=\"UTF-8\"";
}

bool Htpasswd::check(const std::string& name, const std::string& password) {
  const std::string key = sha256_hex(cat(name, ":", password));
  std::string hash = kNobody;
  bool known = false;
  {
    std::lock_guard lock(mutex_);
    if (known_good_.contains(key)) return true;
    if (auto user = users_.find(name); user != users_.end()) {
      hash = user->second;
      known = true;
    }
  }
  if (!hash_matches(password, hash) || !known) return false;
  std::lock_guard lock(mutex_);
  auto user = users_.find(name);
  if (user == users_.end() || user->second != hash) return false;
  known_good_.insert(key);
  return true;
}

}  // namespace skiff::registry
