"""What the judges of registries share: a server in a process of its own, requests, documents, pushes."""
import hashlib
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("SKIFF_BIN", ROOT / "build/bin")) / "skiff-registry"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


class Checklist:
    """check(WHAT, CONDITION, DETAIL) counts, and prints what does not hold."""

    def __init__(self):
        self.passed, self.failed = 0, []

    def __call__(self, what, condition, detail=""):
        if condition:
            self.passed += 1
        else:
            self.failed.append(what)
            print(f"FAILED  {what}" + (f": {detail}" if detail else ""))


def digest(data, algorithm="sha256"):
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


class Registry:
    """One server on a port of its own; may be killed and started again on its root."""

    def __init__(self, root, *flags):
        self.root, self.flags, self.log = root, flags, root / "log"
        root.mkdir(parents=True, exist_ok=True)
        self.start()

    def command(self):
        # More for all, as where blobs are.
        more = os.environ.get("SKIFF_REGISTRY_FLAGS", "").split()
        return [PROGRAM, "serve", "--root", self.root / "data", "--listen", "127.0.0.1:0", *self.flags, *more]

    def start(self):
        self.log.write_text("")
        self.process = subprocess.Popen(self.command(), stdout=self.log.open("a"), stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = re.search(r"127\.0\.0\.1:(\d+)", self.log.read_text())
            if found:
                self.port = int(found.group(1))
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise SystemExit(f"error: {self.command()[0]} did not start: {self.log.read_text()}")

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def call(self, method, path, body=b"", **fields):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.body = answer.read()
        connection.close()
        return answer

    def error(self, method, path, body=b"", **fields):
        answer = self.call(method, path, body, **fields)
        try:
            return answer.status, json.loads(answer.body)["errors"][0]["code"]
        except (ValueError, KeyError, IndexError):
            return answer.status, None

    def push_blob(self, repository, data, algorithm="sha256"):
        name = digest(data, algorithm)
        answer = self.call("POST", f"/v2/{repository}/blobs/uploads/?digest={name}", data)
        assert answer.status == 201, (answer.status, answer.body)
        return name

    def start_upload(self, repository):
        answer = self.call("POST", f"/v2/{repository}/blobs/uploads/")
        assert answer.status == 202, answer.status
        return answer.getheader("Location")

    def put(self, repository, reference, document, media_type=MANIFEST):
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.call("PUT", f"/v2/{repository}/manifests/{reference}", data, Content_Type=media_type)


def descriptor(data, media_type, algorithm="sha256"):
    return {"mediaType": media_type, "digest": digest(data, algorithm), "size": len(data)}


def image(config=b"{}", layers=(), media_type=MANIFEST, algorithm="sha256", config_type=CONFIG, **more):
    return {"schemaVersion": 2, "mediaType": media_type, "config": descriptor(config, config_type, algorithm),
            "layers": [descriptor(layer, LAYER, algorithm) for layer in layers], **more}


def push_image(r, repository, tag, config=b"{}", layers=(), **more):
    for blob in (config, *layers):
        r.push_blob(repository, blob)
    document = json.dumps(image(config, layers, **more)).encode()
    answer = r.put(repository, tag, document)
    assert answer.status == 201, (answer.status, answer.body)
    return document


def whole(r, repository, tag, name):
    got = r.call("GET", f"/v2/{repository}/manifests/{tag}")
    if got.status != 200 or digest(got.body) != name:
        return False
    manifest = json.loads(got.body)
    for entry in (manifest["config"], *manifest["layers"]):
        blob = r.call("GET", f"/v2/{repository}/blobs/{entry['digest']}")
        if blob.status != 200 or digest(blob.body) != entry["digest"]:
            return False
    return True


class DockerRegistry(Registry):
    """Debian's docker-registry, from the tree of tests/peers."""

    CONFIG = "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\n" \
             "http: {{addr: '127.0.0.1:0'}}\n"

    def command(self):
        config = self.root / "config.yml"
        config.write_text(self.CONFIG.format(self.root / "data"))
        return [ROOT / "tests/peers", "env", "OTEL_TRACES_EXPORTER=none", "docker-registry", "serve", config]
