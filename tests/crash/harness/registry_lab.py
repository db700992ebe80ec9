"""The same for a registry: pushed to by a daemon that nothing happens to."""
import hashlib
import http.client
import json
import time

from . import store
from .engine import CALL_LIMIT, Lost, Registry
from .lab import Lab

MANIFEST_TYPES = "application/vnd.oci.image.manifest.v1+json"


class RegistryLab(Lab):
    registry_root = "registry"  # below the disk

    def make_daemon(self):
        return Registry(self.world.tools, self.work, self.disk.at)

    def __init__(self, world, name):
        super().__init__(world, name)
        for image in world.images:
            world.pusher.must("tag", f"crash/{image}", f"{self.daemon.address}/crash/{image}")

    def client(self, arguments):
        return self.world.pusher.client(*[str(word).format(registry=self.daemon.address) for word in arguments])

    def check(self, broken_off=None):
        self.check_images()
        self.check_records()
        if broken_off is not None:
            self.repeat(broken_off)
            self.check_images()
        self.check_end()
        self.daemon.stop()

    def check_end(self):
        """What must hold when all that was asked for is done."""

    def check_images(self):
        self.check_registry(set(self.model.present), set(self.model.maybe))

    def check_registry(self, present, maybe):
        listed = {f"crash/{name}:{tag}" for name in self.repositories() for tag in self.tags(name)}
        strange = listed - present - maybe
        lost = present - listed
        if strange or lost:
            raise Lost(f"acknowledged and gone: {sorted(lost)}; there and never asked for: {sorted(strange)}")
        for tag in listed:
            self.check_whole(*tag.rsplit(":", 1))

    def repositories(self):
        return [name.removeprefix("crash/") for name in json.loads(self.get("/v2/_catalog"))["repositories"]]

    def tags(self, name):
        return json.loads(self.get(f"/v2/crash/{name}/tags/list"))["tags"] or []

    def check_whole(self, repository, tag):
        manifest = self.get(f"/v2/{repository}/manifests/{tag}")
        wanted = self.world.registry.manifest_digest(f"{repository}:{tag}")
        if "sha256:" + hashlib.sha256(manifest).hexdigest() != wanted:
            raise Lost(f"{repository}:{tag} is another manifest")
        document = json.loads(manifest)
        for part in [document["config"], *document["layers"]]:
            data = self.get(f"/v2/{repository}/blobs/{part['digest']}")
            if "sha256:" + hashlib.sha256(data).hexdigest() != part["digest"]:
                raise Lost(f"{repository}:{tag}: blob {part['digest']} is damaged")

    def get(self, path):
        connection = http.client.HTTPConnection(self.daemon.address, timeout=CALL_LIMIT)
        try:
            connection.request("GET", path, headers={"Accept": MANIFEST_TYPES})
            response = connection.getresponse()
            data = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Lost(f"GET {path}: {error!r}: {self.daemon.last_words()}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise Lost(f"GET {path}: {response.status} {data[:200]!r}")
        return data

    def check_records(self, **_):
        self.check_registry_records()

    def check_registry_records(self):
        # A client that was refused one blob leaves its other uploads, which may just be ending.
        deadline = time.monotonic() + 60
        while wrong := self.unrecorded():
            if time.monotonic() > deadline:
                raise Lost(f"leaked: {'; '.join(wrong[:5])}")
            time.sleep(0.05)

    def unrecorded(self):
        root = self.daemon.root / self.registry_root
        wrong = store.unrecorded_blobs(root / "content")
        known = set(store.rows(root / "registry.db", "SELECT digest FROM blob"))
        return wrong + [f"blob {digest} is no blob of the registry's" for digest in
                        set(store.rows(root / "content/content.db", "SELECT digest FROM blob")) - known]
