#!/usr/bin/env python3
"""tests/escape/endless.py KIND COUNT: a tar archive of COUNT parts to standard output, made as it is read:
  files    empty files, 1,000 in a directory      flat     empty files, all in one directory
  names    names of 4,000 bytes, 1,900 directories deep, each another
  records  PAX headers of 1 MB before each file   globals  the same for all that follow
  record   one PAX header of COUNT MB             long     one GNU name of COUNT MB"""
import sys

from archives import DIR, FILE, PAX, PAX_GLOBAL, entry, header, padded, pax

MIB = 1 << 20


def numbered(template, count, name):
    """`count` headers that differ in their names: made by patching one, for there are millions."""
    base = bytearray(header("", template))
    base[148:156] = b" " * 8
    total = sum(base)
    head, middle, tail = bytes(base[:148]), bytes(base[148 + 8:]), b"\0 "
    for n in range(count):
        text = name(n).encode()
        yield text + head[len(text):] + b"%06o\0 " % (total + sum(text)) + middle


def files(count):
    for start in range(0, count, 1000):
        yield header(f"many/{start}/", DIR, mode=0o755)
        yield from numbered(FILE, min(1000, count - start), lambda n: f"many/{start}/{n}")


def flat(count):
    return numbered(FILE, count, lambda n: f"flat/{n}")


def names(count):
    for n in range(count):
        yield pax([("path", f"{n}/" + "d/" * 1900 + "f" * 150)]) + header("short")


def records(count, kind=PAX):
    value = b"v" * (MIB - 100)
    for n in range(count):
        yield pax([(f"SCHILY.xattr.user.{n}" if kind == PAX else f"comment{n}", value)], kind) + header(f"f{n}")


def globals(count):
    return records(count, PAX_GLOBAL)


def endless(kind, count):
    """A body of so many megabytes."""
    yield header("endless", kind, count * MIB)
    for _ in range(count):
        yield b"1048576 comment=" + b"v" * (MIB - 17) + b"\n"
    yield header("after")


KINDS = {"files": files, "flat": flat, "names": names, "records": records, "globals": globals,
         "record": lambda count: endless(PAX, count), "long": lambda count: endless(b"L", count)}


def main():
    kind, count = sys.argv[1], int(sys.argv[2])
    out = sys.stdout.buffer
    block = bytearray()
    for part in KINDS[kind](count):
        block += part
        if len(block) > MIB:
            out.write(block)
            block.clear()
    out.write(block + b"\0" * 1024)


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        sys.exit(0)
