#include "engine/events.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <mutex>
#include <vector>

#include "base/strings.h"
#include "base/unique_fd.h"

namespace skiff::engine {

namespace {

constexpr size_t kRing = 256;
constexpr size_t kBacklog = 4096;

// The action without its payload: "exec_create: sh" is "exec_create".
std::string_view bare_action(const Event& event) {
  return std::string_view(event.action).substr(0, event.action.find(':'));
}

std::string attribute(const Event& event, const std::string& key) {
  auto found = event.attributes.find(key);
  return found == event.attributes.end() ? "" : found->second;
}

// A name, an id, or an id's prefix of at least one digit.
bool names_object(const std::string& wanted, const std::string& id, const std::string& name) {
  return wanted == name || cat("/", name) == wanted || (!wanted.empty() && id.starts_with(wanted));
}

bool any_matches(const Filters& filters, const std::string& key,
                 const std::function<bool(const std::string&)>& match) {
  const auto& values = filter_values(filters, key);
  return values.empty() || std::any_of(values.begin(), values.end(), match);
}

// The filter named after an object type passes only events of that type about that object.
bool object_matches(const Filters& filters, const std::string& type, const Event& event) {
  return any_matches(filters, type, [&](const std::string& wanted) {
    return event.type == type && names_object(wanted, event.id, attribute(event, "name"));
  });
}

bool image_matches(const Filters& filters, const Event& event) {
  return any_matches(filters, "image", [&](const std::string& wanted) {
    std::string image = event.type == "image" ? event.id : attribute(event, "image");
    std::string name = event.type == "image" ? attribute(event, "name") : image;
    auto without_tag = [](const std::string& s) { return s.substr(0, s.rfind(':')); };
    return wanted == image || wanted == name || wanted == without_tag(name);
  });
}

bool event_matches(const Filters& filters, const Event& event) {
  bool action = any_matches(filters, "event", [&](const std::string& wanted) {
    return wanted == event.action || wanted == bare_action(event);
  });
  bool type =
      any_matches(filters, "type", [&](const std::string& wanted) { return wanted == event.type; });
  bool scope =
      any_matches(filters, "scope", [](const std::string& wanted) { return wanted == "local"; });
  return action && type && scope && labels_match(filters, event.attributes) &&
         object_matches(filters, "container", event) && object_matches(filters, "volume", event) &&
         object_matches(filters, "network", event) && object_matches(filters, "daemon", event) &&
         image_matches(filters, event);
}

}  // namespace

struct EventBus::Impl {
  struct Subscriber {
    Filters filters;
    std::deque<Event> queue;
    UniqueFd wake{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    void signal() const { (void)::eventfd_write(wake.get(), 1); }
  };
  class Subscription;

  explicit Impl(const Clock& the_clock) : clock(the_clock) {}

  const Clock& clock;
  std::mutex mutex;
  bool closed = false;
  std::deque<Event> ring;
  std::vector<std::shared_ptr<Subscriber>> subscribers;
};

class EventBus::Impl::Subscription : public EventSubscription {
 public:
  Subscription(std::shared_ptr<Impl> bus, std::shared_ptr<Subscriber> me,
               std::optional<TimePoint> until)
      : bus_(std::move(bus)), me_(std::move(me)), until_(until) {}
  ~Subscription() override {
    std::lock_guard lock(bus_->mutex);
    std::erase(bus_->subscribers, me_);
  }

  Result<std::optional<Event>> next(const CancelToken& cancel) override {
    for (;;) {
      bool over = false;
      if (auto event = take(over)) {
        if (until_ && event->time > *until_) return std::optional<Event>();
        return event;
      }
      auto left = until_ ? *until_ - bus_->clock.now() : std::chrono::nanoseconds::max();
      if (over || left.count() <= 0) return std::optional<Event>();
      TRY(cancel.check());
      constexpr int64_t kLongestMs = 60'000;
      int64_t ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
      pollfd fds[] = {{me_->wake.get(), POLLIN, 0}, {cancel.fd(), POLLIN, 0}};
      ::poll(fds, 2, static_cast<int>(std::min(ms, kLongestMs)));
      eventfd_t count = 0;
      (void)::eventfd_read(me_->wake.get(), &count);
    }
  }

 private:
  std::optional<Event> take(bool& over) {
    std::lock_guard lock(bus_->mutex);
    over = bus_->closed;
    if (me_->queue.empty()) return std::nullopt;
    Event event = std::move(me_->queue.front());
    me_->queue.pop_front();
    return event;
  }

  std::shared_ptr<Impl> bus_;
  std::shared_ptr<Subscriber> me_;
  std::optional<TimePoint> until_;
};

EventBus::EventBus(const Clock& clock) : impl_(std::make_shared<Impl>(clock)) {}
EventBus::~EventBus() { close(); }

void EventBus::publish(Event event) {
  if (event.time == TimePoint()) event.time = impl_->clock.now();
  std::lock_guard lock(impl_->mutex);
  for (const auto& subscriber : impl_->subscribers) {
    if (!event_matches(subscriber->filters, event)) continue;
    if (subscriber->queue.size() >= kBacklog) subscriber->queue.pop_front();
    subscriber->queue.push_back(event);
    subscriber->signal();
  }
  if (impl_->ring.size() >= kRing) impl_->ring.pop_front();
  impl_->ring.push_back(std::move(event));
}

Result<std::unique_ptr<EventSubscription>> EventBus::subscribe(const EventQuery& query) {
  TRY(check_filters(query.filters,
                    {"container", "event", "image", "label", "network", "type", "volume", "daemon",
                     "scope", "plugin", "node", "service", "secret", "config"}));
  auto subscriber = std::make_shared<Impl::Subscriber>();
  subscriber->filters = query.filters;
  {
    std::lock_guard lock(impl_->mutex);
    for (const Event& event : impl_->ring) {
      if (query.since && event.time >= *query.since && event_matches(query.filters, event)) {
        subscriber->queue.push_back(event);
      }
    }
    if (!impl_->closed) impl_->subscribers.push_back(subscriber);
  }
  return std::make_unique<Impl::Subscription>(impl_, std::move(subscriber), query.until);
}

void EventBus::close() {
  std::lock_guard lock(impl_->mutex);
  impl_->closed = true;
  for (const auto& subscriber : impl_->subscribers) subscriber->signal();
}

}  // namespace skiff::engine
