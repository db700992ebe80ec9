"""What the benchmarks share: engines in a private network namespace, alternating runs,
medians and CPU seconds.

CPU is what the whole machine spent (user + system of /proc/stat) while a command ran, so
that daemons, monitors and kernel helpers count for everyone alike: run on a calm machine. Where
a script says so it is that of the engines' processes and clients, which others do not disturb. Each
figure comes with the load average before it. SKIFF_BENCH_ROUNDS=1 tries a script out.
"""
import json
import os
import pathlib
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(os.environ.get("SKIFF_BIN", SOURCE / "build" / "bin"))


def in_private_network():
    """Re-executes the script in network and mount namespaces of its own, once."""
    if os.environ.get("SKIFF_BENCH_NS") == "1":
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    if os.geteuid() != 0:
        sys.exit("error: run this as root: the engines need it")
    os.environ["SKIFF_BENCH_NS"] = "1"
    os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, *sys.argv])


def need(*programs):
    missing = [p for p in programs if not shutil.which(p)]
    if missing:
        sys.exit(f"error: missing on this machine: {' '.join(missing)} (Debian: docker.io crun runc busybox-static)")


CPU_ACCOUNT = pathlib.Path("/sys/fs/cgroup/cpuacct/cpuacct.usage")


def cpu_seconds():
    """CPU time of the machine so far, without idle and I/O wait."""
    # In nanoseconds where there is one; the other has ticks of 10 ms.
    if CPU_ACCOUNT.exists():
        return int(CPU_ACCOUNT.read_text()) / 1e9
    fields = [int(n) for n in pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
    user, nice, system, _idle, _iowait, irq, softirq = fields[:7]
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def children_cpu_seconds():
    """CPU time of the processes that this one has waited for: finer, where no daemon works for them."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def tree(root):
    """A process and its descendants: {pid: CPU time, with that of those that it waited for}."""
    spent, children = {}, {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(stat.parent.name)
        children.setdefault(int(fields[1]), []).append(pid)
        spent[pid] = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    found, waiting = {}, [root]
    while waiting:
        pid = waiting.pop()
        found[pid] = spent.get(pid, 0)
        waiting += children.get(pid, [])
    return found


def tree_cpu_seconds(root):
    """CPU time of a process, its descendants, and those of them that were waited for."""
    return sum(tree(root).values())


def rollup(pid):
    """smaps_rollup as KiB by name."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return {}
    return {name.rstrip(":"): int(kib) for name, kib, _unit in map(str.split, lines)}


def chosen(name):
    """Whether the command line's words, if any, name this part of a script."""
    return all(word in name for word in sys.argv[1:])


def wait_until(check, what, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if check():
            return
        time.sleep(0.02)
    sys.exit(f"error: {what} did not come up within {seconds} s")


class Engine:
    """A private daemon and the stock client that talks to it. `flags` are for the daemon."""

    def __init__(self, name, root, program="skiffd", flags=()):
        self.name = name
        self.program = program
        self.flags = flags
        self.root = pathlib.Path(root) / name
        (self.root / "run").mkdir(parents=True)
        # As /run is; the mount namespace is this script's own.
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", self.root / "run"], check=True)
        self.socket = self.root / "engine.sock"
        self.process = None

    def command(self):
        if self.program == "skiffd":
            return [str(BIN / "skiffd"), "--root", f"{self.root}/root", "--run-dir", f"{self.root}/run",
                    "--socket", str(self.socket), *self.flags]
        return ["dockerd", "--data-root", f"{self.root}/root", "--exec-root", f"{self.root}/run",
                "--pidfile", f"{self.root}/pid", "-H", f"unix://{self.socket}", "--insecure-registry", "127.0.0.0/8"]

    def start(self):
        log = open(self.root / "log", "w")
        self.process = subprocess.Popen(self.command(), stdout=log, stderr=log)
        wait_until(lambda: self.run("version", check=False).returncode == 0, f"{self.name} (see {self.root}/log)")

    def stop(self):
        if self.process:
            for container in self.run("ps", "-aq", check=False).stdout.split():
                self.run("rm", "-f", container, check=False)
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
            self.process = None
            subprocess.run(["umount", "--lazy", self.root / "run"], check=True)

    def run(self, *args, check=True, **kwargs):
        env = dict(os.environ, DOCKER_HOST=f"unix://{self.socket}", DOCKER_BUILDKIT="0", DOCKER_CONFIG=str(self.root))
        done = subprocess.run(["docker", *args], env=env, capture_output=True, text=True, **kwargs)
        if check and done.returncode != 0:
            sys.exit(f"error: {self.name}: docker {' '.join(args)}: {done.stderr.strip()}")
        return done

    def pull(self, image):
        self.run("pull", "-q", image)

    def remove(self, image):
        self.run("rmi", image)

    def forget(self):
        """Nothing of any image is left, and nothing waits to be written."""
        for image in set(self.run("images", "-q", "--no-trunc").stdout.split()):
            self.run("rmi", "-f", image, check=False)
        self.run("system", "prune", "-af")
        os.sync()


class Containerd:
    """A private containerd and its client ctr, which fetches and has the daemon unpack."""
    name = "containerd"
    SETTINGS = 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]\n'

    def __init__(self, root):
        self.root = pathlib.Path(root) / self.name
        self.root.mkdir()
        self.process = None

    def start(self):
        settings = self.root / "config.toml"
        settings.write_text(self.SETTINGS)
        log = open(self.root / "log", "w")
        self.process = subprocess.Popen(["containerd", "--config", str(settings), "--root", f"{self.root}/root",
                                         "--state", f"{self.root}/state", "--address", f"{self.root}/sock"],
                                        stdout=log, stderr=log)
        wait_until(lambda: self.run("version", check=False).returncode == 0, f"containerd (see {self.root}/log)")

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def run(self, *args, check=True):
        done = subprocess.run(["ctr", "--address", f"{self.root}/sock", *args], capture_output=True, text=True)
        if check and done.returncode != 0:
            sys.exit(f"error: ctr {' '.join(args)}: {done.stderr.strip()}")
        return done

    def pull(self, image):
        self.run("images", "pull", "--plain-http", "--snapshotter", "overlayfs", image)

    def remove(self, image):
        self.run("images", "rm", "--sync", image)

    def forget(self):
        for image in self.run("images", "ls", "-q").stdout.split():
            self.remove(image)
        os.sync()


class Bench:
    """Holds the temporary root and everything started in it."""

    def __enter__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="skiff-bench-"))
        self.started = []
        return self

    def engines(self):
        return self.start(Engine("skiff", self.root), Engine("dockerd", self.root, "dockerd"))

    def start(self, *engines):
        for engine in engines:
            engine.start()
            self.started.append(engine)
        return engines

    def engines_cpu_seconds(self):
        """CPU time of all daemons but the registry, and of the clients so far."""
        return children_cpu_seconds() + sum(tree_cpu_seconds(thing.process.pid) for thing in self.started
                                            if not isinstance(thing, Registry))

    def registry(self):
        registry = Registry(self.root)
        registry.start()
        self.started.append(registry)
        return registry

    def __exit__(self, *exc):
        for thing in reversed(self.started):
            thing.stop()
        remove(self.root)


