#include "api/build_preface.h"

#include "base/strings.h"
#include "codec/base64.h"
#include "codec/json.h"

namespace skiff::api {

namespace {

constexpr uint64_t kMostObject = uint64_t{64} << 20U;

Error invalid(std::string message) { return Error(Code::kInvalidArgument, std::move(message)); }

Error cut_off() { return invalid("the build's body ends too soon"); }

}  // namespace

// A line of its own.
Result<uint64_t> BuildPreface::read_number(int base) {
  constexpr size_t kMostDigits = 16;
  std::string digits;
  for (char c = 0; digits.size() <= kMostDigits; digits.push_back(c)) {
    if (TRY(body_.read({&c, 1})) == 0) return cut_off();
    if (c == '\n') break;
  }
  const auto number = parse_uint(digits, base);
  if (number) return *number;
  return invalid(cat("the build's body: ", skiff::quoted(digits), " is no length"));
}

Result<size_t> BuildPreface::Part::read(std::span<char> buffer) {
  if (number_ < whole_.current_ || buffer.empty()) return size_t{0};
  if (number_ > whole_.current_) return invalid("the parts of the build's body are out of order");
  constexpr int kHex = 16;
  if (left_ == 0) left_ = TRY(whole_.read_number(kHex));
  if (left_ == 0) {
    ++whole_.current_;
    return size_t{0};
  }
  const size_t most = std::min<uint64_t>(left_, buffer.size());
  const size_t n = TRY(whole_.body_.read(buffer.first(most)));
  if (n == 0) return cut_off();
  left_ -= n;
  return n;
}

Source* BuildPreface::next_part() {
  parts_.emplace_back(*this, parts_.size());
  return &parts_.back();
}

Result<builder::NamedContext> BuildPreface::read_context(const json::Value& value) {
  if (!value.string("image").empty()) return builder::ImageContext{value.string("image")};
  if (!value.string("url").empty()) return builder::RemoteContext{value.string("url")};
  if (value.find("files") != nullptr) return builder::LocalFiles{.tar = next_part()};
  if (value.find("layout") == nullptr) return invalid("it is of no known kind");
  return builder::LayoutContext{{.tar = next_part()}, value.string("reference")};
}

Result<> BuildPreface::read(builder::BuildRequest& request) {
  constexpr int kDecimal = 10;
  const uint64_t length = TRY(read_number(kDecimal));
  if (length > kMostObject) return invalid("secrets and options of the build are too large");
  std::string text(length, '\0');
  if (TRY(read_full(body_, text)) != length) return cut_off();
  const json::Value all = TRY_CONTEXT(json::parse(text), "the build's body");
  if (const json::Value* secrets = all.find("secrets")) {
    for (const auto& [id, secret] : secrets->as_object()) {
      request.secrets[id] = TRY_CONTEXT(base64_decode(secret.as_string()), cat("secret ", id));
    }
  }
  if (const json::Value* agents = all.find("ssh")) {
    for (const auto& [id, socket] : agents->as_object()) {
      request.ssh_agents[id] = socket.as_string();
    }
  }
  if (const json::Value* allowed = all.find("allow")) {
    for (const json::Value& one : allowed->as_array()) request.entitlements.insert(one.as_string());
  }
  if (const json::Value* dockerfile = all.find("dockerfile")) {
    request.dockerfile_text = dockerfile->as_string();
  }
  if (const json::Value* contexts = all.find("contexts")) {
    std::map<std::string, const json::Value*> sorted;
    for (const auto& [name, context] : contexts->as_object()) sorted[std::string(name)] = &context;
    for (const auto& [name, context] : sorted) {
      request.named_contexts[name] =
          TRY_CONTEXT(read_context(*context), cat("build context ", name));
    }
  }
  request.context_tar = next_part();
  return {};
}

}  // namespace skiff::api
