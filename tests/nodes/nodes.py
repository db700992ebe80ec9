#!/usr/bin/env python3
"""tests/nodes/nodes.py: two servers of one registry, with its tables in PostgreSQL and its blobs in an S3 store, which
SKIFF_REGISTRY_FLAGS names; one of them sends its clients to the store. Images are pushed to both, overwritten and deleted
while both collect garbage, uploads go from one to the other, and a server or the database is killed meanwhile: what was
answered 201 is whole. tests/nodes/run runs it."""
import itertools
import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "conformance")]
from distribution import PROGRAM, Checklist, Registry, digest, image  # noqa: E402
from postgres import Postgres  # noqa: E402

PUSHERS, ROUNDS = 4, int(os.environ.get("SKIFF_NODES_ROUNDS", 8))
LARGE = 100_000  # from 64 KiB on a server may send clients to the store
check = Checklist()
names = itertools.count()
sent_to_store = itertools.count()


def read_blob(node, repository, name):
    """What a client gets, who goes where he is sent; None where nothing."""
    answer = node.call("GET", f"/v2/{repository}/blobs/{name}")
    if answer.status == 200:
        return answer.body
    if answer.status != 307:
        return None
    next(sent_to_store)
    with urllib.request.urlopen(answer.getheader("Location"), timeout=30) as there:
        return there.read()


def whole(node, repository, tag, name):
    got = node.call("GET", f"/v2/{repository}/manifests/{tag}")
    if got.status != 200 or digest(got.body) != name:
        return False
    manifest = json.loads(got.body)
    blobs = [entry["digest"] for entry in (manifest["config"], *manifest["layers"])]
    return all(digest(read_blob(node, repository, blob) or b"") == blob for blob in blobs)


def push_in_turns(nodes, repository, data):
    """Each request of one upload to another node than the one before."""
    turn = itertools.cycle(nodes)
    location, half = next(turn).start_upload(repository), len(data) // 2
    for begin, end in ((0, half), (half, len(data))):
        answer = next(turn).call("PATCH", location, data[begin:end], Content_Range=f"{begin}-{end - 1}")
        assert answer.status == 202, (answer.status, answer.body)
    answer = next(turn).call("PUT", f"{location}?digest={digest(data)}")
    assert answer.status == 201, (answer.status, answer.body)


