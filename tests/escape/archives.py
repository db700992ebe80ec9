#!/usr/bin/env python3
"""tests/escape/archives.py SENTINEL DIRECTORY: hostile tar archives, one a file, made byte by byte as
no archiver would. SENTINEL is a directory of the host that they try to reach."""
import gzip
import pathlib
import struct
import sys

FILE, HARD, SYM, CHAR, BLOCK, DIR, FIFO, SPARSE, PAX, PAX_GLOBAL = b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"S", b"x", b"g"
BLOCK_SIZE = 512
UP = "../" * 12


def number(value, width):
    """Octal, or base 256 where that does not fit."""
    octal = b"%0*o" % (width - 1, value) if value >= 0 else b"x" * width
    if len(octal) < width:
        return octal + b"\0"
    return (b"\xff" if value < 0 else b"\x80") + (value % (1 << (8 * (width - 1)))).to_bytes(width - 1, "big")


def header(name, kind=FILE, size=0, link="", mode=0o644, uid=0, gid=0, mtime=0, major=0, minor=0, tail=b""):
    name, link = (text if isinstance(text, bytes) else text.encode() for text in (name, link))
    magic = b"ustar  \0" if tail else b"ustar\x0000"
    block = (name[:100].ljust(100, b"\0") + number(mode, 8) + number(uid, 8) + number(gid, 8) + number(size, 12)
             + number(mtime, 12) + b" " * 8 + kind + link[:100].ljust(100, b"\0") + magic + b"\0" * 64
             + number(major, 8) + number(minor, 8) + tail)
    block = block.ljust(BLOCK_SIZE, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def padded(data):
    return data + b"\0" * (-len(data) % BLOCK_SIZE)


def long_name(kind, text):
    """GNU's entry before one whose name (L) or link (K) does not fit its header."""
    data = text.encode() + b"\0"
    return header("././@LongLink", kind, len(data)) + padded(data)


def entry(name, kind=FILE, data=b"", link="", **fields):
    """One whose name and link may have any length."""
    before = long_name(b"L", name) if isinstance(name, str) and len(name) > 100 else b""
    before += long_name(b"K", link) if len(link) > 100 else b""
    return before + header(name, kind, len(data), link=link, **fields) + padded(data)


def file(name, data=b"made\n", **fields):
    return entry(name, FILE, data, **fields)


def pax(records, kind=PAX):
    body = b""
    for key, value in records:
        value = value if isinstance(value, bytes) else str(value).encode()
        line = b" " + key.encode() + b"=" + value + b"\n"
        length = len(line) + len(str(len(line)))
        length = len(line) + len(str(length))
        body += str(length).encode() + line
    return header("pax", kind, len(body)) + padded(body)


def sparse(name, pieces, size, real):
    tail = b"\0" * 41 + b"".join(number(offset, 12) + number(length, 12) for offset, length in pieces).ljust(96, b"\0")
    return header(name, SPARSE, size, tail=tail + b"\0" + number(real, 12))


def deep(count):
    name = "/".join(["d"] * count) + "/file"
    return pax([("path", name)]) + file("short")


def links_and_names(sentinel):
    """Names that lead out, by themselves or through links of the archive."""
    made, secret = f"{sentinel}/made", f"{sentinel}/secret"
    up, up_made, up_secret = (UP + path[1:] for path in (sentinel, made, secret))
    return {
        "up": file(up_made),
        "up-in-the-middle": entry("a", DIR) + file(f"a/{up_made}"),
        "absolute": file(made),
        "absolute-directory": entry(f"{made}/", DIR, mode=0o777),
        "directory-modes": entry(f"{up}/directory", DIR, mode=0o777) + entry("..", DIR, mode=0o777),
        "dot-dot": entry("..", DIR, mode=0o777) + entry("../", DIR) + entry("a/..", DIR) + entry(".", DIR, mode=0o755),
        "through-link": entry("link", SYM, link=sentinel) + file("link/made"),
        "through-relative-link": entry("link", SYM, link=up) + file("link/made") + entry("link/d", DIR),
        "through-links": entry("a", SYM, link="b") + entry("b", SYM, link=sentinel) + file("a/made") + entry("a/empty", SYM, link="x"),
        "link-then-directory": entry("link", SYM, link=sentinel) + entry("link/", DIR, mode=0o777, uid=1) + file("link/made"),
        "link-then-file": entry("link", SYM, link=secret) + file("link", mode=0o777) + entry("link", HARD, link="link"),
        "directory-then-link": entry("a", DIR) + entry("a", SYM, link=sentinel) + file("a/made"),
        "hard-link-outside": entry("hard", HARD, link=up_secret) + file("hard"),
        "hard-link-absolute": entry("hard", HARD, link=secret) + file("hard"),
        "hard-link-over-link": entry("link", SYM, link=secret) + entry("hard", HARD, link="link") + file("hard") + file("link"),
        "hard-link-through-link": entry("link", SYM, link=sentinel) + entry("hard", HARD, link="link/secret") + file("hard", mode=0o777),
        "hard-link-to-directory": entry("d", DIR) + entry("hard", HARD, link="d"),
        "hard-link-to-itself": file("self") + entry("self", HARD, link="self"),
        "link-loop": entry("a", SYM, link="b") + entry("b", SYM, link="a") + file("a/made") + file("b"),
        "many-links": b"".join(entry(f"l{n}", SYM, link=f"l{n + 1}") for n in range(200)) + file("l0/made"),
        "whiteout-with-path": file(".wh.../x") + file(f".wh.{UP}x") + file("a/.wh..") + file("a/.wh...") + file(".wh."),
        "whiteout-up": file(f"{up}/.wh.secret") + file(f"{up}/.wh..wh..opq"),
        "whiteout-through-link": entry("link", SYM, link=sentinel) + file("link/.wh.secret") + file("link/.wh.directory"),
        "whiteout-of-root": file(".wh..wh..opq") + file(".wh.bin") + file(".wh..wh.plnk") + file(".wh..wh.aufs"),
        "opaque-on-link": entry("link", SYM, link=sentinel) + file("link/.wh..wh..opq"),
        "pax-path": pax([("path", up_made)]) + file("innocent"),
        "pax-path-absolute": pax([("path", made)]) + file("innocent"),
        "pax-link": pax([("linkpath", up_secret)]) + entry("hard", HARD, link="innocent") + file("hard"),
        "pax-global-path": pax([("path", up_made)], PAX_GLOBAL) + file("innocent"),
        "pax-twice": pax([("path", "innocent"), ("path", up_made)]) + pax([("path", made)]) + file("x"),
        "sparse-name-up": pax([("GNU.sparse.major", 1), ("GNU.sparse.minor", 0), ("GNU.sparse.realsize", 512), ("GNU.sparse.name", up_made)])
                          + file("s", padded(b"1\n0\n512\n") + b"x" * 512),
        "names": file(b"nul\0name") + file("") + file("/") + file("a//b/./c") + file("new\nline") + file(b"\xff\xfe"),
        "duplicates": file("twice", b"one") + file("twice", b"two") + entry("twice", DIR) + file("twice", b"three")
                      + entry("twice", SYM, link=secret) + file("twice", b"four"),
    }


def attributes(sentinel):
    """Devices, modes, owners and extended attributes that mean something on the host."""
    secret = f"{sentinel}/secret"
    capability = struct.pack("<IIIII", 0x02000001, 0xffffffff, 0, 0xff, 0)
    redirect = ("SCHILY.xattr.trusted.overlay.redirect", UP + secret[1:])
    return {
        "devices": entry("disk", BLOCK, mode=0o666, major=8) + entry("mem", CHAR, mode=0o666, major=1, minor=1)
                   + entry("fifo", FIFO) + entry("dev", SYM, link=sentinel),
        "devices-huge": entry("huge", CHAR, major=2 ** 31, minor=2 ** 40) + entry("dev", SYM, link=sentinel) + entry("dev/sda", BLOCK, major=8),
        "device-of-whiteouts": entry("null", CHAR, major=0, minor=0),
        "set-user-id": file("suid", mode=0o6777) + entry("d", DIR, mode=0o7777) + entry("link", SYM, link=secret, mode=0o6777),
        "attributes": pax([("SCHILY.xattr.security.capability", capability), ("SCHILY.xattr.user.x", b"\0\xff" * 1000)]) + file("attributes")
                      + pax([redirect]) + entry("redirected", DIR)
                      + pax([redirect, ("SCHILY.xattr.trusted.overlay.opaque", "y")]) + entry("opaque", DIR)
                      + pax([redirect, ("SCHILY.xattr.trusted.overlay.metacopy", "")]) + file("metacopy"),
        "attributes-odd": pax([("SCHILY.xattr.", "x"), ("SCHILY.xattr.nonsense", "x")]) + file("odd")
                          + pax([("SCHILY.xattr.user." + "n" * 300, "x")]) + file("long"),
        "attributes-of-link": entry("link", SYM, link=secret) + pax([("SCHILY.xattr.user.x", "y")]) + entry("link", SYM, link=secret),
        "owners": file("owner", uid=2 ** 32, gid=2 ** 32),
        "owners-minus": file("minus", uid=2 ** 32 - 1, gid=2 ** 31) + pax([("uid", -1), ("gid", 2 ** 64)]) + file("o"),
    }


def sizes():
    """What would take memory, space or time without end, or make a sum overflow."""
    mapped = [("GNU.sparse.major", 1), ("GNU.sparse.minor", 0)]
    return {
        "sparse-beyond": sparse("sparse", [(0, 512), (2 ** 40, 512)], 1024, 512) + b"x" * 1024,
        "sparse-overlap": sparse("sparse", [(512, 512), (0, 1024)], 1536, 2048) + b"x" * 1536,
        "sparse-huge": sparse("sparse", [(2 ** 62, 512)], 512, 2 ** 63 - 1) + b"x" * 512,
        "sparse-negative": sparse("sparse", [(-512, 512)], 512, 512) + b"x" * 512,
        "sparse-map-lies": pax([*mapped, ("GNU.sparse.realsize", 2 ** 62), ("GNU.sparse.name", "s")]) + file("s", padded(b"99999999999999999999\n0\n512\n")),
        "size-2^63": header("huge", FILE, 2 ** 63) + b"x" * 1024,
        "size-2^63-1": header("huge", FILE, 2 ** 63 - 1) + b"x" * 1024,
        "size-2^64": header("huge", FILE, 2 ** 64 - 512) + b"x" * 1024,
        "size-negative": header("huge", FILE, -512) + b"x" * 1024,
        "size-of-directory": header("d", DIR, 2 ** 40) + header("l", SYM, 2 ** 33, link="x"),
        "size-by-pax": pax([("size", 2 ** 63)]) + file("huge") + pax([("size", -1)]) + file("minus"),
        "pax-lies": header("pax", PAX, 20) + padded(b"99999 path=x\n12 y=z\n") + file("x"),
        "pax-huge": header("pax", PAX, 2 ** 40) + file("y"),
        "pax-large": header("pax", PAX, 64 << 20) + b"a" * (64 << 20) + file("x"),
        "deep": deep(1500),
        "very-deep": deep(20000),
        "name-too-long": pax([("path", "x" * 5000)]) + file("x") + pax([("path", "y" * 300)]) + file("y"),
        "many-entries": b"".join(header(f"f{n}") for n in range(30000)),
        "cut": file("whole") + header("cut", FILE, 100000) + b"x" * 700,
        "checksum": b"x" + file("bad")[1:],
        "no-end": file("only"),
        "kinds": header("k", b"Z") + header("v", b"V", link="label") + header("m", b"M", 512) + b"x" * 512 + header("c", b"7"),
    }


def main():
    sentinel, out = sys.argv[1], pathlib.Path(sys.argv[2])
    out.mkdir(exist_ok=True)
    end = file("inside") + b"\0" * 1024
    for name, data in {**links_and_names(sentinel), **attributes(sentinel), **sizes()}.items():
        (out / f"{name}.tar").write_bytes(data if name in ("cut", "no-end") else data + end)
    with gzip.open(out / "zeros.tar", "wb", 1) as packed:  # 1 GiB at 1:200
        packed.write(header("zeros", FILE, 1 << 30))
        for _ in range(1024):
            packed.write(b"\0" * (1 << 20))
        packed.write(end)
    (out / "gzip-of-gzip.tar").write_bytes(gzip.compress(gzip.compress(end)))


if __name__ == "__main__":
    main()
