// NamedSources: what the named contexts of a build are made of: trees of files, and layouts of
// images. What is remote is fetched when a step first wants it. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "builder/builder.h"
#include "builder/remote_context.h"
#include "builder/source_tree.h"
#include "builder/vocabulary.h"
#include "dockerfile/named_context.h"

namespace skiff::builder {

class NamedSources {
 public:
  // `stats` remembers files of directories that are still.
  static Result<std::unique_ptr<NamedSources>> open(const BuildRequest& request,
                                                    const Path& scratch, StatCache& stats,
                                                    const CancelToken& cancel);
  NamedSources(const NamedSources&) = delete;
  NamedSources& operator=(const NamedSources&) = delete;

  // `request` must outlive it.
  // For the plan.
  static Result<NamedContexts> names_of(const BuildRequest& request);
  const NamedContexts& names() const { return names_; }
  Result<SourceTree*> tree(const std::string& name, const CancelToken& cancel);
  // Of what is fetched: the time of its commit, else as the server says, or that of the archive.
  Result<std::optional<TimePoint>> time(const std::string& name, const CancelToken& cancel);
  // The layout of such an image, with its directory; null for the name of any other image.
  const LayoutContext* layout(const std::string& image) const;
  // The same of another build's result.
  const ResultContext* result(const std::string& image) const;

 private:
  struct Entry {
    NamedContext what;
    std::mutex mutex;  // of what follows
    std::optional<FetchedContext> fetched;
    std::unique_ptr<SourceTree> tree;
  };
  NamedSources(const BuildRequest& request, Path scratch, StatCache& stats)
      : request_(request), scratch_(std::move(scratch)), stats_(stats) {}
  Result<> add(const std::string& name, NamedContext context, const CancelToken& cancel);
  // Where they are on this machine.
  Result<> settle(LocalFiles& files, const CancelToken& cancel);
  Result<> fetch(Entry& entry, const CancelToken& cancel);
  Result<> open_tree(Entry& entry, const CancelToken& cancel);

  const BuildRequest& request_;
  Path scratch_;
  StatCache& stats_;
  NamedContexts names_;
  std::vector<TempDir> unpacked_;
  std::map<std::string, Entry> entries_;
};

}  // namespace skiff::builder