class Pusher(threading.Thread):
    """Tags of its own, so that it knows what each must be at; layers that all share. What disturbs it is over when
    `calm` is set: it goes on for as long again then."""

    def __init__(self, number, nodes, calm=None):
        super().__init__()
        self.calm = calm
        self.random, self.number, self.nodes = random.Random(number), number, nodes
        self.there, self.unknown, self.refused = {}, set(), []

    def run(self):
        for round in range(ROUNDS):
            self.once(round)
        if self.calm:
            self.calm.wait()
            for round in range(ROUNDS, 2 * ROUNDS):
                self.once(round)

    def once(self, round):
        repository, tag = self.random.choice("ab"), f"p{self.number}-{self.random.randrange(3)}"
        key = (repository, tag)
        node = self.random.choice(self.nodes)
        try:
            if key in self.there and self.random.random() < 0.25:
                self.unknown.add(key)
                answer = node.call("DELETE", f"/v2/{repository}/manifests/{self.there[key]}")
                if answer.status == 202:
                    self.unknown.discard(key)
                    del self.there[key]
            else:
                self.push(node, key, round)
        except (OSError, AssertionError) as error:  # a node that is killed, a database that is away
            self.refused.append(repr(error))

    def push(self, node, key, round):
        repository, tag = key
        config = json.dumps({"by": self.number, "round": round, "run": next(names)}).encode()
        layers = [f"layer {self.random.randrange(4)}".encode(), f"other {self.random.randrange(4)}".encode() * (LARGE // 7)]
        for blob in (config, *layers):
            if node.call("HEAD", f"/v2/{repository}/blobs/{digest(blob)}").status == 200:
                continue
            if self.random.random() < 0.5:
                node.push_blob(repository, blob)
            else:
                push_in_turns(self.random.sample(self.nodes, len(self.nodes)), repository, blob)
        document = json.dumps(image(config, layers)).encode()
        self.unknown.add(key)
        answer = node.put(repository, tag, document)
        if answer.status == 201:
            self.there[key] = digest(document)
            self.unknown.discard(key)
        elif answer.status < 500:
            self.unknown.discard(key)
            self.refused.append(f"{answer.status} {answer.body}")


def storm(name, nodes, disturb=None):
    calm = threading.Event() if disturb else None
    pushers = [Pusher(number, nodes, calm) for number in range(PUSHERS)]
    for pusher in pushers:
        pusher.start()
    if disturb:
        try:
            disturb()
        finally:
            calm.set()
    for pusher in pushers:
        pusher.join()
    pushed = 0
    for pusher in pushers:
        for (repository, tag), manifest in pusher.there.items():
            if (repository, tag) in pusher.unknown:
                continue
            pushed += 1
            for node in nodes:
                check(f"{name}: {repository}:{tag} is whole", whole(node, repository, tag, manifest))
    refused = [each for pusher in pushers for each in pusher.refused]
    check(f"{name}: images were pushed", pushed > 0, refused)
    if not disturb:
        check(f"{name}: nothing was refused", not refused, refused)


def resumed(nodes):
    """The node that has an upload is killed in the middle of a chunk; the other goes on with it."""
    data = random.Random(1).randbytes(9 << 20)
    told = 6 << 20
    location = nodes[0].start_upload("a")
    check("a first chunk", nodes[0].call("PATCH", location, data[:told]).status == 202)
    open_end = socket.create_connection(("127.0.0.1", nodes[0].port), 30)
    head = f"PATCH {location} HTTP/1.1\r\nHost: {nodes[0].host}\r\nContent-Length: {len(data) - told}\r\n\r\n"
    open_end.sendall(head.encode() + data[told:told + 1000])
    nodes[0].kill()
    open_end.close()
    state = nodes[1].call("GET", location)
    done = int(state.getheader("Range").split("-")[1]) + 1
    check("the other knows the offset", state.status == 204 and told <= done <= told + 1000, (state.status, done))
    answer = nodes[1].call("PATCH", location, data[done:], Content_Range=f"{done}-{len(data) - 1}")
    check("the other goes on", answer.status == 202, (answer.status, answer.body))
    answer = nodes[1].call("PUT", f"{location}?digest={digest(data)}")
    check("the other ends it", answer.status == 201, (answer.status, answer.body))
    nodes[0].start()
    check("both have the blob", all(read_blob(node, "a", digest(data)) == data for node in nodes))


class Upload(threading.Thread):
    """Of some parts, in chunks, each to any node; whatever breaks off goes on where a node says that it is."""

    CHUNK, ATTEMPTS = 3 << 20, 100

    def __init__(self, number, nodes):
        super().__init__()
        self.random, self.nodes, self.status, self.troubles = random.Random(100 + number), nodes, 0, []
        self.data = self.random.randbytes(17 << 20)

    def run(self):
        location = self.nodes[0].start_upload("a")
        for _ in range(self.ATTEMPTS):
            try:
                if self.goes_on(location, self.random.choice(self.nodes)):
                    return
            except OSError as error:
                self.troubles.append(repr(error))

    def goes_on(self, location, node):
        """Whether it is over."""
        state = node.call("GET", location)
        if state.status != 204:
            self.troubles.append(f"GET {state.status}")
            # Its end was answered to nobody.
            self.status = 201 if state.status == 404 and read_blob(node, "a", digest(self.data)) else state.status
            return state.status == 404
        last = int(state.getheader("Range").split("-")[1])
        done = last + 1 if last else 0
        if done < len(self.data):
            end = min(done + self.CHUNK, len(self.data))
            answer = node.call("PATCH", location, self.data[done:end], Content_Range=f"{done}-{end - 1}")
        else:
            answer = node.call("PUT", f"{location}?digest={digest(self.data)}")
            self.status = answer.status
        if answer.status >= 400:
            self.troubles.append(f"{answer.status} {answer.body}")
        return answer.status == 201


def uploads_in_turns(nodes):
    uploads = [Upload(number, nodes) for number in range(4)]
    for upload in uploads:
        upload.start()
    for _ in range(2):
        nodes[1].kill()
        nodes[1].start()
    for upload in uploads:
        upload.join()
        check("an upload that all nodes go on with ends", upload.status == 201, upload.troubles)
        for node in nodes:
            check("and is whole", read_blob(node, "a", digest(upload.data)) == upload.data)


def under_pushes(nodes, act):
    """What `act` makes of a registry where images come and go meanwhile."""
    pushers = [Pusher(number, nodes) for number in range(PUSHERS)]
    for pusher in pushers:
        pusher.start()
    made = act()
    for pusher in pushers:
        pusher.join()
    return made


def check_all(what, there):
    """All images of a registry, which goes."""
    try:
        tags = 0
        for repository in json.loads(there.call("GET", "/v2/_catalog").body)["repositories"]:
            for tag in json.loads(there.call("GET", f"/v2/{repository}/tags/list").body)["tags"] or ():
                tags += 1
                name = there.call("HEAD", f"/v2/{repository}/manifests/{tag}").getheader("Docker-Content-Digest")
                check(f"{what}: {repository}:{tag} is whole", whole(there, repository, tag, name))
        check(f"{what} has images", tags > 0)
        compared = subprocess.run([PROGRAM, "check", "--root", there.root / "data", "--deep"], capture_output=True, text=True)
        return compared.returncode == 0, compared.stdout + compared.stderr
    finally:
        there.kill()


def copied(nodes, database):
    """Tables that pg_dump took while images came and went, with the bucket as it is soon after: all of it is whole."""
    under_pushes(nodes, database.copy)
    check_all("a copy", Registry(nodes[0].root.parent / "copy", "--database", database.copy_url, "--no-gc"))


def moved(nodes, database):
    """A backup that was made while images came and went, restored into files, and from there to another database and
    another part of the bucket."""
    root = nodes[0].root.parent
    words = iter(os.environ["SKIFF_REGISTRY_FLAGS"].split())
    settings = {flag.removeprefix("--"): next(words) for flag in words}

    def config(**changes):
        path = root / "config.yaml"
        path.write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in (settings | changes).items()))
        return ("--config", path)

    def run(*command):
        done = subprocess.run([PROGRAM, *command], capture_output=True, text=True)
        check(f"{command[0]} ends well", done.returncode == 0, done.stdout + done.stderr)

    under_pushes(nodes, lambda: run("backup", root / "backup", "--root", nodes[0].root / "data", "--blobs", *config()))
    run("restore", root / "backup", "--root", root / "files/data")
    flags = os.environ.pop("SKIFF_REGISTRY_FLAGS")  # it has all in files
    check("in files all fits together", *check_all("in files", Registry(root / "files", "--no-gc")))
    run("backup", root / "again", "--root", root / "files/data")
    database.make("moved")
    there = {"database": database.url_of("moved"), "s3-prefix": "moved"}
    run("restore", root / "again", "--root", root / "moved/data", "--as-configured", *config(**there))
    os.environ["SKIFF_REGISTRY_FLAGS"] = flags.replace(settings["s3-prefix"], "moved")
    check("moved all fits together", *check_all("moved", Registry(root / "moved", "--no-gc")))
    os.environ["SKIFF_REGISTRY_FLAGS"] = flags


