"""The test images, made by hand: what each is, as archive and as the tree that must come back."""
import dataclasses
import hashlib
import io
import json
import platform
import random
import re
import tarfile

TIME = 1_700_000_000
# A member of a saved archive that is named by its digest, in an OCI layout or as podman and dockerd do.
DIGEST_NAME = re.compile(r"(?:blobs/sha256/)?([0-9a-f]{64})(?:\.json|\.tar)?")
# What an engine adds to every container's root, and the export shows.
ENGINES_OWN = {".dockerenv", "dev", "proc", "sys", "etc", "etc/hosts", "etc/hostname", "etc/resolv.conf",
               "etc/mtab", "dev/console", "dev/pts", "dev/shm"}


@dataclasses.dataclass(frozen=True)
class Entry:
    kind: str  # file, dir, link
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    content: bytes = b""  # of a file; of a link where it leads


@dataclasses.dataclass(frozen=True)
class Seen:
    """An entry as a tree has it: comparable, without its bytes."""
    kind: str
    mode: int
    uid: int
    gid: int
    digest: str
    time: int


def seen(entry):
    digest = hashlib.sha256(entry.content).hexdigest()
    time = TIME if entry.kind == "file" else 0
    return Seen(entry.kind, entry.mode, entry.uid, entry.gid, digest, time)


