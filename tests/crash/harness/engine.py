"""A private skiffd (or registry) and the stock client that talks to it."""
import http.client
import itertools
import json
import os
import pathlib
import socket
import subprocess
import time

from . import machine
from .seam import Seam

START_LIMIT = 60
CALL_LIMIT = 60


class Lost(Exception):
    """Something that must hold does not: the finding, in words."""


def run(command, env):
    """(exit code, both its streams)."""
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=CALL_LIMIT, check=False)
    return done.returncode, done.stdout.strip()


# Below those that connections take, which would hold one while its daemon is down.
ports = itertools.count(20000)


def free_address():
    """One on the loopback, which is the harness's own."""
    return f"127.0.0.1:{next(ports)}"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("engine", timeout=CALL_LIMIT)
        self.unix_path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.unix_path)


class Daemon:
    """One program over one root; `work` holds its log, socket, and control block."""

    def __init__(self, tools, work, root):
        self.work = pathlib.Path(work)
        self.work.mkdir(exist_ok=True)
        self.root = pathlib.Path(root)
        self.log = self.work / f"{self.name}.log"
        self.seam = Seam(tools / "seam.so", self.work / f"{self.name}.seam")
        self.process = None

    def start(self):
        self.seam.disarm()
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            env=dict(os.environ, **self.seam.environment()))
        deadline = time.monotonic() + START_LIMIT
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Lost(f"{self.name} does not start: {self.last_words()}")
            time.sleep(0.005)

    def last_words(self):
        return " | ".join(self.log.read_text().splitlines()[-3:])

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def owns(self, process):
        """Whether a process, a directory of /proc, is this daemon or of its making."""
        mine = self.process is not None and int(process.name) == self.process.pid
        return mine or str(self.work).encode() in (process / "cmdline").read_bytes()

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process = None

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(CALL_LIMIT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Lost(f"{self.name} does not stop when asked") from None
        self.process = None


class Engine(Daemon):
    """One that serves the Docker Engine API."""

    def __init__(self, tools, work, root, cgroup_parent):
        super().__init__(tools, work, root)
        self.cgroup_parent = cgroup_parent
        self.socket = self.work / "engine.sock"

    def answers(self):
        try:
            return self.call("GET", "/_ping")[0] == 200
        except OSError:
            return False

    def call(self, method, path, body=None):
        """(status, bytes) of one request; a stream is read whole."""
        connection = UnixConnection(self.socket)
        try:
            headers = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            return response.status, response.read()
        except http.client.HTTPException as error:
            raise OSError(f"{method} {path}: {error!r}") from error
        finally:
            connection.close()

    def ask(self, method, path, body=None):
        """The bytes of a request that must succeed."""
        try:
            status, data = self.call(method, path, body)
        except OSError as error:
            raise Lost(f"{method} {path}: {error}: {self.last_words()}") from error
        if status >= 300:
            raise Lost(f"{method} {path}: {status} {data[:300].decode(errors='replace')}")
        return data

    def name_of(self, tag):
        """A listed name as the client was given it."""
        return tag

    def version(self):
        return json.loads(self.ask("GET", "/version"))["Version"]

    def client(self, *arguments):
        """The stock docker client: (exit code, both its streams)."""
        env = dict(os.environ, DOCKER_HOST=f"unix://{self.socket}", DOCKER_BUILDKIT="0",
                   DOCKER_CONFIG=str(self.work / "client"), DOCKER_CLI_HINTS="false")
        for name in ["DOCKER_CONTEXT", "DOCKER_TLS_VERIFY"]:
            env.pop(name, None)
        return run(["docker", *map(str, arguments)], env)

    def must(self, *arguments):
        """The client's output, where the command has to succeed."""
        code, text = self.client(*arguments)
        if code != 0:
            raise Lost(f"docker {' '.join(map(str, arguments))}: exit code {code}: {text[-400:]}")
        return text


class Skiffd(Engine):
    name = "skiffd"
    container_parent = ""  # its own, given at its start
    storage_driver = "auto"

    def command(self):
        return [str(machine.BIN / "skiffd"), "--root", str(self.root / "store"), "--run-dir", str(self.work / "run"),
                "--socket", str(self.socket), "--cgroup-parent", self.cgroup_parent,
                "--storage-driver", self.storage_driver]

    def skiff(self, *arguments):
        """Our own client, for what the stock one does not know."""
        return run([str(machine.BIN / "skiff"), "-H", f"unix://{self.socket}", *arguments], os.environ)


class Dockerd(Engine):
    """The peer."""
    name = "dockerd"
    container_parent = ""

    def command(self):
        run_dir = self.work / "run"
        return ["dockerd", "--data-root", str(self.root / "store"), "--exec-root", str(run_dir),
                "--pidfile", str(run_dir / "pid"), "-H", f"unix://{self.socket}", "--cgroup-parent",
                self.cgroup_parent, "--insecure-registry", "127.0.0.0/8", "--bridge", "none", "--iptables=false"]


class Podman(Engine):
    """The peer of the Debian 13 tree (tests/peers), through its service of Docker's API. Its /tmp is
    the lab, so that it keeps no other lab's disk mounted and finds its store where it was."""
    name = "podman"
    namespace = None  # that it has its mounts in

    @property
    def container_parent(self):
        return self.cgroup_parent

    def start(self):
        super().start()
        self.namespace = os.readlink(f"/proc/{self.process.pid}/ns/mnt")

    def owns(self, process):
        return super().owns(process) or os.readlink(process / "ns/mnt") == self.namespace

    def command(self):
        settings = self.work / "registries.conf"
        settings.write_text('[[registry]]\nlocation = "127.0.0.1"\ninsecure = true\n')
        return ["env", "-u", "LD_PRELOAD", f"SKIFF_PEERS_TMP={self.work}", str(machine.PEERS), "env",
                "TMPDIR=/tmp", "PODMAN_IGNORE_CGROUPSV1_WARNING=1", f"CONTAINERS_REGISTRIES_CONF=/tmp/{settings.name}", "podman",
                "--root", f"/tmp/{self.root.name}/store", "--runroot", "/run/podman", "--runtime", "runc",
                "--cgroup-manager", "cgroupfs", "--events-backend", "file", "system", "service", "--time=0",
                f"unix:///tmp/{self.socket.name}"]

    def name_of(self, tag):
        return tag.removeprefix("localhost/")


class Registry(Daemon):
    name = "skiff-registry"

    def __init__(self, tools, work, root):
        super().__init__(tools, work, root)
        self.address = free_address()

    def command(self):
        return [str(machine.BIN / "skiff-registry"), "serve", "--root", str(self.root / "registry"),
                "--listen", self.address]

    def answers(self):
        connection = http.client.HTTPConnection(self.address, timeout=CALL_LIMIT)
        try:
            connection.request("GET", "/v2/")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def manifest_digest(self, name):
        repository, _, tag = name.partition(":")
        connection = http.client.HTTPConnection(self.address, timeout=CALL_LIMIT)
        try:
            connection.request("HEAD", f"/v2/{repository}/manifests/{tag}", headers={
                "Accept": "application/vnd.oci.image.manifest.v1+json"})
            return connection.getresponse().getheader("Docker-Content-Digest")
        finally:
            connection.close()
