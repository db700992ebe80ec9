#include "main/registry_s3.h"

#include <sys/stat.h>

#include <cstdlib>
#include <map>

#include "base/log.h"
#include "base/strings.h"

namespace skiff {

namespace {

constexpr const char* kKey = "aws_access_key_id";
constexpr const char* kSecret = "aws_secret_access_key";
constexpr const char* kToken = "aws_session_token";

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Of the first section: "[default]", then "name = value" lines, as the AWS tools write it.
std::map<std::string, std::string> first_section(std::string_view text) {
  std::map<std::string, std::string> values;
  for (const std::string& line : split(text, '\n')) {
    const std::string_view trimmed = trim(line);
    if (trimmed.starts_with('[') && !values.empty()) break;
    if (trimmed.starts_with('#')) continue;
    if (const auto parts = split_once(trimmed, '=')) {
      values.emplace(trim(parts->first), trim(parts->second));
    }
  }
  return values;
}

Result<s3::Credentials> credentials_in(const Path& file) {
  struct stat st{};
  if (::stat(file.c_str(), &st) == 0 && (st.st_mode & 0077U) != 0) {
    log_warn(cat("--s3-credentials: ", file.native(), " can be read by others"));
  }
  auto values = first_section(TRY_CONTEXT(read_file(file), "--s3-credentials"));
  return s3::Credentials{values[kKey], values[kSecret], values[kToken]};
}

Result<s3::Credentials> credentials(const S3Flags& flags) {
  const bool in_file = !flags.credentials.empty();
  s3::Credentials keys{from_environment("AWS_ACCESS_KEY_ID"),
                       from_environment("AWS_SECRET_ACCESS_KEY"),
                       from_environment("AWS_SESSION_TOKEN")};
  if (in_file) keys = TRY(credentials_in(flags.credentials));
  if (!keys.access_key.empty() && !keys.secret_key.empty()) return keys;
  return Error(Code::kInvalidArgument,
               in_file ? cat("--s3-credentials: ", flags.credentials, " must have lines ", kKey,
                             " = ... and ", kSecret, " = ...")
                       : std::string("the S3 store's keys are missing: give --s3-credentials, or "
                                     "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"));
}

// "registry/", so that "registry" is no beginning of another's.
Result<std::string> prefix(const std::string& text) {
  const bool is_good = !text.starts_with('/') && text.find("//") == std::string::npos &&
                       text.find_first_of(" \t\n") == std::string::npos;
  if (!is_good) {
    return Error(Code::kInvalidArgument, cat("invalid value for --s3-prefix: ", quoted(text),
                                             ": as in registry/, without spaces"));
  }
  return text.empty() || text.ends_with('/') ? text : text + "/";
}

}  // namespace

Result<std::optional<registry::S3Options>> s3_options(const S3Flags& flags) {
  if (flags.endpoint.empty() && flags.bucket.empty()) {
    if (flags.prefix.empty() && flags.credentials.empty() && flags.ca.empty() &&
        !flags.virtual_host && !flags.redirect) {
      return std::optional<registry::S3Options>();
    }
    return Error(Code::kInvalidArgument, "--s3-... flags need --s3-endpoint and --s3-bucket");
  }
  if (flags.endpoint.empty() || flags.bucket.empty()) {
    return Error(Code::kInvalidArgument, "--s3-endpoint and --s3-bucket need one another");
  }
  registry::S3Options out;
  out.bucket.endpoint = flags.endpoint;
  out.bucket.bucket = flags.bucket;
  out.bucket.region = flags.region;
  out.bucket.virtual_host = flags.virtual_host;
  out.bucket.web.ca_file = flags.ca;
  out.bucket.credentials = TRY(credentials(flags));
  out.prefix = TRY(prefix(flags.prefix));
  out.redirect = flags.redirect;
  TRY(s3::Bucket::open(out.bucket));
  return std::optional(std::move(out));
}

}  // namespace skiff
