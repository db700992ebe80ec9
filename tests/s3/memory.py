#!/usr/bin/env python3
"""tests/s3/memory.py: the most memory that a registry takes, whose blobs are in an S3 store, while many upload to it at once.
SKIFF_REGISTRY_FLAGS names the store. Fails above 64 MiB. SKIFF_MEMORY_UPLOADS (100) uploads of SKIFF_MEMORY_MIB (20) each.
tests/s3/registry runs it."""
import hashlib
import http.client
import os
import pathlib
import re
import shutil
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
from distribution import Checklist, Registry  # noqa: E402

UPLOADS, MIB = int(os.environ.get("SKIFF_MEMORY_UPLOADS", 100)), int(os.environ.get("SKIFF_MEMORY_MIB", 20))
CHUNK = bytes(range(256)) * 4096


def upload(registry, number, failures):
    first = f"{number:08}".encode() + CHUNK[8:]
    whole = hashlib.sha256(first)
    for _ in range(MIB - 1):
        whole.update(CHUNK)
    connection = http.client.HTTPConnection("127.0.0.1", registry.port, timeout=600)
    body = (first if i == 0 else CHUNK for i in range(MIB))
    connection.request("POST", f"/v2/a/blobs/uploads/?digest=sha256:{whole.hexdigest()}", body,
                       {"Content-Length": str(MIB << 20), "Content-Type": "application/octet-stream"})
    answer = connection.getresponse()
    if answer.status != 201:
        failures.append((answer.status, answer.read()))


def memory(registry):
    text = pathlib.Path(f"/proc/{registry.process.pid}/status").read_text()
    return {name: int(kib) / 1024 for name, kib in re.findall(r"(VmHWM|VmRSS|RssAnon|Threads):\s+(\d+)", text)}


def main():
    root = pathlib.Path(tempfile.mkdtemp(prefix="skiff-s3-memory-", dir="/tmp"))
    registry, failures = Registry(root, "--max-connections", "1024"), []
    try:
        idle = memory(registry)["VmRSS"]
        threads = [threading.Thread(target=upload, args=(registry, number, failures)) for number in range(UPLOADS)]
        for thread in threads:
            thread.start()
        most_anonymous, most_threads = 0, 0
        for thread in threads:
            while thread.is_alive():
                thread.join(0.1)
                now = memory(registry)
                most_anonymous, most_threads = max(most_anonymous, now["RssAnon"]), max(most_threads, now["Threads"] * 1024)
        peak = memory(registry)["VmHWM"]
    finally:
        registry.kill()
        shutil.rmtree(root, ignore_errors=True)
    check = Checklist()
    check("all uploads are taken", not failures, failures[:1])
    check("they take no more than 64 MiB", peak <= 64, peak)
    print(f"{UPLOADS} uploads of {MIB} MiB at once: {peak:.1f} MiB at most, {most_anonymous:.1f} of them anonymous, "
          f"{most_threads:.0f} threads; idle {idle:.1f} MiB")
    print(f"{check.passed} passed, {len(check.failed)} failed, 0 skipped")
    return bool(check.failed)


if __name__ == "__main__":
    sys.exit(main())