class Registry:
    """A private skiff-registry."""

    def __init__(self, root, port=5999):
        self.root = root
        self.host = f"127.0.0.1:{port}"
        self.process = None

    def start(self):
        log = open(self.root / "registry.log", "a")
        self.process = subprocess.Popen([str(BIN / "skiff-registry"), "serve", "--root", f"{self.root}/registry",
                                         "--listen", self.host], stdout=log, stderr=log)
        wait_until(lambda: subprocess.run(["curl", "-fs", f"http://{self.host}/v2/"],
                                          capture_output=True).returncode == 0, "the registry")

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def empty(self):
        """The same registry with nothing in it."""
        self.stop()
        subprocess.run(["rm", "-rf", str(self.root / "registry")], check=True)
        self.start()

    def layers(self, repository, tag):
        """The addresses of an image's layers."""
        base = f"http://{self.host}/v2/{repository}"
        fetched = subprocess.run(["curl", "-fsS", f"{base}/manifests/{tag}"], check=True, capture_output=True)
        return [f"{base}/blobs/{layer['digest']}" for layer in json.loads(fetched.stdout)["layers"]]


def remove(directory):
    subprocess.run(["rm", "-rf", "--one-file-system", str(directory)], check=True)


def busybox_rootfs(directory):
    """A root file system of busybox alone."""
    root = pathlib.Path(directory)
    for name in ["bin", "proc", "sys", "dev", "tmp", "etc"]:
        (root / name).mkdir(parents=True, exist_ok=True)
    shutil.copy(shutil.which("busybox"), root / "bin/busybox")
    for applet in ["sh", "true", "sleep", "echo", "cat"]:
        link = root / "bin" / applet
        if not link.exists():
            link.symlink_to("busybox")
    return root


