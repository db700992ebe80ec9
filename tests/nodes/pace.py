#!/usr/bin/env python3
"""tests/nodes/pace.py: how many manifests a second two servers of one registry take from 16 pushers, each with a repository of
his own, and how often a transaction was undone because of another: while there are no other tags, among 16,000, and with a
quota that holds for all. By hand: tests/nodes/run pace. SKIFF_PACE_SECONDS (10) each."""
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


def push(port, repository, number, end, out):
    connection, done, refused = http.client.HTTPConnection("127.0.0.1", port, timeout=60), 0, 0
    while time.time() < end:
        document = json.dumps(image(b"{}", (b"layer",), annotations={"n": f"{number} {time.time_ns()}"})).encode()
        connection.request("PUT", f"/v2/{repository}{number}/web/manifests/latest", document, {"Content-Type": MANIFEST})
        answer = connection.getresponse()
        answer.read()
        done += answer.status == 201
        refused += answer.status != 201
    out.put((done, refused))


def ask(database, question):
    return subprocess.run(["psql", "-At", "-c", question, database.url], capture_output=True, text=True, check=True).stdout


def fill(database, batch):
    """Repositories with tags beside those that are pushed to: what is asked for lies on pages of their own then."""
    ask(database, f"""SET search_path TO registry;
      WITH made AS (INSERT INTO repository(name) SELECT 'f{batch}/' || n FROM generate_series(1, 100) n RETURNING id),
      names AS (SELECT id, t, 'sha256:' || md5('{batch} ' || id || ' ' || t) || md5('{batch}' || t) digest FROM made, generate_series(1, 10) t),
      manifests AS (INSERT INTO manifest(repository, digest, media_type, artifact_type, annotations, lease, bytes)
        SELECT id, digest, '', '', '{{}}', 0, '' FROM names RETURNING 1),
      edges AS (INSERT INTO edge(repository, parent, child) SELECT id, digest, digest FROM names RETURNING 1)
      INSERT INTO tag(repository, name, digest, updated) SELECT id, 't' || t, digest, 0 FROM names""")


def undone(database):
    return int(ask(database, "SELECT xact_rollback FROM pg_stat_database WHERE datname = 'postgres'"))


def measure(name, nodes, database, repository="p"):
    out, end = multiprocessing.Queue(), time.time() + SECONDS
    before = undone(database)
    pushers = [multiprocessing.Process(target=push, args=(nodes[n % 2].port, repository, n, end, out)) for n in range(PUSHERS)]
    for pusher in pushers:
        pusher.start()
    done = [out.get() for _ in pushers]
    for pusher in pushers:
        pusher.join()
    pushed = sum(each[0] for each in done)
    time.sleep(1.5)  # what sessions counted the server notes a second later
    print(f"{name}: {pushed / SECONDS:.0f} pushes/s, {(undone(database) - before) / max(1, pushed):.2f} undone a push, "
          f"{sum(each[1] for each in done)} refused; of one pusher {min(each[0] for each in done)} to {max(each[0] for each in done)}")


def main():
    root = pathlib.Path(tempfile.mkdtemp(prefix="skiff-pace-", dir="/tmp"))
    root.chmod(0o755)
    database = Postgres(root / "postgres")
    nodes = [Registry(root / name, "--database", database.url) for name in ("one", "two")]
    try:
        for number in range(PUSHERS):
            push_image(nodes[0], f"q{number}/web", "latest", b"{}", (b"layer",))
        measure("no other tags", nodes, database, "q")
        for number in range(PUSHERS):
            push_image(nodes[0], f"p{number}/web", "latest", b"{}", (b"layer",))
            fill(database, number)
        ask(database, "ANALYZE")  # as the server does by itself a minute later
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
