#!/usr/bin/env python3
"""tests/s3/nodes.py: a mirror that pushes, and an upload to a registry whose blobs are in an S3 store, whose node is killed in the middle of a
chunk; another node goes on. SKIFF_REGISTRY_FLAGS names the store. tests/s3/registry runs it."""
import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
from distribution import PROGRAM, Checklist, Registry, digest, push_image, whole  # noqa: E402

MIB = 1 << 20
check = Checklist()


def offset_of(answer):
    last = int(answer.getheader("Range").split("-")[1])
    return last + 1 if last else 0


def half_a_chunk(node, location, data, length):
    """Sends the head of a PATCH and some of its body, and leaves the connection open."""
    connection = socket.create_connection(("127.0.0.1", node.port), 30)
    head = f"PATCH {location} HTTP/1.1\r\nHost: {node.host}\r\nContent-Length: {length}\r\n\r\n"
    connection.sendall(head.encode() + data)
    return connection


def resumed(root, told, sent):
    """`told` bytes are answered 202; of `sent` more the node takes what it can until it is killed."""
    data = random.Random(told + sent).randbytes(told + sent + 3 * MIB)
    name = digest(data)
    first = Registry(root / "first")
    location = first.start_upload("a")
    if told:
        check(f"{told} bytes: 202", first.call("PATCH", location, data[:told]).status == 202)
    open_end = half_a_chunk(first, location, data[told:told + sent], len(data) - told)
    first.kill()
    open_end.close()
    # The metadata moves: as a database of several nodes, of which one is gone.
    shutil.copytree(root / "first", root / "second", ignore=shutil.ignore_patterns("control.sock"))
    shutil.rmtree(root / "first")
    second = Registry(root / "second")
    state = second.call("GET", location)
    done = offset_of(state)
    check(f"{told} + {sent}: the offset is what was told, or more", state.status == 204 and told <= done <= told + sent,
          (state.status, done))
    answer = second.call("PATCH", location, data[done:], Content_Range=f"{done}-{len(data) - 1}")
    check(f"{told} + {sent}: goes on", answer.status == 202, (answer.status, answer.body))
    answer = second.call("PUT", f"{location}?digest={name}")
    check(f"{told} + {sent}: is a blob", answer.status == 201, (answer.status, answer.body))
    check(f"{told} + {sent}: whole", second.call("GET", f"/v2/a/blobs/{name}").body == data)
    check(f"{told} + {sent}: by range", second.call("GET", f"/v2/a/blobs/{name}", Range="bytes=100-199").body == data[100:200])
    second.stop()
    shutil.rmtree(root / "second")


def killed_behind_the_answer(root):
    """What was answered 201 is there, whichever node is asked, and so are the images of it."""
    node = Registry(root / "node")
    document = push_image(node, "a", "1", b"{}", (b"one", os.urandom(9 * MIB)))
    node.kill()
    node.start()
    check("an image after the kill", node.call("GET", "/v2/a/manifests/1").body == document)
    check("its blob", node.call("GET", f"/v2/a/blobs/{digest(b'one')}").body == b"one")
    node.stop()


def pushed_by_a_mirror(root):
    ours, other = Registry(root / "ours"), Registry(root / "other")
    document = push_image(ours, "a", "1", b"{}", (random.Random(1).randbytes(9 * MIB), b"small"))
    for command in (["add", "out", f"http://{other.host}", "--push", "--repository", "a"], ["run", "out"]):
        done = subprocess.run([PROGRAM, "mirror", *command, "--root", ours.root / "data"], capture_output=True, text=True)
        check(f"mirror {command[0]}", done.returncode == 0, done.stdout + done.stderr)
    check("the other registry has all", whole(other, "a", "1", digest(document)))
    ours.stop()
    other.stop()


def secrets_stay(root):
    node = Registry(root / "secrets", "--log-level", "debug")
    node.push_blob("a", b"bytes")
    node.stop()
    log = node.log.read_text()
    check("the log has no secret", os.environ["AWS_SECRET_ACCESS_KEY"] not in log, log)


def main():
    root = pathlib.Path(tempfile.mkdtemp(prefix="skiff-s3-nodes-", dir="/tmp"))
    try:
        for told, sent in ((0, 100), (100, 9 * MIB), (9 * MIB + 7, 20 * MIB), (16 * MIB, 0)):
            resumed(root, told, sent)
        killed_behind_the_answer(root)
        pushed_by_a_mirror(root)
        secrets_stay(root)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    print(f"{check.passed} passed, {len(check.failed)} failed, 0 skipped")
    return bool(check.failed)


if __name__ == "__main__":
    sys.exit(main())
