#include "builder/step_mounts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strings.h"
#include "builder/asked_of_caller.h"
#include "builder/copier.h"
#include "builder/planned_step.h"
#include "dockerfile/config_words.h"

namespace skiff::builder {

namespace {

bool is_from_build(const PlannedMount& mount) { return mount.from_stage || mount.from_image; }

bool has_files(const PlannedMount& mount) {
  return is_from_build(mount) || !mount.from_context.empty();
}

bool is_whole(const PlannedMount& mount) { return clean_path(mount.source) == "/"; }

// Has files that decide what the step sees.
bool shows_files(const PlannedMount& mount) { return mount.kind == MountKind::kBind; }

std::string_view name_of(MountKind kind) {
  switch (kind) {
    case MountKind::kBind:
      return "bind";
    case MountKind::kCache:
      return "cache";
    case MountKind::kTmpfs:
      return "tmpfs";
    case MountKind::kSecret:
      return "secret";
    case MountKind::kSsh:
      return "ssh";
  }
  return "";
}

// `ids`: of the step, null where they are the host's.
Result<> write_private(const Path& path, std::string_view text, const PlannedMount& mount,
                       const sys::IdMaps* ids) {
  constexpr mode_t kMode = 0400;
  UniqueFd fd = TRY(open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  FdSink sink(fd.get());
  TRY(sink.write(text));
  std::optional<uint32_t> uid = mount.uid.value_or(0);
  std::optional<uint32_t> gid = mount.gid.value_or(0);
  if (ids != nullptr) {
    uid = sys::outside_id(ids->uids, *uid);
    gid = sys::outside_id(ids->gids, *gid);
  }
  if (!uid || !gid) return Error(Code::kInvalidArgument, "a secret's owner is no user of the step");
  if (::fchown(fd.get(), *uid, *gid) != 0 || ::fchmod(fd.get(), mount.mode.value_or(kMode)) != 0) {
    return Error::from_errno(errno, "set owner and mode of a secret");
  }
  return {};
}

// "mount /t"; a secret that is a variable alone has no target.
std::string shown_name(const PlannedMount& mount) {
  return mount.target.empty() ? cat("secret in ", mount.env) : cat("mount ", mount.target);
}

}  // namespace

StepMounts::StepMounts(StepSite& site, const PlannedStep& step) : site_(site), step_(step) {
  views_.resize(mounts().size());
}

const std::vector<PlannedMount>& StepMounts::mounts() const {
  return std::get<PlannedRun>(step_.what).mounts;
}

KeyedBy StepMounts::keyed_by() const {
  KeyedBy out = KeyedBy::kDefinition;
  for (const PlannedMount& mount : mounts()) {
    if (!shows_files(mount)) continue;
    if (!is_from_build(mount)) return KeyedBy::kContent;
    if (!is_whole(mount)) out = KeyedBy::kEither;
  }
  return out;
}

// By its target, or by its number where variables may have made that.
std::string StepMounts::name_of_mount(size_t index) const {
  for (const std::string& word : split(step_.text, ' ')) {
    const bool is_expanded = word.starts_with("--mount") && word.find('$') != std::string::npos;
    if (is_expanded) return cat("mount ", index + 1);
  }
  return shown_name(mounts()[index]);
}

// Of a cache only that it is there, and of secrets never what they say.
KeyParts StepMounts::definition() const {
  KeyParts parts;
  for (size_t i = 0; i < mounts().size(); ++i) {
    const PlannedMount& mount = mounts()[i];
    const std::string name = name_of_mount(i);
    std::string text = cat(name_of(mount.kind), " ", mount.source, mount.read_only ? " ro" : "");
    if (!mount.env.empty()) text += cat(" env ", mount.env);
    if (mount.kind == MountKind::kSecret || mount.kind == MountKind::kSsh) {
      text += cat(" id ", mount.id);
    }
    if (mount.uid) text += cat(" uid ", *mount.uid);
    if (mount.gid) text += cat(" gid ", *mount.gid);
    if (mount.mode) text += cat(" mode ", *mount.mode);
    if (mount.size > 0) text += cat(" size ", mount.size);
    const bool is_told = name == shown_name(mount);
    parts.push_back(is_told ? KeyPart{PartKind::kValue, name, std::move(text)}
                            : untold_part(name, cat(mount.target, " ", text)));
  }
  return parts;
}

const StepResult& StepMounts::input_of(size_t index, const std::vector<StepResult>& inputs) const {
  size_t input = 1;
  for (size_t i = 0; i < index; ++i) {
    if (is_from_build(mounts()[i])) ++input;
  }
  return inputs.at(input);
}

Result<> StepMounts::unpack_source(const PlannedMount& mount) {
  if (mount.from_stage) {
    return unpack_base_of(site_, site_.plan.stages[*mount.from_stage], id_of(site_, step_));
  }
  if (mount.from_image) {
    return site_.bases.unpack(mount.from_image->handle, id_of(site_, step_));
  }
  return {};
}

Result<SourceTree*> StepMounts::tree_of(size_t index, const std::vector<StepResult>& inputs,
                                        const CancelToken& cancel) {
  const PlannedMount& mount = mounts()[index];
  if (!mount.from_context.empty()) return site_.named.tree(mount.from_context, cancel);
  if (!is_from_build(mount)) return &site_.context;
  View& view = views_[index];
  if (!view.tree) {
    TRY(unpack_source(mount));
    view.mounted = TRY(MountedView::make(site_.site, input_of(index, inputs).id));
    sys::RootDir root = TRY(sys::RootDir::open(view.mounted->root()));
    view.tree =
        std::make_unique<SourceTree>(std::move(root), SourceTree::Options{.keep_owners = true});
  }
  return view.tree.get();
}

Result<KeyParts> StepMounts::content(const std::vector<StepResult>& inputs,
                                     const CancelToken& cancel) {
  KeyParts parts;
  for (size_t i = 0; i < mounts().size(); ++i) {
    const PlannedMount& mount = mounts()[i];
    const bool by_id = is_from_build(mount) && (is_whole(mount) || !shows_files(mount));
    if (by_id) {
      parts.push_back(
          {PartKind::kOpaque, cat("files of ", name_of_mount(i)), input_of(i, inputs).id});
    }
    if (by_id || !shows_files(mount)) continue;
    SourceTree* tree = TRY(tree_of(i, inputs, cancel));
    auto selected =
        TRY_CONTEXT(tree->select({.source = mount.source}, cancel), cat("mount ", mount.target));
    for (Selected& one : selected) {
      KeyParts described = TRY(tree->describe(one, false, false, cancel));
      parts.insert(parts.end(), described.begin(), described.end());
    }
  }
  return parts;
}

Result<RunFiles> StepMounts::make_ready(const std::vector<StepResult>& inputs,
                                        const Workspace& space, const CancelToken& cancel) {
  RunFiles out;
  TRY(lock_caches(inputs, cancel));
  for (size_t i = 0; i < mounts().size(); ++i) TRY(add(i, inputs, space, cancel, out));
  return out;
}

void StepMounts::release() {
  agents_.clear();
  secrets_.reset();
  caches_.clear();
  locked_caches_.clear();
  scratch_.clear();
  copies_.clear();
  for (View& view : views_) view = View();
}

Result<> StepMounts::add(size_t index, const std::vector<StepResult>& inputs,
                         const Workspace& space, const CancelToken& cancel, RunFiles& out) {
  const PlannedMount& mount = mounts()[index];
  switch (mount.kind) {
    case MountKind::kBind:
      return add_bind(index, inputs, cancel, out);
    case MountKind::kCache:
      return add_cache(index, inputs, cancel, out);
    case MountKind::kSecret:
      return add_secret(index, space, out);
    case MountKind::kSsh:
      return add_agent(index, space, out);
    case MountKind::kTmpfs:
      break;
  }
  std::string options = "exec,dev,mode=1777";
  if (mount.size > 0) options += cat(",size=", mount.size);
  out.tmpfs.push_back({mount.target, std::move(options)});
  out.places.push_back({mount.target, true});
  return {};
}

void StepMounts::add_path(const PlannedMount& mount, const Path& path, bool directory,
                          RunFiles& out) const {
  out.binds.push_back({.source = path.native(),
                       .target = mount.target,
                       .read_only = mount.read_only,
                       .map_ids = is_mapped()});
  out.places.push_back({mount.target, directory});
}

// The part of a context that is mounted, without what .dockerignore leaves out.
Result<StepMounts::Files> StepMounts::copy_of_files(SourceTree& tree, const std::string& source,
                                                    const CancelToken& cancel) {
  TempDir directory = TRY(TempDir::make(site_.site.options.scratch(), "mount-"));
  const auto selected = TRY(tree.select({.source = source}, cancel));
  sys::RootDir root = TRY(sys::RootDir::open(directory.path()));
  Copier copier(root, {});
  for (const Selected& one : selected) TRY(copier.copy(tree, one, "/files", cancel));
  const auto st = TRY(root.lstat("files"));
  Files out{directory.path() / "files", S_ISDIR(st.st_mode)};
  copies_.push_back(std::move(directory));
  return out;
}

// What is below it may be changed by the step where the mount is writable: nobody sees that later.
Result<StepMounts::Files> StepMounts::files_for_step(size_t index,
                                                     const std::vector<StepResult>& inputs,
                                                     const CancelToken& cancel) {
  const PlannedMount& mount = mounts()[index];
  if (!is_from_build(mount)) {
    SourceTree* tree = TRY(tree_of(index, inputs, cancel));
    return copy_of_files(*tree, mount.source, cancel);
  }
  TRY(unpack_source(mount));
  Path root;
  if (mount.read_only && !is_mapped()) {
    TRY(tree_of(index, inputs, cancel));
    root = views_[index].mounted->root();
  } else {
    scratch_.push_back(TRY(Workspace::make(site_.site, input_of(index, inputs).id)));
    if (is_mapped()) TRY(scratch_.back().remount_for_step({}));
    root = scratch_.back().root();
  }
  const sys::RootDir tree = TRY(sys::RootDir::open(root));
  const UniqueFd fd = TRY(tree.open_at(mount.source, O_PATH));
  struct stat st{};
  if (::fstat(fd.get(), &st) != 0) return Error::from_errno(errno, "stat");
  const std::string path = TRY(read_link_at(AT_FDCWD, sys::fd_path(fd.get())));
  return Files{path, S_ISDIR(st.st_mode)};
}

Result<> StepMounts::add_bind(size_t index, const std::vector<StepResult>& inputs,
                              const CancelToken& cancel, RunFiles& out) {
  const PlannedMount& mount = mounts()[index];
  const auto [path, directory] =
      TRY_CONTEXT(files_for_step(index, inputs, cancel), cat("mount ", mount.target));
  add_path(mount, path, directory, out);
  // Layers are mapped where they are mounted; copies of the context are not.
  if (is_from_build(mount)) out.binds.back().map_ids = false;
  return {};
}

Result<> StepMounts::lock_caches(const std::vector<StepResult>& inputs, const CancelToken& cancel) {
  // Of several mounts of one cache the first: the others would wait for it.
  std::map<std::string, size_t> wanted;
  for (size_t i = 0; i < mounts().size(); ++i) {
    const PlannedMount& mount = mounts()[i];
    const bool is_locked =
        mount.kind == MountKind::kCache && mount.sharing == CacheSharing::kLocked;
    if (is_locked) wanted.try_emplace(mount.id, i);
  }
  for (const auto& [id, index] : wanted) {
    caches_.push_back(TRY(acquire(index, inputs, cancel)));
    locked_caches_.emplace(id, caches_.back().path());
  }
  return {};
}

Result<> StepMounts::add_cache(size_t index, const std::vector<StepResult>& inputs,
                               const CancelToken& cancel, RunFiles& out) {
  const PlannedMount& mount = mounts()[index];
  if (mount.sharing == CacheSharing::kLocked) {
    add_path(mount, locked_caches_.at(mount.id), true, out);
    return {};
  }
  caches_.push_back(TRY(acquire(index, inputs, cancel)));
  add_path(mount, caches_.back().path(), true, out);
  return {};
}

Result<CacheMounts::Use> StepMounts::acquire(size_t index, const std::vector<StepResult>& inputs,
                                             const CancelToken& cancel) {
  const PlannedMount& mount = mounts()[index];
  CacheMounts::Wanted wanted{.id = mount.id,
                             .sharing = mount.sharing,
                             .uid = mount.uid.value_or(0),
                             .gid = mount.gid.value_or(0),
                             .mode = mount.mode.value_or(0755)};
  if (has_files(mount)) {
    wanted.seed = [&](const Path& directory) -> Result<> {
      SourceTree* tree = TRY(tree_of(index, inputs, cancel));
      sys::RootDir root = TRY(sys::RootDir::open(directory));
      Copier copier(root, {});
      for (const Selected& one : TRY(tree->select({.source = mount.source}, cancel))) {
        TRY(copier.copy(*tree, one, "/", cancel));
      }
      return {};
    };
  }
  return site_.site.cache_mounts.acquire(wanted, cancel);
}

Result<Path> StepMounts::secret_directory(const Workspace& space) {
  const Path directory = space.directory() / "secrets";
  if (secrets_) return directory;
  TRY(make_directories(directory, 0700));
  const UniqueFd memory =
      TRY(sys::new_filesystem({.type = "tmpfs",
                               .source = "secrets",
                               .options = {{"mode", "0700"}},
                               .flags_if_known = {"noswap"},
                               .attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV}));
  const UniqueFd place = TRY(open_file(directory, O_PATH | O_DIRECTORY));
  TRY_CONTEXT(sys::attach_mount(memory.get(), place.get()), "secrets");
  secrets_.emplace(directory);
  return directory;
}

Result<> StepMounts::add_secret(size_t index, const Workspace& space, RunFiles& out) {
  const PlannedMount& mount = mounts()[index];
  const BuildRequest& request = site_.request;
  const auto secret = TRY(look_up(request.secrets, request.find_secret, mount.id));
  if (!secret) {
    if (!mount.required) return {};
    return Error(Code::kNotFound,
                 cat("secret ", mount.id,
                     ": not found: it is required, and given with --secret id=", mount.id));
  }
  out.secrets.push_back(*secret);
  if (!mount.env.empty()) out.env.push_back(cat(mount.env, "=", *secret));
  if (mount.target.empty()) return {};
  const Path path = TRY(secret_directory(space)) / cat(index);
  const sys::IdMaps* ids = is_mapped() ? &site_.site.options.ids->maps() : nullptr;
  TRY(write_private(path, *secret, mount, ids));
  add_path(mount, path, false, out);
  out.binds.back().map_ids = false;  // it has the owner that it is to be seen with
  return {};
}

Result<> StepMounts::add_agent(size_t index, const Workspace& space, RunFiles& out) {
  const PlannedMount& mount = mounts()[index];
  const BuildRequest& request = site_.request;
  const auto agent = TRY(look_up(request.ssh_agents, request.find_ssh_agent, mount.id));
  if (!agent) {
    if (!mount.required) return {};
    return Error(Code::kNotFound,
                 cat("SSH agent ", mount.id, ": not found: it is required, and given with --ssh ",
                     mount.id));
  }
  const Path path = space.directory() / cat("agent-", index);
  AgentForward::Owner owner{.uid = mount.uid.value_or(0), .gid = mount.gid.value_or(0)};
  if (mount.mode) owner.mode = *mount.mode;
  agents_.push_back(TRY(AgentForward::start(path, owner, *agent)));
  if (agents_.size() == 1) out.env.push_back(cat("SSH_AUTH_SOCK=", mount.target));
  add_path(mount, path, false, out);
  out.binds.back().read_only = false;
  return {};
}

}  // namespace skiff::builder
