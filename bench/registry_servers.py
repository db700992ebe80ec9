"""The servers that bench/registry measures, each with the same things in it: a manifest, blobs of
1 MiB and 1 GiB. Ours, docker-registry of Debian 13, and nginx with static files as the floor."""
import hashlib
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import urllib.request

import lib

PEERS = lib.SOURCE / "tests/peers"
TREE = pathlib.Path(os.environ.get("SKIFF_CACHE", pathlib.Path.home() / ".cache/skiff")) / "peers-trixie"
PACKAGES = {"docker-registry": "usr/bin/docker-registry", "nginx-light": "usr/sbin/nginx"}
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
NAME = "team/app"


def install_peers():
    """The packages in the tree of stock clients: needs the network that a private namespace lacks."""
    subprocess.run([PEERS, "--setup"], check=True)
    missing = [package for package, program in PACKAGES.items() if not (TREE / program).exists()]
    if missing:
        subprocess.run([PEERS, "sh", "-c", "apt-get update -q && DEBIAN_FRONTEND=noninteractive "
                        f"apt-get install -qy --no-install-recommends {' '.join(missing)}"],
                       check=True, stdout=subprocess.DEVNULL)


def digest_of(path):
    with open(path, "rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


class Content:
    """What every server holds."""

    def __init__(self, directory, big_mib):
        self.files = {}
        for name, mib in {"small": 1, "big": big_mib}.items():
            path = directory / name
            with open(path, "wb") as file:
                for _ in range(mib):
                    file.write(os.urandom(1 << 20))
            self.files[name] = (path, digest_of(path))
        config = directory / "config"
        config.write_text(json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}))
        self.files["config"] = (config, digest_of(config))
        described = [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": self.files[n][1],
                      "size": self.files[n][0].stat().st_size} for n in ("small", "big")]
        self.manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST_TYPE, "layers": described,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": self.files["config"][1],
                       "size": config.stat().st_size}}).encode()


def request(method, url, body=None, headers=None):
    made = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    with urllib.request.urlopen(made) as answer:
        return answer.headers, answer.read()


class Server:
    """A process that serves on `port`; CPU and memory are those of its processes."""

    def __init__(self, name, root, port):
        self.name, self.port = name, port
        self.root = root / name
        self.root.mkdir()
        self.process = None

    def start(self):
        with open(self.root / "log", "a") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log)
        lib.wait_until(lambda: subprocess.run(["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{self.port}/"]).returncode == 0,
                       f"{self.name} (see {self.root}/log)")

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def cpu(self):
        return lib.tree_cpu_seconds(self.process.pid)

    def rss_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def blob_path(self, digest):
        return f"/v2/{NAME}/blobs/{digest}"

    def upload_url(self):
        headers, _ = request("POST", self.url(f"/v2/{NAME}/blobs/uploads/"), b"")
        location = headers["Location"]
        return location if location.startswith("http") else self.url(location)

    def upload(self, path, digest):
        location = self.upload_url()
        url = f"{location}{'&' if '?' in location else '?'}digest={digest}"
        done = subprocess.run(["curl", "-fsS", "-o", "/dev/null", "-T", path, "-H", "Content-Type: application/octet-stream",
                               "-H", "Expect:", url])
        if done.returncode != 0:
            raise SystemExit(f"error: {self.name} does not take an upload (see {self.root}/log)")

    def fill(self, content):
        for path, digest in content.files.values():
            self.upload(path, digest)
        request("PUT", self.url(f"/v2/{NAME}/manifests/1"), content.manifest, {"Content-Type": MANIFEST_TYPE})


class Skiff(Server):
    def command(self):
        return [lib.BIN / "skiff-registry", "serve", "--root", self.root / "data", "--listen", f"127.0.0.1:{self.port}",
                "--scrub-rate", "0", "--log-level", "warn"]

    def drop_blob(self, digest):
        """So that an upload of it is one again."""
        request("DELETE", self.url(self.blob_path(digest)))
        self.stop()
        self.start()

    def add_tags(self, count):
        """Tags that differ from the one there in their names."""
        self.stop()
        with sqlite3.connect(self.root / "data/registry.db") as db:
            row = db.execute("SELECT * FROM tag LIMIT 1")
            at = [column[0] for column in row.description].index("name")
            values = list(row.fetchone())
            place = ",".join("?" * len(values))
            db.executemany(f"INSERT INTO tag VALUES({place})",
                           ((*values[:at], f"v{n:07}", *values[at + 1:]) for n in range(count)))
        db.close()
        self.start()


class DockerRegistry(Server):
    def command(self):
        settings = {"version": 0.1, "log": {"level": "error", "accesslog": {"disabled": True}},
                    "storage": {"filesystem": {"rootdirectory": str(self.root / "data")}, "delete": {"enabled": True}},
                    "http": {"addr": f"127.0.0.1:{self.port}"}}
        (self.root / "config.yml").write_text(json.dumps(settings))
        return [PEERS, "docker-registry", "serve", self.root / "config.yml"]


class Nginx(Server):
    """Serves files of the same paths."""

    def command(self):
        settings = self.root / "nginx.conf"
        settings.write_text(f"""
daemon off; worker_processes auto; pid {self.root}/pid; error_log {self.root}/errors; user root;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; default_type {MANIFEST_TYPE};
  server {{ listen 127.0.0.1:{self.port} backlog=1024; root {self.root}/files; }}
}}""")
        return [PEERS, "nginx", "-c", settings]

    def fill(self, content):
        base = self.root / "files/v2" / NAME
        (base / "manifests").mkdir(parents=True)
        (base / "blobs").mkdir()
        (base / "manifests/1").write_bytes(content.manifest)
        for path, digest in content.files.values():
            shutil.copy(path, base / "blobs" / digest)
