#include "builder/named_sources.h"

#include "base/strings.h"
#include "builder/context.h"
#include "builder/untar.h"

namespace skiff::builder {

namespace {

constexpr std::string_view kLayout = "oci-layout://";

}  // namespace

Result<> NamedSources::settle(LocalFiles& files, const CancelToken& cancel) {
  if (files.tar == nullptr) return {};
  unpacked_.push_back(TRY(TempDir::make(scratch_, "context-")));
  files.directory = unpacked_.back().path();
  const sys::RootDir root = TRY(sys::RootDir::open(files.directory));
  return untar(*std::exchange(files.tar, nullptr), root, "", {}, cancel);
}

Result<std::unique_ptr<NamedSources>> NamedSources::open(const BuildRequest& request,
                                                         const Path& scratch,
                                                         const CancelToken& cancel) {
  std::unique_ptr<NamedSources> out(new NamedSources(request, scratch));
  for (const auto& [name, context] : request.named_contexts) {
    TRY_CONTEXT(out->add(name, context, cancel), cat("build context ", name));
  }
  return out;
}

Result<> NamedSources::add(const std::string& name, NamedContext context,
                           const CancelToken& cancel) {
  const std::string key = TRY(normal_context_name(name));
  std::string image;
  if (auto* files = std::get_if<LocalFiles>(&context)) TRY(settle(*files, cancel));
  if (const auto* named = std::get_if<ImageContext>(&context)) image = named->image;
  if (auto* layout = std::get_if<LayoutContext>(&context)) {
    TRY(settle(layout->layout, cancel));
    image = cat(kLayout, key);
  }
  names_[key] = std::move(image);
  entries_[key].what = std::move(context);
  return {};
}

const LayoutContext* NamedSources::layout(const std::string& image) const {
  if (!image.starts_with(kLayout)) return nullptr;
  const auto found = entries_.find(image.substr(kLayout.size()));
  return found == entries_.end() ? nullptr : std::get_if<LayoutContext>(&found->second.what);
}

Result<> NamedSources::open_tree(Entry& entry, const CancelToken& cancel) {
  SourceTree::Options options;
  Path directory;
  if (const auto* files = std::get_if<LocalFiles>(&entry.what)) {
    directory = files->directory;
    options.changing = true;
  } else {
    const std::string& url = std::get<RemoteContext>(entry.what).url;
    entry.fetched = TRY(fetch_context(url, request_, scratch_, cancel));
    if (entry.fetched->text) {
      return Error(Code::kInvalidArgument, cat(url, ": it is neither a repository nor an archive"));
    }
    directory = entry.fetched->directory;
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
