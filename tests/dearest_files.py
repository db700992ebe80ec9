#!/usr/bin/env python3
"""Reports the ten source files that cost the build most, from Ninja's log.
Usage: dearest_files.py BUILD_DIRECTORY"""
import pathlib
import sys


def main():
    build = pathlib.Path(sys.argv[1])
    log = build / ".ninja_log"
    if not log.exists():
        print(f"{log} is missing: build with Ninja first", file=sys.stderr)
        return 1
    cost = {}
    for line in log.read_text().splitlines():
        if line.startswith("#"):
            continue
        start, end, _, output, _ = line.split("\t")
        # The log keeps objects of sources that have gone since.
        if output.endswith(".o") and (build / output).exists():
            cost[output] = (int(end) - int(start)) / 1000
    total = sum(cost.values())
    print(f"{len(cost)} objects, {total:.0f} s of compiler time; the dearest:")
    for output, seconds in sorted(cost.items(), key=lambda item: -item[1])[:10]:
        name = output.replace("CMakeFiles/", "").removesuffix(".o")
        print(f"  {seconds:6.1f} s  {name}")
    return 0 if cost else 1


sys.exit(main())
