#!/usr/bin/env python3
"""tests/docs_test.py [--write]: documents agree with the tree.

- Relative links in every *.md lead to a file, and to a heading of it.
- README.ko.md has README.md's headings, code blocks and links.
- Each package of scripts/packages/* is in docs/dependencies.md.
- docs/runtime.md's table of foreign suites is tests/conformance/results.tsv, and a suite whose points have names of
  their own has as many expected passes as that says.
- The tests that docs/security.md names in its table of escapes are there, and each case of
  tests/escape is named by it.
- docs/cli.md lists exactly the commands and flags of `skiff --help`, and a code block that
  begins with `$ PROGRAM ... --help` is what that prints. --write brings these up to date.

SKIFF_BIN (default build/bin) holds the programs; without them the last check is left out.
"""
import csv
import os
import pathlib
import re
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parent.parent
programs = pathlib.Path(os.environ.get("SKIFF_BIN", root / "build" / "bin"))
errors = []

FENCE = re.compile(r"^```[a-z]*\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
RESULTS = re.compile(r"(<!-- results -->\n).*?(<!-- /results -->)", re.S)
COMMANDS = re.compile(r"(<!-- commands -->\n).*?(<!-- /commands -->)", re.S)


def documents():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=root, check=True,
                            capture_output=True, text=True).stdout.split()
    return [root / name for name in sorted(listed)]


def prose(text):
    return FENCE.sub("", text)


def headings(text):
    return re.findall(r"^(#+) (.*)$", prose(text), re.M)


def anchors(text):
    """GitHub's: small letters, blanks as dashes, punctuation gone."""
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for _, title in headings(text)}


