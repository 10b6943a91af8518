#!/usr/bin/python3
"""The style that a program can check: columns, tabs, white space, headers, file modes."""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import ROOT, case, check_equal, finish  # noqa: E402

COLUMNS = 100
LINES_WISHED = 250
CODE = {".cc", ".h", ".py"}
TEXT = CODE | {".md", ".toml", ".avsc", ".1", ".5", ".7", ".8", ".sh", ""}


def project_files():
    """What git knows or would add; outside a repository, everything but build/."""
    done = None
    if shutil.which("git") and (ROOT / ".git").exists():
        done = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard"],
                              capture_output=True, text=True, check=False)
    if done and done.returncode == 0:
        found = [ROOT / name for name in done.stdout.splitlines()]
    else:
        found = [path for path in ROOT.rglob("*") if "build" not in path.parts
                 and ".git" not in path.parts and "__pycache__" not in path.parts]
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def is_code(path):
    return path.suffix in CODE or path.read_bytes()[:2] == b"#!" or path.name == "Makefile"


def where(path, line):
    return f"{path.relative_to(ROOT)}:{line}"


def lines(paths):
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            yield path, number, line


def none(found, what):
    """Prints all of them; the case's line says how many and which is the first."""
    for place in found:
        print(f"  {place}")
    assert not found, f"{len(found)} {what}, the first at {found[0]}"


files = [path for path in project_files() if path.suffix in TEXT and "corpus" not in path.parts]
code = [path for path in files if is_code(path)]
sources = [path for path in code if path.suffix in (".cc", ".h")]

with case(f"code has at most {COLUMNS} columns"):
    none([where(path, number) for path, number, line in lines(code) if len(line) > COLUMNS],
         "lines are longer")
with case("no tabs but in makefiles"):
    none([where(path, number) for path, number, line in lines(code)
          if "\t" in line and path.name not in ("Makefile", "rules")], "tabs")
with case("no white space at the end of a line, one newline at the end of a file"):
    none([where(path, number) for path, number, line in lines(files)
          if line != line.rstrip() and path.suffix != ".md"], "lines end in white space")
    none([str(path.relative_to(ROOT)) for path in files if path.stat().st_size
          and (not path.read_bytes().endswith(b"\n") or path.read_bytes().endswith(b"\n\n"))],
         "files end otherwise")
with case("each header says what it is in its first line, and is included once"):
    headers = [path for path in sources if path.suffix == ".h"]
    none([where(path, 1) for path in headers
          if not path.read_text(encoding="utf-8").startswith("// ")], "headers without a title")
    none([where(path, 1) for path in headers
          if "\n#pragma once\n" not in path.read_text(encoding="utf-8")],
         "headers without #pragma once")
with case("a source includes its own header first"):
    late = []
    for path in sources:
        own = path.relative_to(ROOT).with_suffix(".h")
        if path.suffix == ".cc" and (ROOT / own).exists():
            includes = [line for _, _, line in lines([path]) if line.startswith("#include")]
            if includes[0] != f'#include "{own}"':
                late.append(where(path, 1))
    none(late, "sources")
with case("relay/ includes nothing that needs a C++ library"):
    banned = {f"#include <{name}>" for name in
              ("string", "vector", "map", "memory", "iostream", "thread", "functional", "fstream",
               "sstream", "stdexcept", "mutex", "unordered_map", "filesystem", "regex")}
    none([where(path, number) for path, number, line in
          lines(path for path in sources if path.relative_to(ROOT).parts[0] == "relay")
          if line in banned], "includes")
with case("relay/ formats with what its own printf knows"):
    known = re.compile(r"%(%|\d*(s|l{0,2}[duxX]|z[uxX]))")
    none([where(path, number) for path, number, line in
          lines(path for path in sources if path.relative_to(ROOT).parts[0] == "relay")
          for text in re.findall(r'"((?:[^"\\]|\\.)*)"', line.partition("// ")[0])
          if "%" in known.sub("", text)], "formats")
with case("scripts are executable, and only they"):
    none([str(path.relative_to(ROOT)) for path in files
          if (path.read_bytes()[:2] == b"#!") != os.access(path, os.X_OK)
          and "servicedirs" not in path.parts], "files")

long = [path for path in sources if len(path.read_text(encoding="utf-8").splitlines())
        > LINES_WISHED]
for path in long:
    print(f"  warning: {path.relative_to(ROOT)} has more than {LINES_WISHED} lines")
with case("the tree has the one makefile, and it has at most 225 lines"):
    check_equal([str(path.relative_to(ROOT)) for path in files if path.name == "Makefile"],
                ["Makefile"], "makefiles")
    assert len((ROOT / "Makefile").read_text(encoding="utf-8").splitlines()) <= 225

finish()
