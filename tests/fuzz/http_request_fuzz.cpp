// Any bytes as HTTP/1.1 requests: messages or an error, and the same ones however the bytes
// are cut into pieces (a difference would be a way to smuggle requests).
#include <algorithm>
#include <cstdlib>

#include "base/strings.h"
#include "net/message_reader.h"

namespace {

class Pieces : public skiff::Source {
 public:
  Pieces(std::string_view bytes, size_t piece) : rest_(bytes), piece_(piece) {}
  skiff::Result<size_t> read(std::span<char> buffer) override {
    const size_t n = std::min({buffer.size(), rest_.size(), piece_});
    std::copy_n(rest_.data(), n, buffer.data());
    rest_.remove_prefix(n);
    return n;
  }

 private:
  std::string_view rest_;
  size_t piece_;
};

std::string read_messages(std::string_view bytes, size_t piece) {
  using skiff::cat;
  Pieces stream(bytes, piece);
  skiff::net::MessageReader in(skiff::net::MessageReader::Role::kRequests);
  std::string seen;
  for (;;) {
    auto head = in.read_head(stream);
    // Which error may depend on the pieces: cut off, or malformed as far as it came.
    if (!head) return seen + "error";
    if (!*head) return seen + "end";
    seen += cat((*head)->method, " ", (*head)->target, " ", (*head)->version, "\n");
    for (const auto& [name, value] : (*head)->headers) seen += cat(name, ": ", value, "\n");
    if ((*head)->version == 20) return seen + "HTTP/2";
    std::string body;
    char buffer[700];
    for (;;) {
      auto n = in.read_body(stream, buffer);
      if (!n) return seen + "error";
      if (*n == 0) break;
      body.append(buffer, *n);
    }
    seen += body;
    if (!in.body_finished()) std::abort();
    if (!(*head)->keep_alive) return seen + "close";
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const char* data, size_t size) {
  const std::string_view bytes(data, size);
  if (read_messages(bytes, size + 1) != read_messages(bytes, 1)) std::abort();
  return 0;
}
