"""The same for a registry that is asked to delete, and collects what that makes garbage: what was deleted stays so,
what was not stays whole, and in the end nothing is stored that nothing needs."""
import hashlib
import http.client
import json
import sqlite3
import time

from .engine import CALL_LIMIT, Lost, Registry
from .registry_lab import MANIFEST_TYPES, RegistryLab

LOOSE = b"a blob that no manifest names" * 100
LOOSE_DIGEST = "sha256:" + hashlib.sha256(LOOSE).hexdigest()
COLLECTED_LIMIT = 60


def ask(address, method, path, body=None):
    """(status, headers, bytes) of one request."""
    connection = http.client.HTTPConnection(address, timeout=CALL_LIMIT)
    try:
        connection.request(method, path, body, {"Accept": MANIFEST_TYPES})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


class CollectingRegistry(Registry):
    """Whatever nothing names is garbage at once."""

    def command(self):
        return [*super().command(), "--gc-grace", "0", "--gc-untagged", "--undelete", "0"]


class DeletesLab(RegistryLab):
    def make_daemon(self):
        return CollectingRegistry(self.world.tools, self.work, self.disk.at)

    def begin(self, template):
        self.deleted, self.maybe_deleted = False, False  # the loose blob
        super().begin(template)

    def suppose(self, before, done, broken_off):
        self.deleted = any(step.deletes for step in done)
        self.maybe_deleted = broken_off is not None and bool(broken_off.deletes)
        return super().suppose(before, done, broken_off)

    def run(self, steps):
        for step in steps:
            failed = super().run([step])
            if failed is not None:
                self.maybe_deleted = bool(step.deletes)
                return failed
            self.deleted = self.deleted or bool(step.deletes)
        return None

    def client(self, arguments):
        """One request, or waiting for the collection: exit code and what was said."""
        what, *name = arguments
        if what == "collect":
            return self.wait_for_collection()
        repository, tag = name[0].split(":")
        reference = {"tag": tag, "manifest": self.world.registry.manifest_digest(name[0]), "blob": LOOSE_DIGEST}[what]
        kind = "blobs" if what == "blob" else "manifests"
        try:
            status, _, text = ask(self.daemon.address, "DELETE", f"/v2/{repository}/{kind}/{reference}")
        except (OSError, http.client.HTTPException) as error:
            return 1, repr(error)
        # What is gone cannot be deleted again.
        is_done = status == 202 or (status == 404 and self.maybe_deleted)
        return (0 if is_done else 1), text.decode()

    def wait_for_collection(self):
        deadline = time.monotonic() + COLLECTED_LIMIT
        while self.stored() != self.needed():
            if not self.daemon.alive():
                return 1, "it ended"
            if self.seam.armed() and self.seam.fired():
                return 0, ""  # what failed is tried again a minute later
            if time.monotonic() > deadline:
                return 1, f"not collected: {sorted(self.stored() - self.needed())}"
            time.sleep(0.01)
        return 0, ""

    def stored(self):
        return {"sha256:" + path.name for path in (self.daemon.root / "registry/content/blobs").rglob("*")
                if path.is_file()}

    def needed(self):
        blobs = set() if self.deleted else {LOOSE_DIGEST}
        for name in self.model.present:
            repository, tag = name.split(":")
            manifest = json.loads(ask(self.world.registry.address, "GET", f"/v2/{repository}/manifests/{tag}")[2])
            blobs |= {part["digest"] for part in [manifest["config"], *manifest["layers"]]}
        return blobs

    def tags(self, name):
        try:
            return super().tags(name)
        except Lost as lost:
            if "NAME_UNKNOWN" not in str(lost):
                raise
            return []  # collected since it was listed

    def check_images(self):
        super().check_images()
        there = ask(self.daemon.address, "HEAD", f"/v2/crash/app/blobs/{LOOSE_DIGEST}")[0] == 200
        if there == self.deleted and not self.maybe_deleted:
            raise Lost(f"the loose blob is {'back' if there else 'gone'}")

    def repeat(self, broken_off):
        super().repeat(broken_off)
        self.deleted = self.deleted or any(part.deletes for part in broken_off.parts)
        self.maybe_deleted = False

    def check_end(self):
        code, text = self.wait_for_collection()
        if code != 0:
            raise Lost(text)


def fill(lab):
    """Makes the store of a lab one whose garbage may go at once."""
    address = lab.daemon.address
    started = ask(address, "POST", "/v2/crash/app/blobs/uploads/", b"")[1]["Location"]
    path = started[started.index("/v2/"):]
    status, _, text = ask(address, "PUT", f"{path}{'&' if '?' in path else '?'}digest={LOOSE_DIGEST}", LOOSE)
    if status != 201:
        raise Lost(f"push of the loose blob: {status} {text[:300]}")
    lab.daemon.stop()
    database = sqlite3.connect(lab.daemon.root / "registry/registry.db")
    with database:
        for change in ["DELETE FROM candidate", "UPDATE link SET lease = 0", "UPDATE manifest SET lease = 0"]:
            database.execute(change)
    database.close()
