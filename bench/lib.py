"""What the benchmarks share: engines in a private network namespace, alternating runs,
medians and CPU seconds.

CPU is what the whole machine spent (user + system of /proc/stat) while a command ran, so
that daemons, monitors and kernel helpers count for everyone alike: run on a calm machine.
"""
import os
import pathlib
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


def cpu_seconds():
    """CPU time of the machine so far, without idle and I/O wait."""
    fields = [int(n) for n in pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
    user, nice, system, _idle, _iowait, irq, softirq = fields[:7]
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def wait_until(check, what, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if check():
            return
        time.sleep(0.02)
    sys.exit(f"error: {what} did not come up within {seconds} s")


class Engine:
    """A private daemon and the stock client that talks to it."""

    def __init__(self, name, root):
        self.name = name
        self.root = pathlib.Path(root) / name
        self.root.mkdir()
        self.socket = self.root / "engine.sock"
        self.process = None

    def command(self):
        if self.name == "skiff":
            return [str(BIN / "skiffd"), "--root", f"{self.root}/root", "--run-dir", f"{self.root}/run",
                    "--socket", str(self.socket)]
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

    def run(self, *args, check=True, **kwargs):
        env = dict(os.environ, DOCKER_HOST=f"unix://{self.socket}", DOCKER_BUILDKIT="0", DOCKER_CONFIG=str(self.root))
        done = subprocess.run(["docker", *args], env=env, capture_output=True, text=True, **kwargs)
        if check and done.returncode != 0:
            sys.exit(f"error: {self.name}: docker {' '.join(args)}: {done.stderr.strip()}")
        return done


class Bench:
    """Holds the temporary root and everything started in it."""

    def __enter__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="skiff-bench-"))
        self.started = []
        return self

    def engines(self):
        engines = [Engine("skiff", self.root), Engine("dockerd", self.root)]
        for engine in engines:
            engine.start()
            self.started.append(engine)
        return engines

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


def import_busybox(bench, engines):
    root = busybox_rootfs(bench.root / "busybox")
    tar = bench.root / "busybox.tar"
    subprocess.run(["tar", "-C", str(root), "-cf", str(tar), "."], check=True)
    for engine in engines:
        engine.run("import", str(tar), "busybox:bench")


def alternate(rounds, cases, prepare=None):
    """Runs each case of `cases` {name: function} `rounds` times, in turn, and prints medians.
    `prepare`, if given, is {name: function} run before each, unmeasured."""
    wall = {name: [] for name in cases}
    cpu = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            if prepare and name in prepare:
                prepare[name]()
            cpu_before, start = cpu_seconds(), time.perf_counter()
            case()
            wall[name].append(time.perf_counter() - start)
            cpu[name].append(cpu_seconds() - cpu_before)
    result = {name: (statistics.median(wall[name]), statistics.median(cpu[name])) for name in cases}
    return result


def report(title, result, unit=1000, unit_name="ms"):
    first = next(iter(result))
    print(f"{title}")
    for name, (wall, cpu) in result.items():
        ratio = "" if name == first else f"   {first} is {result[first][0] / wall:.2f} x its wall, {result[first][1] / cpu if cpu else 0:.2f} x its CPU"
        print(f"  {name:<10} {wall * unit:9.1f} {unit_name} wall {cpu * unit:9.1f} {unit_name} CPU{ratio}")
