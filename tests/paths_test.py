#!/usr/bin/env python3
"""tests/paths_test.py: no path of a tree that we do not trust (a container's root, a layer, a build
context) is given to the kernel but through sys::RootDir, and no file of /proc but through sys::ProcFs.

Looked at are the folders that work in such trees. Comments are left out.
  name     The name that an *at call gets is one component: spelled `name`, `x.name.c_str()`,
           `x.base.c_str()`, or a literal without a "/". A Place of RootDir gives such names.
  path     A file that works in trees (it names RootDir, or makes *at calls) calls nothing that
           resolves a whole path.
  root     The path of a container's root is used for nothing but to open a RootDir.
  proc     No literal path below /proc.
Exceptions stand in ALLOWED with their reason; one that is not needed any more is an error, too. Each
rule is tried first on a line that breaks it.
"""
import pathlib
import re
import sys

SOURCE = pathlib.Path(__file__).resolve().parent.parent / "src"
TREE_FOLDERS = ["runtime", "engine", "builder", "buildkit", "snapshot"]
PROC_FOLDERS = [*TREE_FOLDERS, "sys", "network"]

AT_CALL = re.compile(r"::(openat|mkdirat|mknodat|unlinkat|fchownat|fchmodat|fstatat|readlinkat|utimensat|faccessat)"
                     r"\(\s*([^,]+),\s*([^,()]+(?:\(\))?)")
# These name their place in other arguments.
LINK_CALL = re.compile(r"::(symlinkat)\([^,]+,\s*([^,]+),\s*([^,()]+(?:\(\))?)")
HARD_LINK_CALL = re.compile(r"::(linkat|renameat2?)\(\s*([^,]+),\s*([^,()]+(?:\(\))?),[^,]+,\s*([^,()]+(?:\(\))?)")
ONE_COMPONENT = re.compile(r'(?:\w+(?:\.|->))*(?:name|base)(?:\.c_str\(\))?|"[^"/]+"|k[A-Z]\w+')
# A local short name of such a one.
ALIAS = re.compile(r"const char\* (\w+) = (?:\w+(?:\.|->))*(?:name|base)\.c_str\(\);")
PATH_CALL = re.compile(
    r"(?<![\w.>:])((?:::)(?:open|creat|stat|lstat|access|mkdir|chown|lchown|chmod|rename|unlink|rmdir|symlink|link|"
    r"readlink|mknod|mkfifo|mount|umount2?|chdir|chroot|truncate|statvfs|statfs|utimes|execve|opendir|remove|"
    r"l?getxattr|l?setxattr|l?listxattr|l?removexattr|bind)|"
    r"open_file|read_file|write_file|write_file_durably|make_directories|remove_tree|fd_path|sys::fd_path|"
    r"(?:std::)?filesystem::\w+)\(")
ROOT_PATH = re.compile(r"(?:\w|\.|->|\(\))*(?:rootfs\(\)|config_?\.root\b|\bspace_?\.root\(\)|view_?->root\(\)|"
                       r"mounted\.path\(\)|(?:state_|options|spec)\.rootfs\b)")
ROOT_USE = re.compile(r"RootDir::open\(\s*$|resolve_user\(\s*$|MountedSnapshot::mount\([^;]*$")
PROC_PATH = re.compile(r'"/proc')

INSIDE = "the container's own view: after its root has become ours"
OWN_DIRECTORY = "a directory of the engine's own beside the root"
TOLD = "only handed on"

