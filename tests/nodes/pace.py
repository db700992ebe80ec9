#!/usr/bin/env python3
"""tests/nodes/pace.py: how many manifests a second two servers of one registry take from 16 pushers, each with a repository of
his own, and how often a transaction was undone because of another; without and with a quota that holds for all. By hand:
tests/nodes/run pace. SKIFF_PACE_SECONDS (10) each."""
import http.client
import json
import multiprocessing
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "conformance")]
from distribution import MANIFEST, PROGRAM, Registry, image, push_image  # noqa: E402
from postgres import Postgres  # noqa: E402

PUSHERS, SECONDS = int(os.environ.get("SKIFF_PACE_PUSHERS", 16)), float(os.environ.get("SKIFF_PACE_SECONDS", 10))


def push(port, number, end, out):
    connection, done, refused = http.client.HTTPConnection("127.0.0.1", port, timeout=60), 0, 0
    while time.time() < end:
        document = json.dumps(image(b"{}", (b"layer",), annotations={"n": f"{number} {time.time_ns()}"})).encode()
        connection.request("PUT", f"/v2/p{number}/web/manifests/latest", document, {"Content-Type": MANIFEST})
        answer = connection.getresponse()
        answer.read()
        done += answer.status == 201
        refused += answer.status != 201
    out.put((done, refused))


def counted(database):
    text = subprocess.run(["psql", "-AtF,", "-c", "SELECT xact_commit, xact_rollback FROM pg_stat_database"
                           " WHERE datname = 'postgres'", database.url], capture_output=True, text=True, check=True).stdout
    return [int(number) for number in text.split(",")]


def measure(name, nodes, database):
    out, end = multiprocessing.Queue(), time.time() + SECONDS
    before = counted(database)
    pushers = [multiprocessing.Process(target=push, args=(nodes[n % 2].port, n, end, out)) for n in range(PUSHERS)]
    for pusher in pushers:
        pusher.start()
    done = [out.get() for _ in pushers]
    for pusher in pushers:
        pusher.join()
    pushed = sum(each[0] for each in done)
    time.sleep(1.5)  # what sessions counted the server notes a second later
    undone = counted(database)[1] - before[1]
    print(f"{name}: {pushed / SECONDS:.0f} pushes/s, {undone / max(1, pushed):.2f} undone a push, "
          f"{sum(each[1] for each in done)} refused; of one pusher {min(each[0] for each in done)} to {max(each[0] for each in done)}")


def main():
    root = pathlib.Path(tempfile.mkdtemp(prefix="skiff-pace-", dir="/tmp"))
    root.chmod(0o755)
    database = Postgres(root / "postgres")
    nodes = [Registry(root / name, "--database", database.url) for name in ("one", "two")]
    try:
        for number in range(PUSHERS):
            push_image(nodes[0], f"p{number}/web", "latest", b"{}", (b"layer",))
        measure("no quota", nodes, database)
        subprocess.run([PROGRAM, "quota", "set", "/", "10g", "--root", nodes[0].root / "data"], check=True)
        measure("a quota on all", nodes, database)
    finally:
        for node in nodes:
            node.kill()
        database.stop()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
