// Htpasswd: the users who may use the registry, from a file of "name:hash" lines as
// `htpasswd -B` writes it. Hashes are crypt(3)'s: bcrypt, SHA-512, SHA-256, yescrypt.
//
// The file is read again when it changes. All its users may do anything, others nothing.
// Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "access/guesses.h"
#include "access/passwords.h"
#include "base/file.h"
#include "registry/access.h"
#include "registry/audit_writer.h"

namespace skiff::registry {

class Htpasswd : public Authorizer {
 public:
  // Refuses a file that is unreadable or malformed, naming the line. Wrong passwords are counted in
  // `guesses`, where it is given; who failed to log in is told to `audit`.
  static Result<std::unique_ptr<Htpasswd>> open(const Path& file,
                                                std::unique_ptr<access::Guesses> guesses = nullptr,
                                                AuditWriter* audit = nullptr);

  Result<Viewer> identify(const net::Request& request) override;
  bool knows(const std::string& authorization) override;
  Result<Decision> may(const Viewer& viewer, const Need& need) override;
  std::string challenge(const net::Request& request, const Need& need, bool wrong) override;

 private:
  using Users = std::map<std::string, std::string>;
  Htpasswd(Path file, std::unique_ptr<access::Guesses> guesses, AuditWriter* audit)
      : file_(std::move(file)), guesses_(std::move(guesses)), audit_(audit) {}
  static Result<Users> parse(const std::string& text);
  Result<> reload_if_changed();
  Result<bool> is_right(const std::string& name, const std::string& password,
                        const std::string& address);
  std::string any_hash();
  std::optional<std::string> hash_of(const std::string& name);

  Path file_;
  access::PasswordChecker passwords_;
  std::unique_ptr<access::Guesses> guesses_;
  AuditWriter* audit_;
  std::mutex mutex_;  // guards what follows
  std::filesystem::file_time_type read_at_;
  Users users_;
};

}  // namespace skiff::registry
