#include "access/certificates.h"

#include <algorithm>
#include <array>
#include <utility>

#include "access/accounts.h"
#include "base/strings.h"

namespace skiff::access {

namespace {

constexpr size_t kKeyDigits = 64;
constexpr size_t kMostValue = 1024;

constexpr std::array<std::pair<std::string_view, MarkKind>, 3> kMarkKinds = {{
    {"key", MarkKind::kKey},
    {"name", MarkKind::kName},
    {"subject", MarkKind::kSubject},
}};

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

bool is_name(const std::string& value) {
  const auto parts = split_once(value, ':');
  return parts && !parts->second.empty() &&
         (parts->first == "DNS" || parts->first == "email" || parts->first == "URI");
}

Result<> check_value(MarkKind kind, const std::string& value) {
  if (value.empty() || value.size() > kMostValue || value.find('\0') != std::string::npos) {
    return Error(Code::kInvalidArgument, "a mark of a certificate has 1 to 1024 bytes");
  }
  if (kind == MarkKind::kKey &&
      (value.size() != kKeyDigits || !std::ranges::all_of(value, is_hex))) {
    return Error(Code::kInvalidArgument,
                 cat("invalid key ", quoted(value),
                     ": the SHA-256 of a public key in 64 small hexadecimal digits"));
  }
  if (kind == MarkKind::kName && !is_name(value)) {
    return Error(Code::kInvalidArgument,
                 cat("invalid name ", quoted(value), ": DNS:NAME, email:ADDRESS or URI:TEXT"));
  }
  return {};
}

}  // namespace

std::string_view mark_name(MarkKind kind) {
  for (const auto& [text, value] : kMarkKinds) {
    if (value == kind) return text;
  }
  return "";
}

Result<MarkKind> mark_named(std::string_view name) {
  for (const auto& [text, value] : kMarkKinds) {
    if (text == name) return value;
  }
  return Error(Code::kInvalidArgument,
               cat("invalid mark ", quoted(name), ": choose key, name or subject"));
}

Result<> add_mark(Store& store, const std::string& account, MarkKind kind,
                  const std::string& value) {
  TRY(check_value(kind, value));
  Transaction tx = TRY(store.db().begin());
  const Account found = TRY(find_account(store, account));
  const Result<int64_t> added =
      store.db().run("INSERT INTO certificate(kind, value, account, created) VALUES (?,?,?,?)",
                     mark_name(kind), value, found.id, unix_nanos(store.now()));
  if (!added && added.error().code() == Code::kAlreadyExists) {
    return Error(Code::kAlreadyExists,
                 cat(mark_name(kind), " ", value, " is an account's already"));
  }
  if (!added) return added.error();
  return tx.commit();
}

Result<> remove_mark(Store& store, MarkKind kind, const std::string& value) {
  const int64_t removed = TRY(store.db().run("DELETE FROM certificate WHERE kind = ? AND value = ?",
                                             mark_name(kind), value));
  if (removed > 0) return {};
  return Error(Code::kNotFound, cat("no account is known by ", mark_name(kind), " ", value));
}

Result<std::vector<Mark>> list_marks(Store& store) {
  Statement row =
      TRY(store.db().prepare("SELECT certificate.kind, value, account, name FROM certificate"
                             " JOIN account ON account.id = certificate.account"
                             " ORDER BY name, certificate.kind, value"));
  std::vector<Mark> marks;
  while (TRY(row.step())) {
    const MarkKind kind = TRY(mark_named(row.text(0)));
    marks.push_back({kind, row.text(1), row.integer(2), row.text(3)});
  }
  return marks;
}

}  // namespace skiff::access