def main():
    root = pathlib.Path(tempfile.mkdtemp(prefix="skiff-nodes-", dir="/tmp"))
    root.chmod(0o755)
    database = Postgres(root / "postgres")
    flags = ("--database", database.url, "--gc-grace", "10", "--gc-untagged", "--undelete", "0")
    nodes = [Registry(root / "one", *flags), Registry(root / "two", *flags, "--s3-redirect")]
    try:
        resumed(nodes)
        uploads_in_turns(nodes)
        storm("a storm", nodes)

        def kill_a_node():
            time.sleep(0.5)
            nodes[1].kill()
            nodes[1].start()

        storm("a node is killed", nodes, kill_a_node)

        def kill_the_database():
            time.sleep(0.5)
            database.kill()
            database.start()

        storm("the database is killed", nodes, kill_the_database)
        storm("after all that", nodes)
        copied(nodes, database)
        moved(nodes, database)
        for node in nodes:
            compared = subprocess.run([PROGRAM, "check", "--root", node.root / "data", "--deep"], capture_output=True, text=True)
            check("all that is stored fits together", compared.returncode == 0, compared.stdout + compared.stderr)
        check("a node sent its clients to the store", next(sent_to_store) > 0)
    finally:
        for node in nodes:
            node.kill()
        database.stop()
        shutil.rmtree(root, ignore_errors=True)
    print(f"{check.passed} passed, {len(check.failed)} failed, 0 skipped")
    return bool(check.failed)


if __name__ == "__main__":
    sys.exit(main())
