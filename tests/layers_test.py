#!/usr/bin/env python3
"""Folders are layers: each #include "LAYER/..." in src/ must name a layer that the
including folder's CMakeLists.txt lists in DEPS, directly or through another layer."""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent / "src"


def direct_deps():
    deps = {}
    for cmake in sorted(root.glob("*/CMakeLists.txt")):
        layer = cmake.parent.name
        match = re.search(r"skiff_layer\(\s*%s\b(.*?)\)" % layer, cmake.read_text(), re.S)
        words = match.group(1).split() if match else []
        named = []
        if "DEPS" in words:
            for word in words[words.index("DEPS") + 1:]:
                if word.isupper():
                    break
                named.append(word)
        deps[layer] = named
    return deps


def closure(layer, deps, seen=None):
    seen = set() if seen is None else seen
    for dep in deps.get(layer, []):
        if dep not in seen:
            seen.add(dep)
            closure(dep, deps, seen)
    return seen


def main():
    deps = direct_deps()
    errors = []
    for layer in deps:
        if layer in closure(layer, deps):
            errors.append(f"src/{layer} depends on itself")
    for source in sorted([*root.rglob("*.h"), *root.rglob("*.cpp")]):
        layer = source.relative_to(root).parts[0]
        allowed = closure(layer, deps) | {layer}
        if layer == "main":
            continue  # the mains wire everything
        for number, line in enumerate(source.read_text().splitlines(), 1):
            match = re.match(r'\s*#include "([a-z0-9_]+)/', line)
            if match and match.group(1) not in allowed:
                errors.append(f"{source.relative_to(root.parent)}:{number}: layer {layer} may not include {match.group(1)}/")
    for error in errors:
        print(error)
    return 1 if errors else 0


sys.exit(main())
