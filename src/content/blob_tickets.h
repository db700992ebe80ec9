// BlobTickets: the right to share a blob's file, on its way through a request.
//
// Two content stores of one process can share a blob as one file (ContentStore::link_from). Where
// one of them is asked over HTTP, knowing a digest must be no right to its bytes: so the client's
// side issues a ticket, sends its word with an otherwise ordinary request, and the server redeems
// it once that request is allowed.
//
//   const auto ticket = tickets.issue(store, digest);                   // the client
//   request.headers.set(oci::kTicketField, ticket.word());
//   if (ContentStore* peer = tickets.redeem(word, digest)) ...          // the server
//
// Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "content/content_store.h"

namespace skiff::content {

class BlobTickets {
 public:
  // Void once it is redeemed or destroyed.
  class Ticket {
   public:
    Ticket(Ticket&& other) noexcept
        : issuer_(other.issuer_), word_(std::exchange(other.word_, {})) {}
    Ticket& operator=(Ticket&&) = delete;
    ~Ticket() { issuer_.withdraw(word_); }
    const std::string& word() const { return word_; }
    bool is_redeemed() const { return !issuer_.knows(word_); }

   private:
    friend class BlobTickets;
    Ticket(BlobTickets& issuer, std::string word) : issuer_(issuer), word_(std::move(word)) {}
    BlobTickets& issuer_;
    std::string word_;
  };

  // `store` must outlive the tickets and all that redeem them.
  Ticket issue(ContentStore& store, const oci::Digest& digest);
  // The store that the ticket was issued for; nullptr where it is void or of another blob. The
  // ticket is void afterwards.
  ContentStore* redeem(const std::string& word, const oci::Digest& digest);

 private:
  struct Issued {
    ContentStore& store;
    oci::Digest digest;
  };
  bool knows(const std::string& word);
  void withdraw(const std::string& word);

  std::mutex mutex_;
  std::map<std::string, Issued> issued_;
};

}  // namespace skiff::content
