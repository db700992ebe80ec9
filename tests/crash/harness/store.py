"""What must hold of a store after a fault."""
import hashlib
import io
import json
import pathlib
import sqlite3

from .engine import Lost
from . import images

# What stays in an empty store: databases, locks, and the shelves of blobs.
PARTS = ["content", "snapshots", "images", "builder", "containers"]


def rows(database, query, read=lambda value: value):
    """The first column of the query's rows, each read."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return [read(row[0]) for row in connection.execute(query)]
    finally:
        connection.close()


def files_below(directory):
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir() or path.is_symlink()}


def is_furniture(path):
    name = pathlib.Path(path).name
    return name == "lock" or name.endswith((".db", ".db-wal", ".db-shm"))


def leftovers(store):
    """Files of the store that are more than an empty one has."""
    return sorted(f"{part}/{path}" for part in PARTS for path in files_below(store / part)
                  if not is_furniture(path))


def unrecorded_blobs(content):
    recorded = set(rows(content / "content.db", "SELECT digest FROM blob"))
    present = {"sha256:" + pathlib.Path(path).name for path in files_below(content / "blobs")}
    return [f"blob {digest} has no row" for digest in present - recorded] + [
        f"blob {digest} has no file" for digest in recorded - present]


def unrecorded(store, resumable):
    """Files that belong to no record, as words. `resumable`: digests whose download may wait to be
    continued."""
    wrong = unrecorded_blobs(store / "content")
    allowed = {hashlib.sha256(f"blob-{digest}".encode()).hexdigest() for digest in resumable}
    wrong += [f"ingest {name} can never be continued" for name in files_below(store / "content/ingests") - allowed]
    known = {str(row) for row in rows(store / "snapshots/snapshot.db", "SELECT id FROM snapshot")}
    for directory in (store / "snapshots/snapshots").iterdir():
        if directory.name not in known:
            wrong.append(f"snapshot directory {directory.name} has no row")
    wrong += [f"{part} holds {path}" for part in
              ["content/trash", "snapshots/trash", "snapshots/new", "images/loading", "builder/scratch"]
              for path in files_below(store / part)]
    return wrong


def chain_ids(config):
    """The names of the snapshots of an image's layers (OCI image-spec, config.md, ChainID)."""
    names = []
    for diff_id in config.get("rootfs", {}).get("diff_ids", []):
        both = f"{names[-1]} {diff_id}" if names else None
        names.append("sha256:" + hashlib.sha256(both.encode()).hexdigest() if both else diff_id)
    return names


def document(store, digest):
    """A manifest, an index or a config, as far as it is here."""
    try:
        return json.loads((store / "content/blobs/sha256" / digest[7:9] / digest[7:]).read_bytes())
    except (OSError, ValueError):
        return {}


def unneeded(store):
    """Blobs and layers that no image, no unfinished pull and no record of the build cache leads to,
    as words."""
    cache = store / "builder/cache.db"
    blobs = set(rows(cache, "SELECT blob FROM records"))
    layers = set(rows(cache, "SELECT snapshot FROM records"))
    waiting = rows(store / "images/images.db", "SELECT digest FROM target UNION SELECT digest FROM begun")
    while waiting:
        digest = waiting.pop()
        found = document(store, digest)
        blobs |= {digest} | {part["digest"] for part in [found.get("config"), *found.get("layers", [])] if part}
        if "config" in found:
            layers |= set(chain_ids(document(store, found["config"]["digest"])))
        waiting += [part["digest"] for part in found.get("manifests", [])]
    extra = set(rows(store / "content/content.db", "SELECT digest FROM blob")) - blobs
    return [f"nothing needs blob {digest}" for digest in extra] + unneeded_layers(store, layers)


def unneeded_layers(store, layers):
    """A layer also keeps those below it; what is made for containers goes with the layer it is on."""
    database = store / "snapshots/snapshot.db"
    below = dict(rows(database, "SELECT json_array(s.name, p.name) FROM snapshot s JOIN snapshot p ON p.id = s.parent",
                      json.loads))
    needed = set()
    for name in layers:
        while name and name not in needed:
            needed.add(name)
            name = below.get(name)
    return [f"nothing needs layer {name}" for name in rows(database, "SELECT name FROM snapshot WHERE kind = 2")
            if name.removeprefix("container-init:") not in needed]


def check_records(daemon, resumable, unneeded_too=True):
    """The daemon's own check finds nothing, and ours of what it would not call a fault."""
    code, text = daemon.skiff("system", "check", "--deep")
    if code != 0:
        raise Lost(f"system check: {text}")
    store = daemon.root / "store"
    wrong = unrecorded(store, resumable) + (unneeded(store) if unneeded_too else [])
    if wrong:
        raise Lost(f"leaked: {'; '.join(wrong[:5])}")


def check_whole(daemon, image_id, tags, known):
    """An image that is listed can be saved, has the tree that it had, and runs."""
    wrong = images.check_archive(io.BytesIO(daemon.ask("GET", f"/images/get?names={image_id}")), image_id)
    if wrong:
        raise Lost(f"save of {image_id}: {'; '.join(wrong[:5])}")
    made = json.loads(daemon.ask("POST", "/containers/create",
                                 {"Image": image_id, "Cmd": ["/probe"],
                                  "HostConfig": {"NetworkMode": "none", "CgroupParent": daemon.container_parent}}))
    try:
        export = daemon.ask("GET", f"/containers/{made['Id']}/export")
        tree = images.tree_of_export(io.BytesIO(export))
        if known is not None:
            wrong = images.differences(known, tree)
            if wrong:
                raise Lost(f"tree of {image_id} {tags}: {'; '.join(wrong[:5])}")
        if "probe" in tree:
            run(daemon, made["Id"])
    finally:
        daemon.ask("DELETE", f"/containers/{made['Id']}?force=1")


def run(daemon, container):
    daemon.ask("POST", f"/containers/{container}/start")
    ended = json.loads(daemon.ask("POST", f"/containers/{container}/wait"))
    said = daemon.ask("GET", f"/containers/{container}/logs?stdout=1")
    if ended["StatusCode"] != 0 or b"whole" not in said:
        raise Lost(f"a container ended with {ended} and said {said!r}")


def check_emptied(daemon):
    """A prune brings the store back to its empty size."""
    for container in json.loads(daemon.ask("GET", "/containers/json?all=1")):
        daemon.ask("DELETE", f"/containers/{container['Id']}?force=1")
    daemon.must("system", "prune", "-a", "-f")
    left = leftovers(daemon.root / "store")
    if left:
        raise Lost(f"{len(left)} files are left after a prune: {'; '.join(left[:5])}")
