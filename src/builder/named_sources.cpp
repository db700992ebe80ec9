#include "builder/named_sources.h"

#include "base/strings.h"
#include "builder/context.h"
#include "builder/untar.h"

namespace skiff::builder {

namespace {

constexpr std::string_view kLayout = "oci-layout://";
constexpr std::string_view kResult = "build-result://";

// "" where it is none. Images of layouts and results have names that no image has.
std::string image_of(const std::string& key, const NamedContext& context) {
  if (const auto* named = std::get_if<ImageContext>(&context)) return named->image;
  if (std::holds_alternative<ResultContext>(context)) return cat(kResult, key);
  return std::holds_alternative<LayoutContext>(context) ? cat(kLayout, key) : "";
}

}  // namespace

Result<> NamedSources::settle(LocalFiles& files, const CancelToken& cancel) {
  if (files.tar == nullptr) return {};
  unpacked_.push_back(TRY(TempDir::make(scratch_, "context-")));
  files.directory = unpacked_.back().path();
  const sys::RootDir root = TRY(sys::RootDir::open(files.directory));
  return untar(*std::exchange(files.tar, nullptr), root, "", {}, cancel);
}

Result<NamedContexts> NamedSources::names_of(const BuildRequest& request) {
  NamedContexts out;
  for (const auto& [name, context] : request.named_contexts) {
    const std::string key = TRY(normal_context_name(name));
    out[key] = image_of(key, context);
  }
  return out;
}

Result<std::unique_ptr<NamedSources>> NamedSources::open(const BuildRequest& request,
                                                         const Path& scratch, StatCache& stats,
                                                         const CancelToken& cancel) {
  std::unique_ptr<NamedSources> out(new NamedSources(request, scratch, stats));
  for (const auto& [name, context] : request.named_contexts) {
    TRY_CONTEXT(out->add(name, context, cancel), cat("build context ", name));
  }
  return out;
}

Result<> NamedSources::add(const std::string& name, NamedContext context,
                           const CancelToken& cancel) {
  const std::string key = TRY(normal_context_name(name));
  if (auto* files = std::get_if<LocalFiles>(&context)) TRY(settle(*files, cancel));
  if (auto* layout = std::get_if<LayoutContext>(&context)) TRY(settle(layout->layout, cancel));
  names_[key] = image_of(key, context);
  entries_[key].what = std::move(context);
  return {};
}

const LayoutContext* NamedSources::layout(const std::string& image) const {
  if (!image.starts_with(kLayout)) return nullptr;
  const auto found = entries_.find(image.substr(kLayout.size()));
  return found == entries_.end() ? nullptr : std::get_if<LayoutContext>(&found->second.what);
}

const ResultContext* NamedSources::result(const std::string& image) const {
  if (!image.starts_with(kResult)) return nullptr;
  const auto found = entries_.find(image.substr(kResult.size()));
  return found == entries_.end() ? nullptr : std::get_if<ResultContext>(&found->second.what);
}

Result<> NamedSources::fetch(Entry& entry, const CancelToken& cancel) {
  if (entry.fetched) return {};
  const std::string& url = std::get<RemoteContext>(entry.what).url;
  entry.fetched = TRY(fetch_context(url, request_, scratch_, cancel));
  return {};
}

Result<std::optional<TimePoint>> NamedSources::time(const std::string& name,
                                                    const CancelToken& cancel) {
  Entry& entry = entries_.at(name);
  if (!std::holds_alternative<RemoteContext>(entry.what)) return std::optional<TimePoint>();
  const std::scoped_lock lock(entry.mutex);
  TRY_CONTEXT(fetch(entry, cancel), cat("build context ", name));
  return entry.fetched->time;
}

Result<> NamedSources::open_tree(Entry& entry, const CancelToken& cancel) {
  SourceTree::Options options;
  Path directory;
  if (const auto* files = std::get_if<LocalFiles>(&entry.what)) {
    directory = files->directory;
    options.changing = !files->is_still;
    if (files->is_still) options.stats = &stats_;
  } else {
    TRY(fetch(entry, cancel));
    directory = entry.fetched->directory;
    options.times = entry.fetched->times();
  }
  sys::RootDir root = TRY(sys::RootDir::open(directory));
  if (!entry.fetched) options.ignore = TRY(read_ignore(root, {".dockerignore"}));
  entry.tree = std::make_unique<SourceTree>(std::move(root), std::move(options));
  return {};
}

Result<SourceTree*> NamedSources::tree(const std::string& name, const CancelToken& cancel) {
  Entry& entry = entries_.at(name);
  const std::scoped_lock lock(entry.mutex);
  if (!entry.tree) TRY_CONTEXT(open_tree(entry, cancel), cat("build context ", name));
  return entry.tree.get();
}

}  // namespace skiff::builder
