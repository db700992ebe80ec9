#include "registry/htpasswd.h"

#include "base/log.h"
#include "base/strings.h"
#include "registry/credentials.h"

namespace skiff::registry {

Result<std::unique_ptr<Htpasswd>> Htpasswd::open(const Path& file,
                                                 std::unique_ptr<access::Guesses> guesses,
                                                 AuditWriter* audit) {
  std::unique_ptr<Htpasswd> users(new Htpasswd(file, std::move(guesses), audit));
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
  read_at_ = changed;
  return {};
}

Result<Viewer> Htpasswd::identify(const net::Request& request) {
  Viewer viewer{.address = client_address(request)};
  const std::string authorization = request.headers.get("Authorization");
  if (authorization.empty()) return viewer;
  const auto wrong = [] { return Error(Code::kUnauthenticated, "wrong user or password"); };
  const Credentials shown = parse_credentials(authorization);
  const auto* basic = std::get_if<BasicCredentials>(&shown);
  if (basic == nullptr) return wrong();
  // While the file is damaged the users of before count.
  if (Result<> read = reload_if_changed(); !read) log_warn(read.error().message());
  viewer.kind = Viewer::Kind::kUser;
  viewer.name = basic->name;
  Result<bool> right = is_right(basic->name, basic->password, viewer.address);
  if (right && !*right) right = wrong();
  if (audit_ != nullptr) audit_->note_login({basic->name, viewer.address, ""}, right);
  if (!right) return right.error();
  return viewer;
}

bool Htpasswd::knows(const std::string& authorization) {
  const Credentials credentials = parse_credentials(authorization);
  const auto* basic = std::get_if<BasicCredentials>(&credentials);
  if (basic == nullptr) return true;
  if (!reload_if_changed()) return false;
  const std::optional<std::string> hash = hash_of(basic->name);
  return hash && passwords_.remembers(basic->name, basic->password, *hash);
}

Result<bool> Htpasswd::is_right(const std::string& name, const std::string& password,
                                const std::string& address) {
  const std::optional<std::string> hash = hash_of(name);
  const std::string stand_in = any_hash();
  if (guesses_ == nullptr) return passwords_.check(name, password, hash, stand_in);
  return access::check_password(passwords_, *guesses_, {name, password, hash, address, stand_in});
}

Result<Decision> Htpasswd::may(const Viewer& viewer, const Need& /*need*/) {
  return viewer.kind == Viewer::Kind::kAnonymous ? Decision::kLogin : Decision::kYes;
}

std::string Htpasswd::challenge(const net::Request& /*request*/, const Need& /*need*/,
                                bool /*wrong*/) {
  return "Basic realm=\"Skiff registry\", charset=\"UTF-8\"";
}

// Of whatever kind and cost: the time of a check must not tell who is in the file.
std::string Htpasswd::any_hash() {
  std::lock_guard lock(mutex_);
  return users_.empty() ? "" : users_.begin()->second;
}

std::optional<std::string> Htpasswd::hash_of(const std::string& name) {
  std::lock_guard lock(mutex_);
  const auto user = users_.find(name);
  return user == users_.end() ? std::nullopt : std::optional(user->second);
}

}  // namespace skiff::registry
