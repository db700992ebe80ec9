"""The groups of the specification's own conformance suite (its development version, with what it leaves off by
default), as sets of content: each is pushed by every way in turn, listed, asked for, pulled, looked up by its
subjects and deleted, tags first, then manifests from the top down, then blobs."""
import base64
import gzip
import io
import itertools
import json
import os
import tarfile

from distribution import CONFIG, EMPTY, INDEX, LAYER, MANIFEST, descriptor, digest, image

PLAIN_LAYER = "application/vnd.oci.image.layer.v1.tar"
FOREIGN_LAYER = "application/vnd.oci.image.layer.nondistributable.v1.tar"
ONE, TWO = "application/vnd.example.judge.one", "application/vnd.example.judge.two"
ACCEPT = f"{INDEX}, {MANIFEST}"


def layer(packed=True):
    """A tar with one file that no other has."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo("./file")
        text = os.urandom(20).hex().encode()
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
    return gzip.compress(out.getvalue()) if packed else out.getvalue()


class Content:
    """What one group pushes. Manifests are kept in the order of pushing."""

    def __init__(self, algorithm="sha256", data=False, extra=False):
        self.algorithm, self.data, self.extra = algorithm, data, extra
        self.blobs, self.manifests, self.tags, self.referrers = {}, {}, {}, {}

    def blob(self, content, media_type):
        self.blobs[digest(content, self.algorithm)] = content
        found = descriptor(content, media_type, self.algorithm)
        if self.data:
            found["data"] = base64.b64encode(content).decode()
        return found

    def manifest(self, document, tag=None, subject=None, artifact_type=None):
        if artifact_type:
            document["artifactType"] = artifact_type
        if subject:
            document["subject"] = subject
            document["annotations"] = {"org.example.who": "the judge", "org.example.number": os.urandom(4).hex()}
        if self.extra:
            document["org.example." + os.urandom(4).hex()] = os.urandom(4).hex()
        text = json.dumps(document).encode()
        found = descriptor(text, document["mediaType"], self.algorithm)
        self.manifests[found["digest"]] = text
        if tag:
            self.tags[tag] = found["digest"]
        if subject:
            kind = artifact_type or document.get("config", {}).get("mediaType")
            self.referrers.setdefault(subject["digest"], []).append(
                dict(found, artifactType=kind, annotations=document["annotations"]))
        return found

    def image(self, tag=None, layers=2, architecture="amd64", packed=True, **more):
        parts = [self.blob(layer(packed), LAYER if packed else PLAIN_LAYER) for _ in range(layers)]
        config = {"author": "the judge", "os": "linux", "architecture": architecture,
                  "rootfs": {"type": "layers", "diff_ids": [part["digest"] for part in parts]}}
        if self.extra:
            config["org.example.extra"] = os.urandom(4).hex()
        return self.manifest(document(self.blob(json.dumps(config).encode(), CONFIG), parts), tag, **more)

    def artifact(self, tag=None, kind=ONE, layer_type=None, content=None, **more):
        parts = [self.blob(os.urandom(2048) if content is None else content, layer_type or kind)]
        return self.manifest(document(self.blob(b"{}", EMPTY), parts), tag, artifact_type=kind, **more)

    def index(self, tag=None, children=None, **more):
        if children is None:
            children = self.platforms()
        return self.manifest({"schemaVersion": 2, "mediaType": INDEX, "manifests": children}, tag, **more)

    def platforms(self, make=None):
        return [dict((make or self.image)(architecture=a), platform={"os": "linux", "architecture": a})
                for a in ("amd64", "arm64")]


def document(config, layers):
    return {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}


def groups():
    """(name, content) of each group."""
    def group(name, fill, **options):
        content = Content(**options)
        fill(content)
        return name, content

    yield group("image", lambda c: c.image("image"))
    yield group("image of plain layers", lambda c: c.image("plain", packed=False))
    yield group("large manifest", large)
    yield group("index", lambda c: c.index("index"))
    yield group("nested index", lambda c: c.index("nested", [c.index(), c.index()]))
    yield group("empty index", lambda c: c.index("empty", []))
    yield group("artifact", lambda c: c.artifact("artifact"))
    yield group("artifact index", lambda c: c.index(
        "artifacts", c.platforms(lambda architecture: c.artifact()), artifact_type=ONE))
    yield group("artifact without layers", lambda c: c.artifact("none", layer_type=EMPTY, content=b"{}"))
    yield group("artifacts with a subject", subjects)
    yield group("index with a subject", lambda c: c.index("tagged", subject=c.index("index"), artifact_type=ONE))
    yield group("missing subject", lambda c: c.artifact("tagged", subject=descriptor(b"missing", MANIFEST)))
    yield group("data in descriptors", lambda c: c.image("data"), data=True)
    yield group("layers from elsewhere", elsewhere)
    yield group("custom fields", lambda c: c.index("custom"), extra=True)
    yield group("no layers", lambda c: c.image("none", layers=0))
    yield group("sha512", lambda c: c.index(), algorithm="sha512")


def large(content):
    whole = document(content.blob(b"{}", CONFIG), [content.blob(layer(), LAYER)])
    whole["annotations"] = {f"large-{i}": "A" * 10000 for i in range(390)}
    content.manifest(whole, "large")


def subjects(content):
    subject = content.image("image")
    content.image(subject=subject)
    content.artifact("one", subject=subject)
    content.artifact("two", kind=TWO, layer_type="application/octet-stream", subject=subject)


def elsewhere(content):
    parts = [dict(descriptor(os.urandom(256), kind), size=123456, urls=["https://store.example.com/x"])
             for kind in (FOREIGN_LAYER, FOREIGN_LAYER + "+gzip")]
    parts.append(content.blob(layer(), LAYER))
    content.manifest(document(content.blob(b"{}", CONFIG), parts), "elsewhere")


def sparse():
    """An image without one of its layers, and an index without one of its images."""
    content = Content()
    content.image("image")
    del content.blobs[next(iter(content.blobs))]
    absent = dict(descriptor(os.urandom(1024), MANIFEST), platform={"os": "linux", "architecture": "arm64"})
    content.index("index", [content.image(), absent])
    return content


class Judge:
    """Takes content through its life in one repository."""

    def __init__(self, registry, check, repository="suite/one"):
        self.r, self.check, self.repository = registry, check, repository
        self.ways = itertools.cycle([self.post, self.post_put, self.chunks, self.stream])

    def __call__(self, name, content, tag_parameters=False):
        self.name = name
        self.push(content, tag_parameters)
        self.list(content)
        self.ask(content, "HEAD")
        self.ask(content, "GET")
        self.look_up(content)
        self.delete(content)

    def holds(self, what, condition, detail=""):
        self.check(f"{self.name}: {what}", condition, detail)

    def path(self, rest):
        return f"/v2/{self.repository}/{rest}"

    def post(self, name, data):
        return self.r.call("POST", self.path(f"blobs/uploads/?digest={name}"), data)

    def post_put(self, name, data):
        return self.r.call("PUT", f"{self.r.start_upload(self.repository)}?digest={name}", data)

    def chunks(self, name, data):
        location, step = self.r.start_upload(self.repository), max(len(data) // 3 + 1, 1)
        for start in range(0, len(data), step):
            part = data[start:start + step]
            sent = self.r.call("PATCH", location, part, Content_Range=f"{start}-{start + len(part) - 1}",
                               Content_Type="application/octet-stream")
            location = sent.getheader("Location")
        return self.r.call("PUT", f"{location}?digest={name}")

    def stream(self, name, data):
        sent = self.r.call("PATCH", self.r.start_upload(self.repository), iter([data]))
        return self.r.call("PUT", f"{sent.getheader('Location')}?digest={name}")

    def push(self, content, tag_parameters):
        for name, data in content.blobs.items():
            way = next(self.ways)
            answer = way(name, data)
            self.holds(f"a blob by {way.__name__}: 201", answer.status == 201, (answer.status, answer.body))
            self.holds(f"a blob by {way.__name__}: digest", answer.getheader("Docker-Content-Digest") == name)
            got = self.r.call("GET", answer.getheader("Location") or "/none")
            self.holds(f"a blob by {way.__name__}: its Location", got.status == 200 and got.body == data)
        for name, text in content.manifests.items():
            tags = [tag for tag, of in content.tags.items() if of == name]
            query = "?" + "&".join(f"tag={tag}" for tag in tags) if tag_parameters and tags else ""
            answer = self.put(name, name + query, text)
            if query:
                self.holds("OCI-Tag", answer.headers.get_all("OCI-Tag") == tags)
            else:
                for tag in tags:
                    self.put(name, tag, text)

    def put(self, name, reference, text):
        kind, subject = json.loads(text)["mediaType"], json.loads(text).get("subject", {}).get("digest")
        answer = self.r.put(self.repository, reference, text, kind)
        self.holds("a manifest: 201", answer.status == 201, (answer.status, answer.body))
        self.holds("a manifest: digest", answer.getheader("Docker-Content-Digest") == name)
        self.holds("a manifest: OCI-Subject", answer.getheader("OCI-Subject") == subject)
        got = self.r.call("GET", answer.getheader("Location") or "/none", Accept=ACCEPT)
        self.holds("a manifest: its Location", got.status == 200 and got.body == text)
        return answer

    def tags(self, query=""):
        answer = self.r.call("GET", self.path(f"tags/list{query}"))
        # A repository whose last tag is gone may be gone, too.
        return json.loads(answer.body)["tags"] if answer.status == 200 else []

    def list(self, content):
        tags = self.tags()
        self.holds("its tags are listed", set(content.tags) <= set(tags), tags)
        if len(tags) > 1:
            middle = len(tags) // 2
            self.holds("tags after one", self.tags(f"?last={tags[middle - 1]}") == tags[middle:])
            self.holds("some tags", self.tags("?n=1") == tags[:1])

    def ask(self, content, method):
        for reference, name in [*content.tags.items(), *((name, name) for name in content.manifests)]:
            text = content.manifests[name]
            got = self.r.call(method, self.path(f"manifests/{reference}"), Accept=ACCEPT)
            self.holds(f"{method} manifest", got.status == 200 and got.body == (text if method == "GET" else b""))
            self.holds(f"{method} manifest: type", got.getheader("Content-Type") == json.loads(text)["mediaType"])
            self.holds(f"{method} manifest: length", got.getheader("Content-Length") == str(len(text)))
            self.holds(f"{method} manifest: digest", got.getheader("Docker-Content-Digest") == name)
        for name, data in content.blobs.items():
            got = self.r.call(method, self.path(f"blobs/{name}"))
            self.holds(f"{method} blob", got.status == 200 and got.body == (data if method == "GET" else b""))
            self.holds(f"{method} blob: length", got.getheader("Content-Length") == str(len(data)))
            self.holds(f"{method} blob: digest", got.getheader("Docker-Content-Digest") == name)

    def look_up(self, content):
        for subject, wanted in content.referrers.items():
            for kind in (None, *{one["artifactType"] for one in wanted}):
                query = f"?artifactType={kind.replace('+', '%2B')}" if kind else ""
                answer = self.r.call("GET", self.path(f"referrers/{subject}{query}"))
                self.holds("referrers: an index", answer.status == 200 and answer.getheader("Content-Type") == INDEX)
                found = json.loads(answer.body)
                self.holds("referrers: its type", (found["schemaVersion"], found["mediaType"]) == (2, INDEX))
                expected = [one for one in wanted if kind in (None, one["artifactType"])]
                same = sorted(found["manifests"], key=str_digest) == sorted(expected, key=str_digest)
                self.holds(f"referrers of type {kind}", same, found["manifests"])
                applied = answer.getheader("OCI-Filters-Applied")
                self.holds("OCI-Filters-Applied", applied == ("artifactType" if kind else None), applied)

    def delete(self, content):
        for tag in content.tags:
            self.gone(f"manifests/{tag}", "a tag")
        for name in reversed(content.manifests):
            self.gone(f"manifests/{name}", "a manifest")
        for name in content.blobs:
            self.gone(f"blobs/{name}", "a blob")

    def gone(self, rest, what):
        answer = self.r.call("DELETE", self.path(rest))
        self.holds(f"DELETE of {what}: 202", answer.status == 202, (answer.status, answer.body))
        self.holds(f"{what} is gone at once", self.r.call("HEAD", self.path(rest)).status == 404)


def str_digest(one):
    return one["digest"]


def wrong_digests(judge):
    """Content that is not what its digest says, by every way; nothing of it stays."""
    for algorithm in ("sha256", "sha512"):
        for way in (judge.post, judge.post_put, judge.chunks, judge.stream):
            data = os.urandom(3 * 1024 - 5)
            name = digest(data, algorithm)
            judge.name = f"wrong {algorithm} by {way.__name__}"
            judge.holds("400", way(name, data + b"oh no").status == 400)
            judge.holds("nothing stays", judge.r.call("HEAD", judge.path(f"blobs/{name}")).status == 404)
            judge.holds("the right bytes come after it", way(name, data).status == 201)
            judge.gone(f"blobs/{name}", "the blob")


def judge_all(r, sparse_registry, check):
    judge = Judge(r, check)
    for name, content in groups():
        judge(name, content)
    for algorithm in ("sha256", "sha512"):
        content = Content(algorithm)
        content.tags["top"] = content.index("again")["digest"]
        for number, name in enumerate(content.manifests):
            content.tags[f"tag-{number}"] = name
        judge(f"tags by parameter, {algorithm}", content, tag_parameters=True)
    wrong_digests(judge)
    Judge(sparse_registry, check)("sparse", sparse())