def check_links(document):
    for link in LINK.findall(prose(document.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        where = f"{document.relative_to(root)}: link {link}"
        if not target.exists():
            errors.append(f"{where}: no such file")
        elif anchor and anchor not in anchors(target.read_text()):
            errors.append(f"{where}: no such heading")


def check_twins():
    english, korean = ((root / name).read_text() for name in ("README.md", "README.ko.md"))
    if [level for level, _ in headings(english)] != [level for level, _ in headings(korean)]:
        errors.append("README.ko.md: its headings are not README.md's")
    if FENCE.findall(english) != FENCE.findall(korean):
        errors.append("README.ko.md: its code blocks are not README.md's")
    for text in (english, korean):
        if "](README" not in "".join(text.splitlines()[:3]):
            errors.append("README.md and README.ko.md: each links to the other in its first lines")
    links = [sorted(set(LINK.findall(prose(text))) - {"README.md", "README.ko.md"}) for text in (english, korean)]
    if links[0] != links[1]:
        errors.append(f"README.ko.md: its links are not README.md's: {set(links[0]) ^ set(links[1])}")


def check_packages():
    page = (root / "docs/dependencies.md").read_text()
    for file in sorted((root / "scripts/packages").iterdir()):
        for package in re.sub(r"#.*", "", file.read_text()).split():
            if f"`{package}`" not in page:
                errors.append(f"docs/dependencies.md: no word on {package} of scripts/packages/{file.name}")


def results():
    with (root / "tests/conformance/results.tsv").open() as file:
        return list(csv.DictReader(file, delimiter="\t"))


def results_table():
    out = "| Suite | cgroups | Runtime | Points | Passed | Failed | Skipped | Aborted |\n|---|---|---|---|---|---|---|---|\n"
    for row in results():
        cells = (f"{row['suite']} {row['version']}", row["cgroups"], row["runtime"], row["points"], row["passed"],
                 row["failed"], row["skipped"], row["aborted"])
        out += f"| {' | '.join(cells)} |\n"
    return out


def check_results(write):
    page = root / "docs/runtime.md"
    text = page.read_text()
    real = RESULTS.sub(lambda m: m.group(1) + results_table() + m.group(2), text)
    if real != text and write:
        page.write_text(real)
    elif real != text:
        errors.append("docs/runtime.md: its table is not tests/conformance/results.tsv: run tests/docs_test.py --write")
    for row in results():
        kept = {"hybrid": "runc-bats.passes", "version 2": "runc-bats-v2.passes"}[row["cgroups"]]
        lines = (root / "tests/conformance" / kept).read_text().count("\n")
        if (row["suite"], row["runtime"]) == ("runc-bats", "Skiff") and lines != int(row["passed"]):
            errors.append(f"tests/conformance/{kept}: {lines} points, results.tsv says {row['passed']}")


def unit_tests():
    """Suite.Name of every unit test."""
    found = set()
    for file in (root / "src").rglob("*_test.cpp"):
        found |= {f"{a}.{b}" for a, b in re.findall(r"^(?:TYPED_)?TEST(?:_[FP])?\((\w+),\s*(\w+)\)", file.read_text(), re.M)}
    return found


def check_escapes():
    rows = [line for line in (root / "docs/security.md").read_text().splitlines() if line.count("|") == 5]
    cases = {path.name for path in (root / "tests/escape/cases").iterdir()}
    unit, named = unit_tests(), set()
    for row in rows:
        tests = row.split("|")[4]
        suite = ""
        for word in re.findall(r"`([^`]+)`", tests):
            if word.endswith(".sh"):
                named.add(word)
                there = word in cases
            elif word.endswith("_tests"):
                there = (root / "src" / word.removesuffix("_tests")).is_dir()
            elif f"fuzz target `{word}`" in tests or "fuzz targets" in tests:
                there = (root / f"tests/fuzz/{word}_fuzz.cpp").exists()
            elif "*" in word:
                there = any(name.startswith(word.partition("*")[0]) for name in unit)
            elif "." in word:
                suite = word.partition(".")[0] or suite
                there = f"{suite}.{word.partition('.')[2]}" in unit
            else:
                continue
            if not there:
                errors.append(f"docs/security.md: there is no test {word}")
    errors.extend(f"docs/security.md: no row names {name} of tests/escape" for name in sorted(cases - named))


def help_of(command):
    return subprocess.run([programs / command[0], *command[1:], "--help"], capture_output=True, text=True,
                          check=True).stdout


def section(text, title):
    match = re.search(rf"^{title}:\n((?:[ \t].*\n|\n(?=  ))+)", text, re.M)
    return match.group(1) if match else ""


def subcommands(text):
    """(title, names) of each list of commands."""
    titles = re.findall(r"^((?:[A-Z]\w+ )?Commands):$", text, re.M)
    return [(title, re.findall(r"^  ([a-z]+) ", section(text, title), re.M)) for title in titles]


def flags_of(text):
    found = re.findall(r"^  (?:(-\w), |    )(--[a-z][a-z0-9-]*)", section(text, "Options"), re.M)
    return " ".join(f"`{short} {long}`" if short else f"`{long}`" for short, long in found)


def row(words):
    text = help_of(["skiff", *words])
    usage = re.match(r"Usage:  (.*)", text).group(1).replace(" [OPTIONS]", "").replace("|", "\\|")
    summary = text.split("\n\n")[1].strip()
    return f"| `{usage}` | {summary} | {flags_of(text)} |\n"


def command_tables():
    """The lists of docs/cli.md, from the real --help."""
    header = "| Command | What it does | Flags |\n|---|---|---|\n"
    whole = help_of(["skiff"])
    groups, own = [], []
    for title, names in subcommands(whole):
        (groups if title == "Management Commands" else own).extend(names)
    out = "### Commands\n\n" + header
    out += "".join(row([name]) for name in sorted(own) if name not in ("registry", "daemon", "doctor"))
    for group in groups:
        (_, names), = subcommands(help_of(["skiff", group]))
        # An alias's usage is that of a command in the first table.
        rest = [name for name in names if help_of(["skiff", group, name]).startswith(f"Usage:  skiff {group} {name}")]
        aliases = ", ".join(f"`{group} {name}`" for name in names if name not in rest)
        out += f"\n### skiff {group}\n\n"
        out += f"As above: {aliases}.\n\n" if aliases else ""
        out += header + "".join(row([group, name]) for name in rest) if rest else ""
    return out + "\n"


def with_real_help(text):
    def replace(match):
        first = match.group(1).split("\n")[0]
        command = re.fullmatch(r"\$ (skiff[a-z-]*(?: [a-z]+)?) --help", first)
        return f"```\n{first}\n{help_of(command.group(1).split())}```" if command else match.group(0)

    text = FENCE.sub(replace, text)
    return COMMANDS.sub(lambda m: m.group(1) + command_tables() + m.group(2), text)


def check_help(document, write):
    text = document.read_text()
    real = with_real_help(text)
    if real == text:
        return
    if write:
        document.write_text(real)
    else:
        errors.append(f"{document.relative_to(root)}: not what --help prints: run tests/docs_test.py --write")


def main():
    write = "--write" in sys.argv[1:]
    have_programs = all((programs / name).exists() for name in ("skiff", "skiffd", "skiff-registry", "skiff-runtime"))
    if not have_programs:
        print(f"no programs in {programs}: --help is not compared")
    for document in documents():
        if have_programs:
            check_help(document, write)
        check_links(document)
    check_twins()
    check_packages()
    check_results(write)
    check_escapes()
    for error in errors:
        print(error)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