# (rule, file, what is there, or "*") -> why that is right.
ALLOWED = {
    ("name", "runtime/rootfs_mounts.cpp", "symlinkat controller.c_str()"): "in our own tmpfs; a controller's name",
    ("name", "runtime/process_setup.cpp", "faccessat path.c_str()"): INSIDE,
    ("path", "runtime/process_setup.cpp", "stat"): INSIDE,
    ("path", "runtime/process_setup.cpp", "chdir"): INSIDE,
    ("path", "runtime/process_setup.cpp", "execve"): INSIDE,
    ("path", "runtime/container_exec.cpp", "chroot"): "of \".\", the root by descriptor",
    ("path", "runtime/container_exec.cpp", "chdir"): "to \"/\" after the chroot",
    ("path", "runtime/notify_proxy.cpp", "*"): "a directory of ours that the container sees read-only",
    ("path", "runtime/container_checkpoint.cpp", "*"): "image and log files, and a directory of ours; none in the root",
    ("path", "runtime/criu_mounts.cpp", "sys::fd_path"): "of what RootDir opened: to read where it is, and to unmount it",
    ("path", "runtime/criu_mounts.cpp", "umount2"): "of such a descriptor",
    ("path", "runtime/criu_mounts.cpp", "open_file"): "a file beside CRIU's images",
    ("path", "runtime/criu_mounts.cpp", "read_file"): "the same",
    ("path", "runtime/rootfs.cpp", "mount"): "of \"/\": propagation",
    ("path", "runtime/rootfs.cpp", "open_file"): "the host's place where the detached root is attached",
    ("path", "runtime/rootfs.cpp", "chroot"): "of \".\", the root by descriptor",
    ("path", "runtime/rootfs_devices.cpp", "umount2"): "of \".\", the file system of the nodes",
    ("path", "runtime/rootfs.cpp", "umount2"): "of \".\", the old root",
    ("path", "runtime/rootfs.cpp", "chdir"): "to \"/\" in the new root",
    ("path", "runtime/rootfs_devices.cpp", "access"): "the host's",
    ("path", "engine/bind_source.cpp", "stat"): "whether the host has it, as whoever asked for it named it",
    ("path", "engine/bind_source.cpp", "open_file"): "of \"/\": the host's path is walked from there",
    ("path", "engine/container_tree.cpp", "mount"): "onto descriptors, and in a mount namespace of its own",
    ("path", "engine/container_tree.cpp", "std::filesystem::exists"): "the host's side of a bind",
    ("path", "engine/container_tree.cpp", "std::filesystem::is_directory"): "the host's side of a bind",
    ("path", "engine/container_tree.cpp", "make_directories"): OWN_DIRECTORY,
    ("path", "engine/copy_up.cpp", "*"): "the volume's own directory in the engine's root",
    ("path", "engine/file_service.cpp", "remove_tree"): OWN_DIRECTORY,
    ("path", "engine/node.cpp", "sys::fd_path"): "DESCRIPTOR/name, for calls that do not follow it",
    ("path", "engine/node.cpp", "llistxattr"): "DESCRIPTOR/name; does not follow",
    ("path", "engine/node.cpp", "lgetxattr"): "DESCRIPTOR/name; does not follow",
    ("path", "engine/node.cpp", "lsetxattr"): "DESCRIPTOR/name; does not follow",
    ("path", "engine/node.cpp", "chmod"): "of a pinned descriptor",
    ("path", "engine/path_stat.cpp", "sys::fd_path"): "reads what the descriptor is called, opens nothing",
    ("path", "engine/relabel.cpp", "open_file"): "a mount's source, as whoever asked for it named it on the host",
    ("path", "engine/relabel.cpp", "sys::fd_path"): "of a pinned descriptor",
    ("path", "engine/relabel.cpp", "setxattr"): "of a pinned descriptor",
    ("proc", "engine/relabel.cpp", "/proc"): "a directory of the host that is refused",
    ("path", "builder/copier.cpp", "make_directories"): "its own, which calls RootDir's",
    ("path", "builder/copier.h", "make_directories"): "its own, which calls RootDir's",
    ("path", "builder/copier.cpp", "sys::fd_path"): "resolve_user opens a RootDir there",
    ("path", "builder/executor.cpp", "make_directories"): OWN_DIRECTORY,
    ("path", "builder/executor.cpp", "write_file"): OWN_DIRECTORY,
    ("path", "builder/executor.cpp", "write_file_durably"): OWN_DIRECTORY,
    ("path", "builder/executor.cpp", "open_file"): OWN_DIRECTORY,
    ("path", "builder/executor.cpp", "read_file"): "the host's resolv.conf",
    ("path", "builder/mount_points.cpp", "sys::fd_path"): "reads what the descriptor is called, opens nothing",
    ("path", "builder/step_mounts.cpp", "sys::fd_path"): "reads what the descriptor is called, opens nothing",
    ("path", "builder/remote_context.cpp", "sys::fd_path"): "reads what the descriptor is called, opens nothing",
    ("path", "builder/remote_context.cpp", "make_directories"): OWN_DIRECTORY,
    ("path", "builder/remote_context.cpp", "open_file"): "what was downloaded, in a directory of the builder's own",
    ("path", "builder/step_mounts.cpp", "make_directories"): OWN_DIRECTORY,
    ("path", "builder/step_mounts.cpp", "open_file"): "a secret, in a directory of the builder's own",
    ("path", "buildkit/frontend_build.cpp", "make_directories"): OWN_DIRECTORY,
    ("path", "buildkit/fetched_source.cpp", "make_directories"): OWN_DIRECTORY,
    ("path", "buildkit/fsutil_receiver.cpp", "open_file"): "its own, which goes through RootDir",
    ("path", "buildkit/fsutil_receiver.h", "open_file"): "its own, which goes through RootDir",
    ("path", "snapshot/layer_apply.cpp", "sys::fd_path"): "DESCRIPTOR/name, and what a descriptor is called",
    ("path", "snapshot/layer_apply.cpp", "remove_tree"): "follows nothing; the tree is only ours meanwhile",
    ("path", "snapshot/layer_apply.cpp", "open_file"): "the layer's own directory",
    ("path", "snapshot/layer_diff.cpp", "open_file"): "the layer's own directory",
    ("path", "snapshot/layer_forms.cpp", "*"): "the layer's own directory, and its forms' fixed names",
    ("path", "snapshot/lower_dir.cpp", "open_file"): "the layer's own directory",
    ("path", "snapshot/tree_usage.cpp", "*"): "the layer's own directory, and its files' fixed names",
    ("root", "runtime/container_create.cpp", "config_.root"): TOLD,
    ("root", "runtime/container_checkpoint.cpp", "state_.rootfs"): "cloned as a mount, or told to CRIU",
    ("root", "runtime/container_create.cpp", "state_.rootfs"): "for resolve_user, which opens a RootDir",
    ("root", "runtime/container.cpp", "state_.rootfs"): "unmounted by its mount's number: the root itself",
    ("root", "runtime/container_exec.cpp", "state_.rootfs"): "for resolve_user, which opens a RootDir",
    ("root", "runtime/container_spec.cpp", "spec.rootfs"): TOLD,
    ("root", "runtime/rootfs.cpp", "config.root"): "the host's place where the detached root is attached",
    ("root", "runtime/rootfs.cpp", "config_.root"): "compared with mount points",
    ("root", "runtime/rootfs_sources.cpp", "config.root"): "cloned as a mount: the root itself, nothing in it",
    ("root", "engine/container_tree.cpp", "options.rootfs"): "where the root is mounted: the root itself",
    ("root", "engine/copy_up.cpp", "options.rootfs"): TOLD,
    ("root", "engine/copy_up.cpp", "paths.rootfs()"): TOLD,
    ("root", "engine/file_service.cpp", "options.rootfs"): TOLD,
    ("root", "engine/file_service.cpp", "container.paths.rootfs()"): "handed on; compared with descriptors' names",
    ("root", "engine/process_life.cpp", "container.paths.rootfs()"): "where the root is mounted: the root itself",
    ("root", "engine/process_start.cpp", "container.paths.rootfs()"): "where the root is mounted: the root itself",
    ("root", "engine/spec.cpp", "spec.rootfs"): TOLD,
    ("root", "engine/spec.cpp", "container.paths.rootfs()"): TOLD,
    ("root", "engine/container.h", "rootfs()"): "says where it is",
    ("root", "builder/executor.cpp", "spec.rootfs"): TOLD,
    ("root", "builder/executor.cpp", "space_.root()"): TOLD,
    ("proc", "runtime/annotations.h", "/proc/sys/fs/binfmt_misc"): "a mount point, as text of config.json",
    ("proc", "runtime/container_spec.cpp", "/proc"): "a mount point, as text of config.json",
    ("proc", "runtime/default_apparmor.cpp", "*"): "patterns of an AppArmor profile",
    ("proc", "runtime/default_shields.cpp", "*"): "shields, as text of config.json",
    ("proc", "runtime/rootfs_mounts.cpp", "/proc/"): "what a destination is compared with",
    ("proc", "runtime/example_config.cpp", "*"): "mount points and shields, as text of config.json",
    ("proc", "runtime/rootfs_devices.cpp", "*"): "where links of the container lead; the host has a kcore",
    ("proc", "runtime/own_program.h", "/proc/self/exe"): "our own program, in the host's mount namespace",
    ("proc", "runtime/own_program_entry.cpp", "/proc/self/exe"): "the same, before there is anything else",
    ("proc", "runtime/own_program.cpp", "/proc/"): "a descriptor of our own, for our own children",
    ("proc", "engine/init_layer.cpp", "/proc/mounts"): "where a link of the container leads",
    ("proc", "engine/spec.cpp", "/proc/"): "a namespace's path, as text of config.json; its kind is checked",
    ("proc", "sys/binfmt.cpp", "/proc/sys/fs/binfmt_misc"): "a filesystem of its own, mounted there; no container",
    ("proc", "sys/procfs.cpp", "*"): "the module itself",
    ("proc", "sys/root_dir.cpp", "/proc/self/fd/"): "our own descriptors, in the host's mount namespace",
}


