#!/usr/bin/python3
"""Each program answers --help and --version, and has a manual page that names all its options."""
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import BIN, ROOT, Skip, case, check_equal, finish  # noqa: E402

PROGRAMS = ("sdr-relay", "sdr-gen", "sdr-confine", "sdr-stat", "sdr-cat", "sdr-feed",
            "sdr-prune")
OPTION = re.compile(r"(?<![\w-])--([a-z][a-z-]*)")
SECTIONS = ("NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "EXAMPLES", "SEE ALSO")


def run(*words):
    return subprocess.run(list(words), capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=10)


def page(program):
    found = list((ROOT / "man").glob(f"{program}.[1-8]"))
    assert found, f"man/{program}.* is missing"
    return found[0]


def rendered(path):
    if not shutil.which("mandoc"):
        raise Skip("no mandoc")
    return re.sub(".\b", "", run("mandoc", "-Tutf8", str(path)).stdout)


for program in PROGRAMS:
    with case(f"{program} --help and --version: standard output, exit 0"):
        for option in ("--help", "--version"):
            done = run(str(BIN / program), option)
            check_equal((done.returncode, done.stderr), (0, ""), f"exit and complaints, {option}")
            assert program in done.stdout, f"{option} does not name the program"
    with case(f"{program}: an unknown option is one line on standard error, exit 100"):
        done = run(str(BIN / program), "--no-such-option")
        check_equal((done.returncode, len(done.stderr.splitlines()), done.stdout), (100, 1, ""),
                    "exit, lines of complaint, output")
        assert done.stderr.startswith(f"{program}: fatal: "), done.stderr
    with case(f"{program}: its manual page names each option of --help, and no other"):
        offered = set(OPTION.findall(run(str(BIN / program), "--help").stdout))
        text = rendered(page(program))
        named = set(OPTION.findall(text))
        check_equal(sorted(offered - named - {"help", "version"}), [], "not in the page")
        source = page(program).read_text(encoding="utf-8")
        items = set(re.findall(r"^\.It Fl -([a-z-]+)", source, re.MULTILINE))
        check_equal(sorted(items - offered), [], "not in --help")
    with case(f"{program}: its manual page has the sections it should"):
        headings = re.findall(r"^([A-Z][A-Z ]+)$", rendered(page(program)), re.MULTILINE)
        check_equal([name for name in SECTIONS if name not in headings], [], "missing sections")

for path in sorted((ROOT / "man").glob("*.[1-8]")):
    with case(f"man/{path.name}: mandoc -Tlint has nothing to say"):
        if not shutil.which("mandoc"):
            raise Skip("no mandoc")
        done = run("mandoc", "-Tlint", "-Wstyle", str(path))
        # Pages that are not installed yet, and what knows of those that are, are no fault.
        said = [line for line in done.stdout.splitlines()
                if not re.search("referenced manual not found|unknown manual|mandoc.db", line)]
        check_equal(said, [], "mandoc")

finish()