def debian_base(name="bookworm-amd64", *packages):
    """The tar of a Debian root file system, kept from run to run."""
    made = subprocess.run([SOURCE / "scripts/debian-base", name, *packages], stdout=subprocess.PIPE, text=True)
    if made.returncode != 0:
        sys.exit("error: there is no Debian base to measure with")
    return made.stdout.strip()


def build_program(name):
    """One of bench/CMakeLists.txt, from the build directory that BIN is in."""
    done = subprocess.run(["ninja", "-C", BIN.parent, name], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"error: {name} cannot be built: {done.stdout[-400:]}")
    return BIN / name


class Floor:
    """What an image's layers cost at least: bench/layer_floor.cpp over their blobs."""

    def __init__(self, bench, addresses):
        self.program = build_program("layer_floor")
        self.blobs = [bench.root / f"blob{n}" for n in range(len(addresses))]
        for blob, address in zip(self.blobs, addresses):
            subprocess.run(["curl", "-fsS", "-o", blob, address], check=True)

    def measure(self, threads=1, rounds=3):
        """Median CPU and wall seconds, and the bytes of the plain layers."""
        told = [subprocess.run([self.program, str(threads), *self.blobs], check=True, capture_output=True,
                               text=True).stdout.split() for _ in range(rounds)]
        return (statistics.median(float(line[0]) for line in told),
                statistics.median(float(line[1]) for line in told), int(told[0][3]))

    def remove(self):
        for blob in self.blobs:
            blob.unlink()


def big_context(directory):
    """Of an image of 500 MB in six layers: half incompressible bytes in one file, half text in 1,000 small ones."""
    generator = random.Random(7)
    words = [("%x" % generator.getrandbits(40)) for _ in range(5000)]
    for layer in range(6):
        folder = directory / f"layer{layer}"
        folder.mkdir(parents=True)
        (folder / "data").write_bytes(os.urandom(42 << 20))
        for number in range(1000):
            text = " ".join(generator.choices(words, k=4000))
            (folder / f"text{number}").write_text(text)
    steps = "\n".join(f"COPY layer{n} /layer{n}" for n in range(6))
    (directory / "Dockerfile").write_text(f"FROM scratch\n{steps}\n")


def import_busybox(bench, engines):
    root = busybox_rootfs(bench.root / "busybox")
    tar = bench.root / "busybox.tar"
    subprocess.run(["tar", "-C", str(root), "-cf", str(tar), "."], check=True)
    for engine in engines:
        engine.run("import", str(tar), "busybox:bench")


class Figures(dict):
    """{name: (median wall seconds, median CPU seconds)}, and under which conditions."""

    def __init__(self, rounds):
        super().__init__()
        self.rounds = rounds
        self.load = os.getloadavg()[0]

    def conditions(self):
        return f"({self.rounds} rounds, load average before: {self.load:.1f})"


def alternate(rounds, cases, prepare=None, cpu_clock=cpu_seconds):
    """Runs each case of `cases` {name: function} `rounds` times, in turn: Figures.
    `prepare`, if given, is {name: function} run before each, unmeasured."""
    rounds = int(os.environ.get("SKIFF_BENCH_ROUNDS", rounds))
    figures = Figures(rounds)
    wall = {name: [] for name in cases}
    cpu = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            if prepare and name in prepare:
                prepare[name]()
            cpu_before, start = cpu_clock(), time.perf_counter()
            case()
            wall[name].append(time.perf_counter() - start)
            cpu[name].append(cpu_clock() - cpu_before)
    figures |= {name: (statistics.median(wall[name]), statistics.median(cpu[name])) for name in cases}
    return figures


def report(title, result, unit=1000, unit_name="ms"):
    """Prints Figures, with the first one's ratio to each other."""
    first = next(iter(result))
    print(f"{title} {result.conditions()}")
    for name, (wall, cpu) in result.items():
        ratio = "" if name == first else f"   {first} is {result[first][0] / wall:.2f} x its wall, {result[first][1] / cpu if cpu else 0:.2f} x its CPU"
        print(f"  {name:<12} {wall * unit:9.1f} {unit_name} wall {cpu * unit:9.1f} {unit_name} CPU{ratio}")
