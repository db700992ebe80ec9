"""layout.py DIRECTORY SEED: an OCI layout with an index of two images, tagged multi. Its layers are small,
differ between the platforms in one of two, and are others for another seed."""
import gzip
import hashlib
import io
import json
import pathlib
import sys
import tarfile

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
root, seed = pathlib.Path(sys.argv[1]), sys.argv[2]
(root / "blobs/sha256").mkdir(parents=True)


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def store(data, media_type):
    (root / "blobs/sha256" / digest(data)[7:]).write_bytes(data)
    return {"mediaType": media_type, "digest": digest(data), "size": len(data)}


def layer(name, text):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(text), 0o644
        archive.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


def image(architecture):
    layers = [layer("seed", seed + "\n"), layer("architecture", architecture + "\n" + seed * 300)]
    config = json.dumps({
        "architecture": architecture, "os": "linux", "config": {"Cmd": ["/bin/cat", "/seed"]},
        "rootfs": {"type": "layers", "diff_ids": [digest(data) for data in layers]},
        "history": [{"created_by": "layout.py"} for _ in layers]}).encode()
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": store(config, CONFIG),
                "layers": [store(gzip.compress(data, mtime=0), LAYER) for data in layers]}
    return dict(store(json.dumps(manifest).encode(), MANIFEST), platform={"os": "linux", "architecture": architecture})


index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [image("amd64"), image("arm64")]}
top = dict(store(json.dumps(index).encode(), INDEX), annotations={"org.opencontainers.image.ref.name": "multi"})
(root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))
(root / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