def layer_tar(entries):
    """A layer's tar of {path: Entry}; a path that ends in ".wh.NAME" is a whiteout."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path, entry in entries.items():
            info = tarfile.TarInfo(path)
            info.mode, info.uid, info.gid, info.mtime = entry.mode, entry.uid, entry.gid, TIME
            if entry.kind == "file":
                info.size = len(entry.content)
            elif entry.kind == "dir":
                info.type = tarfile.DIRTYPE
            else:
                info.type, info.linkname = tarfile.SYMTYPE, entry.content.decode()
            tar.addfile(info, io.BytesIO(entry.content))
    return out.getvalue()


def stacked(layers):
    """The tree that the layers give: {path: Seen}."""
    tree = {}
    for layer in layers:
        for path, entry in layer.items():
            directory, _, name = path.rpartition("/")
            if not name.startswith(".wh."):
                tree[path] = seen(entry)
                continue
            gone = f"{directory}/{name[4:]}".lstrip("/")
            tree = {at: one for at, one in tree.items() if at != gone and not at.startswith(gone + "/")}
    return tree


class Image:
    """One image: its names, its docker-archive, and its tree."""

    def __init__(self, name, layers, directory):
        self.name = name
        self.tree = stacked(layers)
        tars = [layer_tar(layer) for layer in layers]
        config = json.dumps({
            "architecture": machine_name(), "os": "linux", "created": "2023-11-14T22:13:20Z",
            "config": {"Cmd": ["/probe"]},
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(tar).hexdigest() for tar in tars]},
            "history": [{"created": "2023-11-14T22:13:20Z", "created_by": f"layer {n}"} for n in range(len(tars))]})
        self.id = "sha256:" + hashlib.sha256(config.encode()).hexdigest()
        self.archive = directory / f"{name.replace(':', '-')}.tar"
        names = [f"{n}/layer.tar" for n in range(len(tars))]
        manifest = json.dumps([{"Config": "config.json", "RepoTags": [f"crash/{name}"], "Layers": names}])
        with tarfile.open(self.archive, "w") as out:
            for path, data in [("manifest.json", manifest.encode()), ("config.json", config.encode()),
                               *zip(names, tars)]:
                info = tarfile.TarInfo(path)
                info.size = len(data)
                out.addfile(info, io.BytesIO(data))


def machine_name():
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def files(chance, directory, count, largest):
    """A directory of `count` random files, with every third in a directory of its own."""
    out = {directory: Entry("dir", 0o755)}
    for n in range(count):
        at = directory
        if n % 3 == 0:
            at = f"{directory}/d{n}"
            out[at] = Entry("dir", 0o750, n, n)
        mode = chance.choice([0o644, 0o600, 0o4755, 0o444])
        out[f"{at}/f{n}"] = Entry("file", mode, n, 2 * n, chance.randbytes(chance.randrange(largest)))
    out[f"{directory}/link"] = Entry("link", 0o777, content=b"f1")
    return out


def base_layer(probe):
    return {"probe": Entry("file", 0o755, content=probe), "etc": Entry("dir", 0o755),
            "etc/passwd": Entry("file", content=b"root:x:0:0:root:/:/probe\n")}


def large_layer(chance, directory):
    """A blob of more than a mebibyte is removed in the background."""
    return files(chance, directory, 24, 20_000) | {
        f"{directory}/big": Entry("file", content=chance.randbytes(2_500_000))}


def make_root(probe, directory):
    """A whole tree as the tar that `docker import` takes, and as what must come back."""
    layer = base_layer(probe) | large_layer(random.Random(5), "root")
    archive = directory / "root.tar"
    archive.write_bytes(layer_tar(layer))
    return archive, stacked([layer])


def make_images(probe, directory):
    """{name: Image}: `base` alone, and two images on it that share its layer."""
    chance = random.Random(4)
    base = base_layer(probe)
    app = large_layer(chance, "app")
    change = {"app": Entry("dir", 0o755), "app/f1": Entry("file", content=b"changed"),
              "app/.wh.f2": Entry("file"), "app/d0": Entry("dir", 0o750), "app/d0/.wh.f0": Entry("file")}
    other = files(chance, "other", 12, 30_000)
    made = [Image("base:1", [base], directory), Image("app:1", [base, app, change], directory),
            Image("other:1", [base, other], directory)]
    return {image.name: image for image in made}


def tree_of_export(stream):
    """{path: Seen} of what `docker export` sends."""
    tree = {}
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for info in tar:
            path = info.name.removeprefix("./").rstrip("/")
            kind, content = "other", b""
            if info.isreg():
                kind, content = "file", tar.extractfile(info).read()
            elif info.isdir():
                kind = "dir"
            elif info.issym():
                kind, content = "link", info.linkname.encode()
            elif info.islnk():
                tree[path] = tree[info.linkname.removeprefix("./")]
                continue
            time = int(info.mtime) if kind == "file" else 0
            tree[path] = Seen(kind, info.mode & 0o7777, info.uid, info.gid, hashlib.sha256(content).hexdigest(), time)
    return tree


def differences(expected, actual):
    """What is wrong with an exported tree, as a list of words. A time of 0 fits any."""
    wrong = []
    for path, one in expected.items():
        got = actual.get(path)
        if got is None:
            wrong.append(f"{path} is missing")
        elif path in ENGINES_OWN or got == one:
            continue
        elif one.time or dataclasses.replace(got, time=0) != one:
            wrong.append(f"{path} is {got}, not {one}")
    extra = [path for path in actual if path and path not in expected and path not in ENGINES_OWN]
    return wrong + [f"{path} is too many" for path in extra]


def check_archive(stream, image_id):
    """What is wrong with an archive that `docker save` sent, as a list of words."""
    members = {}
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for info in tar:
            if info.isreg():
                members[info.name] = tar.extractfile(info).read()
            elif info.issym() or info.islnk():
                members[info.name] = None
    wrong = [f"{name} is damaged" for name, data in members.items()
             if data is not None and (named := DIGEST_NAME.fullmatch(name)) and hashlib.sha256(data).hexdigest() != named[1]]
    entries = json.loads(members.get("manifest.json", b"[]"))
    if not any(image_id.removeprefix("sha256:") in entry["Config"] for entry in entries):
        wrong.append(f"{image_id} is not in it")
    for entry in entries:
        wrong += [f"{part} is missing" for part in [entry["Config"], *entry["Layers"]] if part not in members]
    return wrong
