#include "db/postgres_session.h"

#include <endian.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "base/strings.h"
#include "db/attempts.h"

namespace skiff::db_detail {

namespace {

// Types of pg_type.dat; their numbers are part of the protocol.
constexpr Oid kBool = 16;
constexpr Oid kBytes = 17;
constexpr Oid kInt8 = 20;
constexpr Oid kText = 25;

// More distinct statements than any layer has; beyond it nothing more is kept.
constexpr size_t kMostPrepared = 256;

// A server that was killed is back within seconds.
constexpr std::chrono::seconds kReconnectTime{5};
constexpr std::chrono::milliseconds kReconnectPause{50};

constexpr int kTextFormat = 0;
constexpr int kBinaryFormat = 1;

// PostgreSQL, appendix A.
Code code_of(std::string_view state) {
  if (state == "23505") return Code::kAlreadyExists;
  if (state == "40001" || state == "40P01") return Code::kAborted;
  if (state == "22021" || state == "22P05") return Code::kInvalidArgument;
  if (state == "42501" || state.starts_with("28")) return Code::kPermissionDenied;
  if (state.starts_with("23")) return Code::kFailedPrecondition;
  if (state == "53300" || state == "25006") return Code::kUnavailable;
  if (state.starts_with("53")) return Code::kResourceExhausted;
  if (state.starts_with("XX00") && state != "XX000") return Code::kDataLoss;
  for (const std::string_view group : {"08", "55", "57"}) {
    if (state.starts_with(group)) return Code::kUnavailable;
  }
  return Code::kInternal;
}

class PostgresStatement : public ServerStatement {
 public:
  PostgresStatement(PostgresSession& session, std::string sql,
                    std::shared_ptr<const PostgresSql> statement)
      : session_(session),
        sql_(std::move(sql)),
        statement_(std::move(statement)),
        values_(static_cast<size_t>(statement_->parameters)) {}

  Result<> bind(int index, int64_t value) override {
    const uint64_t wire = htobe64(static_cast<uint64_t>(value));
    return put(index, kInt8, std::string(reinterpret_cast<const char*>(&wire), sizeof(wire)));
  }
  Result<> bind_text(int index, std::string_view text) override {
    return put(index, kText, std::string(text));
  }
  Result<> bind_bytes(int index, std::string_view bytes) override {
    return put(index, kBytes, std::string(bytes));
  }
  // Nulls are of texts in all of our statements; in some nothing else would tell the server.
  Result<> bind_null(int index) override { return put(index, kText, std::nullopt); }

  Result<bool> step() override {
    if (!result_) {
      result_ = TRY(session_.run(sql_, *statement_, values_));
      row_ = -1;
    }
    return ++row_ < PQntuples(result_.get());
  }

  int64_t integer(int column) const override {
    const char* text = PQgetvalue(result_.get(), row_, column);
    if (PQftype(result_.get(), column) == kBool) return *text == 't' ? 1 : 0;
    return std::strtoll(text, nullptr, 10);
  }
  std::string text(int column) const override {
    const char* text = PQgetvalue(result_.get(), row_, column);
    const auto size = static_cast<size_t>(PQgetlength(result_.get(), row_, column));
    if (PQftype(result_.get(), column) != kBytes) return {text, size};
    size_t bytes = 0;
    unsigned char* raw = PQunescapeBytea(reinterpret_cast<const unsigned char*>(text), &bytes);
    std::string out(reinterpret_cast<const char*>(raw), raw == nullptr ? 0 : bytes);
    PQfreemem(raw);
    return out;
  }
  bool is_null(int column) const override { return PQgetisnull(result_.get(), row_, column) != 0; }

 private:
  Result<> put(int index, Oid type, std::optional<std::string> bytes) {
    if (index < 1 || static_cast<size_t>(index) > values_.size()) {
      return Error(Code::kInternal, cat("bind parameter ", index, " of ", sql_, ": it has none"));
    }
    values_[static_cast<size_t>(index) - 1] = {type, std::move(bytes)};
    return {};
  }

  PostgresSession& session_;
  const std::string sql_;
  const std::shared_ptr<const PostgresSql> statement_;
  std::vector<PostgresValue> values_;
  PostgresResult result_;
  int row_ = -1;
};

}  // namespace

uint32_t PostgresSession::next_number() {
  static std::atomic<uint32_t> next = std::random_device{}();
  return next++;
}

// Without texts of the client: the message's first line names the object at fault.
Error PostgresSession::failure(const PGresult* result, std::string_view what) {
  const char* state = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* text =
      result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  std::string message = text == nullptr ? PQerrorMessage(connection_.get()) : text;
  while (message.ends_with('\n')) message.pop_back();
  Code code = state == nullptr ? Code::kUnavailable : code_of(state);
  if (!is_connected()) code = Code::kUnavailable;
  // Nothing of a transaction that did not come to its COMMIT is there.
  if (in_transaction_ && !is_connected()) code = Code::kAborted;
  refused_ = code == Code::kAborted;
  return {code, cat(what, ": ", message)};
}

Result<PostgresResult> PostgresSession::judged(PGresult* result, std::string_view what) {
  PostgresResult owned(result);
  const ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return owned;
  return failure(result, what);
}

Result<> PostgresSession::connect() {
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : parameters_) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  prepared_.clear();
  connection_.reset(PQconnectdbParams(keys.data(), values.data(), 1));
  if (!is_connected()) return failure(nullptr, "connect to the database");
  PQsetNoticeProcessor(connection_.get(), [](void*, const char*) {}, nullptr);
  TRY(judged(PQexec(connection_.get(), setup_.c_str()), "set up the database session"));
  return {};
}

