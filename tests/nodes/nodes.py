#!/usr/bin/env python3
"""tests/nodes/nodes.py: two servers of one registry, with its tables in PostgreSQL and its blobs in an S3 store, which
SKIFF_REGISTRY_FLAGS names. Images are pushed to both, overwritten and deleted while both collect garbage, and a server or the
database is killed meanwhile: what was answered 201 is there. tests/nodes/run runs it."""
import itertools
import json
import os
import pathlib
import random
import shutil
import socket
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "conformance")]
from distribution import Checklist, Registry, digest, image, whole  # noqa: E402
from postgres import Postgres  # noqa: E402

PUSHERS, ROUNDS = 4, int(os.environ.get("SKIFF_NODES_ROUNDS", 8))
check = Checklist()
names = itertools.count()


class Pusher(threading.Thread):
    """Tags of its own, so that it knows what each must be at; layers that all share."""

    def __init__(self, number, nodes):
        super().__init__()
        self.random, self.number, self.nodes = random.Random(number), number, nodes
        self.there, self.unknown, self.refused = {}, set(), []

    def run(self):
        for round in range(ROUNDS):
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
        layers = [f"layer {self.random.randrange(4)}".encode(), f"other {self.random.randrange(4)}".encode()]
        for blob in (config, *layers):
            if node.call("HEAD", f"/v2/{repository}/blobs/{digest(blob)}").status != 200:
                node.push_blob(repository, blob)
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
    pushers = [Pusher(number, nodes) for number in range(PUSHERS)]
    for pusher in pushers:
        pusher.start()
    if disturb:
        disturb()
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
    check("both have the blob", all(node.call("GET", f"/v2/a/blobs/{digest(data)}").body == data for node in nodes))


def main():
    root = pathlib.Path(tempfile.mkdtemp(prefix="skiff-nodes-", dir="/tmp"))
    root.chmod(0o755)
    database = Postgres(root / "postgres")
    flags = ("--database", database.url, "--gc-grace", "10", "--gc-untagged", "--undelete", "0")
    nodes = [Registry(root / name, *flags) for name in ("one", "two")]
    try:
        resumed(nodes)
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
    finally:
        for node in nodes:
            node.kill()
        database.stop()
        shutil.rmtree(root, ignore_errors=True)
    print(f"{check.passed} passed, {len(check.failed)} failed, 0 skipped")
    return bool(check.failed)


if __name__ == "__main__":
    sys.exit(main())
