#include "content/blob_tickets.h"

#include "base/random.h"

namespace skiff::content {

BlobTickets::Ticket BlobTickets::issue(ContentStore& store, const oci::Digest& digest) {
  constexpr size_t kDigits = 32;  // nobody guesses 128 bits
  std::string word = random_hex(kDigits);
  const std::scoped_lock lock(mutex_);
  issued_.emplace(word, Issued{.store = store, .digest = digest});
  return {*this, std::move(word)};
}

ContentStore* BlobTickets::redeem(const std::string& word, const oci::Digest& digest) {
  const std::scoped_lock lock(mutex_);
  const auto issued = issued_.extract(word);
  if (!issued || issued.mapped().digest != digest) return nullptr;
  return &issued.mapped().store;
}

bool BlobTickets::knows(const std::string& word) {
  const std::scoped_lock lock(mutex_);
  return issued_.contains(word);
}

void BlobTickets::withdraw(const std::string& word) {
  const std::scoped_lock lock(mutex_);
  issued_.erase(word);
}

}  // namespace skiff::content
