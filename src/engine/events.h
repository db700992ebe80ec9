// EventBus: what happened, to whom, when; live and the last 256 (engine-api.md 2.4, 24).
//
//   bus.publish({.type = "container", .action = "start", .id = id, .attributes = {...}});
//   auto s = TRY(bus.subscribe({.since = t, .filters = f}));
//   while (auto e = TRY(s->next(cancel))) send(*e);        // nullopt at `until` or at the end
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/cancellation.h"
#include "base/clock.h"
#include "engine/filters.h"

namespace skiff::engine {

struct Event {
  std::string type;    // container, image, volume, network, daemon
  std::string action;  // "start", "exec_create: sh -c x"
  std::string id;      // Actor.ID: container id, image name, volume name, network id
  std::map<std::string, std::string> attributes;
  TimePoint time;  // zero is now, when it is published
};

struct EventQuery {
  std::optional<TimePoint> since;  // past events from here on; nullopt: only new ones
  std::optional<TimePoint> until;  // the stream ends here
  Filters filters;                 // container event image label network type volume daemon scope
};

// One reader's place on the bus. Used by one thread.
class EventSubscription {
 public:
  virtual ~EventSubscription() = default;
  // The next event; nullopt when `until` has passed or the bus closed; kCancelled.
  virtual Result<std::optional<Event>> next(const CancelToken& cancel) = 0;
};

// Thread-safe. A reader that falls 4096 events behind loses the oldest.
class EventBus {
 public:
  explicit EventBus(const Clock& clock = Clock::system());
  ~EventBus();
  EventBus(const EventBus&) = delete;
  EventBus& operator=(const EventBus&) = delete;

  void publish(Event event);
  // Registered on return: nothing published later is missed. Refuses unknown filters.
  Result<std::unique_ptr<EventSubscription>> subscribe(const EventQuery& query);
  // Ends every subscription.
  void close();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace skiff::engine