Result<> PostgresSession::reconnect() {
  const auto end = std::chrono::steady_clock::now() + kReconnectTime;
  for (;;) {
    Result<> connected = connect();
    if (connected || connected.error().code() != Code::kUnavailable) return connected;
    if (std::chrono::steady_clock::now() > end) return connected;
    std::this_thread::sleep_for(kReconnectPause);
  }
}

Result<PostgresResult> PostgresSession::run(const std::string& sql, const PostgresSql& statement,
                                            const std::vector<PostgresValue>& values) {
  if (in_transaction_ && !is_connected()) return failure(nullptr, sql);
  if (!is_connected()) TRY(reconnect());
  Result<PostgresResult> result = run_alone_or_once(sql, statement, values);
  const bool reads = sql.starts_with("SELECT") || sql.starts_with("WITH");
  if (result || in_transaction_ || is_connected() || !reads) return result;
  TRY(reconnect());
  return try_run(sql, statement, values);
}

// Outside of a transaction a statement is one of its own, and can be refused like any.
Result<PostgresResult> PostgresSession::run_alone_or_once(
    const std::string& sql, const PostgresSql& statement,
    const std::vector<PostgresValue>& values) {
  for (int attempts = 1;; ++attempts) {
    if (!in_transaction_) refused_ = false;
    Result<PostgresResult> result = try_run(sql, statement, values);
    if (result || in_transaction_ || !refused_ || attempts == kMostAttempts) return result;
    wait_before_attempt(attempts);
  }
}

Result<PostgresResult> PostgresSession::try_run(const std::string& sql,
                                                const PostgresSql& statement,
                                                const std::vector<PostgresValue>& values) {
  const std::string name = TRY(prepared(sql, statement, values));
  std::vector<const char*> data;
  std::vector<int> sizes;
  for (const PostgresValue& value : values) {
    data.push_back(value.bytes ? value.bytes->data() : nullptr);
    sizes.push_back(value.bytes ? static_cast<int>(value.bytes->size()) : 0);
  }
  const std::vector<int> formats(values.size(), kBinaryFormat);
  PostgresResult result =
      TRY(judged(PQexecPrepared(connection_.get(), name.c_str(), static_cast<int>(values.size()),
                                data.data(), sizes.data(), formats.data(), kTextFormat),
                 sql));
  changes_ = std::strtoll(PQcmdTuples(result.get()), nullptr, 10);
  return result;
}

// The name of the statement for values of these types; "" for one that is not kept.
Result<std::string> PostgresSession::prepared(const std::string& sql, const PostgresSql& statement,
                                              const std::vector<PostgresValue>& values) {
  std::string key = sql;
  std::vector<Oid> types;
  for (const PostgresValue& value : values) {
    types.push_back(value.type);
    key += cat(" ", value.type);
  }
  if (const auto found = prepared_.find(key); found != prepared_.end()) return found->second;
  const bool kept = prepared_.size() < kMostPrepared;
  std::string name = kept ? cat("s", prepared_.size()) : "";
  TRY(judged(PQprepare(connection_.get(), name.c_str(), statement.text.c_str(),
                       static_cast<int>(types.size()), types.data()),
             sql));
  if (kept) prepared_.emplace(std::move(key), name);
  return name;
}

Result<std::unique_ptr<ServerStatement>> PostgresSession::prepare(std::string_view sql) {
  std::string text(sql);
  std::shared_ptr<const PostgresSql>& statement = translated_[text];
  if (!statement) statement = std::make_shared<const PostgresSql>(postgres_statement(text));
  return std::make_unique<PostgresStatement>(*this, std::move(text), statement);
}

Result<> PostgresSession::execute(const std::string& script) {
  if (!in_transaction_ && !is_connected()) TRY(reconnect());
  TRY(judged(PQexec(connection_.get(), postgres_script(script).c_str()), script));
  return {};
}

Result<> PostgresSession::begin() {
  refused_ = false;
  const bool was_connected = is_connected();
  if (!was_connected) TRY(reconnect());
  Result<PostgresResult> begun = judged(PQexec(connection_.get(), "BEGIN"), "BEGIN");
  if (!begun && !is_connected() && was_connected) {
    // It was lost while nobody used it.
    TRY(reconnect());
    begun = judged(PQexec(connection_.get(), "BEGIN"), "BEGIN");
  }
  if (!begun) return std::move(begun.error());
  in_transaction_ = true;
  return {};
}

Result<> PostgresSession::commit() {
  if (!is_connected()) {
    Error lost = failure(nullptr, "COMMIT");
    in_transaction_ = false;
    return lost;
  }
  in_transaction_ = false;
  const PostgresResult done = TRY(judged(PQexec(connection_.get(), "COMMIT"), "COMMIT"));
  if (std::string_view(PQcmdStatus(done.get())) == "COMMIT") return {};
  return Error(Code::kInternal, "COMMIT: a statement of the transaction had failed");
}

void PostgresSession::roll_back() {
  in_transaction_ = false;
  if (is_connected()) PostgresResult(PQexec(connection_.get(), "ROLLBACK"));
}

}  // namespace skiff::db_detail