def without_comments(text):
    return re.sub(r"//[^\n]*", "", text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def is_one_component(argument, aliases):
    argument = argument.strip()
    return argument == '"."' or argument in aliases or bool(ONE_COMPONENT.fullmatch(argument))


def names(text):
    aliases = set(ALIAS.findall(text))
    for match in AT_CALL.finditer(text):
        if not is_one_component(match.group(3), aliases):
            yield match.start(), f"{match.group(1)} {match.group(3).strip()}"
    for match in LINK_CALL.finditer(text):
        if not is_one_component(match.group(3), aliases):
            yield match.start(), f"{match.group(1)} {match.group(3).strip()}"
    for match in HARD_LINK_CALL.finditer(text):
        for argument in (match.group(3), match.group(4)):
            if not is_one_component(argument, aliases):
                yield match.start(), f"{match.group(1)} {argument.strip()}"


def paths(text):
    if not re.search(r"\bRootDir\b", text) and not AT_CALL.search(text):
        return
    for match in PATH_CALL.finditer(text):
        yield match.start(), match.group(1).removeprefix("::")


def roots(text):
    for match in ROOT_PATH.finditer(text):
        if not ROOT_USE.search(text[:match.start()]):
            yield match.start(), match.group(0)


def procs(text):
    for match in PROC_PATH.finditer(text):
        yield match.start(), text[match.start():].split('"')[1]


RULES = {"name": (names, TREE_FOLDERS), "path": (paths, TREE_FOLDERS), "root": (roots, TREE_FOLDERS),
         "proc": (procs, PROC_FOLDERS)}
# What each rule must find, and what it must let pass.
BROKEN = {
    "name": ["::openat(root, path.c_str(), O_RDONLY)", '::mkdirat(fd, "a/b", 0755)', "::openat(fd, entry.path, 0)",
             "::symlinkat(target, fd, path.c_str())", "::linkat(a, name, b, to.native().c_str(), 0)"],
    "path": ["sys::RootDir root; ::chmod(path.c_str(), 0644)", "RootDir r; read_file(root / name)",
             "RootDir r; std::filesystem::exists(path)", "::fstatat(fd, name, &st, 0); ::lstat(p.c_str(), &st)"],
    "root": ["read_file(paths.rootfs() / name)", "Path etc = config.root / file;", "::mkdir(space.root().c_str())"],
    "proc": ['read_file(cat("/proc/", pid, "/stat"))'],
}
WHOLE = {
    "name": ["::openat(place.parent.get(), place.name.c_str(), O_RDONLY)", '::openat(fd, ".", O_RDONLY)',
             "const char* at = place.name.c_str(); ::fchownat(parent, at, 0, 0, 0)"],
    "path": ["RootDir root; root.read_file(path); root_->make_directories(path);", "read_file(path)"],
    "root": ["RootDir::open(container.paths.rootfs())", "resolve_user(space.root(), user)"],
    "proc": ['proc->read(cat(pid, "/stat"))', "// reads /proc/self/stat"],
}


def self_test():
    for rule, (find, _) in RULES.items():
        for text in BROKEN[rule]:
            if not list(find(without_comments(text))):
                yield f"the rule `{rule}` does not find: {text}"
        for text in WHOLE[rule]:
            if list(find(without_comments(text))):
                yield f"the rule `{rule}` finds without need: {text}"


def sources(folder):
    for file in sorted((SOURCE / folder).glob("*.cpp")) + sorted((SOURCE / folder).glob("*.h")):
        if not re.search(r"_test\.cpp|^test_|_test\w*\.h|_fixture|_suite|_samples", file.name):
            yield file


def main():
    errors = list(self_test())
    unused = set(ALLOWED)
    for rule, (find, folders) in RULES.items():
        for file in (file for folder in folders for file in sources(folder)):
            text, where = without_comments(file.read_text()), f"{file.parent.name}/{file.name}"
            for position, what in find(text):
                entry = next((e for e in ((rule, where, what), (rule, where, "*")) if e in ALLOWED), None)
                unused.discard(entry)
                if entry is None:
                    errors.append(f"src/{where}:{line_of(text, position)}: rule `{rule}`: {what}")
    errors += [f"not needed any more in ALLOWED: {entry}" for entry in sorted(unused)]
    print("\n".join(errors), end="\n" if errors else "")
    return 1 if errors else 0


sys.exit(main())
