"""Namespaces of the harness's own: whatever it starts, mounts or leaves ends with them."""
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[3]
BIN = pathlib.Path(os.environ.get("SKIFF_BIN", SOURCE / "build" / "bin"))
PEERS = SOURCE / "tests/peers"
TOOLS = ["docker", "gcc", "mkfs.ext4", "ip", "unshare"]

MNT_DETACH = 2
BLANK = "blank"  # the template that is an empty disk
PUSHED = "pushed"  # that of a registry that has all images

libc = ctypes.CDLL(None, use_errno=True)


class Unavailable(Exception):
    """The machine lacks what a family of cases needs; says what."""


def missing_parts():
    """Why the harness cannot run at all; None where it can."""
    if os.geteuid() != 0:
        return "it needs root"
    for program in ["skiffd", "skiff-registry", "skiff-runtime"]:
        if not (BIN / program).exists():
            return f"no {BIN / program}: run scripts/build first"
    lacking = [tool for tool in TOOLS if not shutil.which(tool)]
    return f"missing programs: {' '.join(lacking)}" if lacking else None


def missing_engine(name):
    """Why there is no such engine on this machine; None where there is."""
    if name == "dockerd" and not shutil.which("dockerd"):
        return "no dockerd: Debian's package docker.io has it"
    if name == "podman" and subprocess.run([PEERS, "true"], capture_output=True).returncode != 0:
        return "no podman: run tests/peers --setup"
    return None


def call(result, what):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source, target, kind, options=""):
    call(libc.mount(str(source).encode(), str(target).encode(), kind.encode(), 0, options.encode()),
         f"mount {target}")


def unmount(target):
    call(libc.umount2(str(target).encode(), 0), f"unmount {target}")


def remove_cgroups(name):
    """The daemons' cgroups in every hierarchy; those of a killed daemon stay behind."""
    found = subprocess.run(["find", "/sys/fs/cgroup", "-maxdepth", "4", "-type", "d", "-name", f"{name}-*"],
                           capture_output=True, text=True).stdout.split()
    for top in found:
        for directory, _, _ in os.walk(top, topdown=False):
            try:
                os.rmdir(directory)
            except OSError as error:
                print(f"cgroup stays: {directory}: {error}", file=sys.stderr)


def run_in_private(script, arguments):
    """Runs the script once more, in pid, network and mount namespaces of its own (a shell is their
    init and reaps), with a tmpfs for all its files. Returns its exit code when nothing is left."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    root = pathlib.Path(tempfile.mkdtemp(prefix="skiff-crash-"))
    environment = dict(os.environ, SKIFF_CRASH_ROOT=str(root), PYTHONDONTWRITEBYTECODE="1")
    command = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
               "sh", "-c", '"$@"; exit $?', "init", sys.executable, script, *arguments]
    child = subprocess.Popen(command, env=environment)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: child.kill())
    try:
        return child.wait()
    finally:
        remove_cgroups(root.name)
        root.rmdir()


def private_root():
    """Inside: the tmpfs, or None where the script has not yet entered its namespaces."""
    root = os.environ.get("SKIFF_CRASH_ROOT")
    if root is None:
        return None
    root = pathlib.Path(root)
    mount("tmpfs", root, "tmpfs", "size=4g")
    mount("tmpfs", "/dev/shm", "tmpfs")  # podman's locks
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    return root


def mounts_below(directory):
    """Where something is mounted below the directory, the latest last."""
    lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    return [at for at in (line.split()[4] for line in lines) if at.startswith(f"{directory}/")]


def end_all(root):
    """Inside: ends every process but this one and the init, and removes what is below `root`."""
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        if int(process.name) not in (1, os.getpid()):
            try:
                os.kill(int(process.name), signal.SIGKILL)
            except ProcessLookupError:
                pass
    for at in reversed(mounts_below(root)):
        libc.umount2(at.encode(), MNT_DETACH)
    shutil.rmtree(root)


def compile_tools(root):
    """The C parts; returns their directory."""
    here = SOURCE / "tests/crash"
    base = ["gcc", "-O2", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([*base, "-shared", "-fPIC", "-o", root / "seam.so", here / "seam.c", "-ldl"], check=True)
    subprocess.run([*base, "-o", root / "blocklog", here / "blocklog.c"], check=True)
    subprocess.run([*base, "-static", "-nostdlib", "-fno-stack-protector", "-o", root / "probe", here / "probe.c"],
                   check=True)
    return root
