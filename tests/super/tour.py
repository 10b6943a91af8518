#!/usr/bin/python3
"""The README's commands work as printed: its tour, block by block, and the demo."""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (BUILD, ROOT, Skip, bury_children, case, check_equal,  # noqa: E402
                     enter_network, finish, run_dir)
from segments import Segment, sealed  # noqa: E402

enter_network()
run = run_dir()


def tour_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    tour = text[text.index("## A tour"):]
    blocks = re.findall(r"```sh\n(.*?)```", tour, re.DOTALL)
    assert len(blocks) >= 7, f"only {len(blocks)} blocks"
    script = "".join(f"echo '--- block {at}'\n{block}" for at, block in enumerate(blocks))
    # It is built already, perhaps elsewhere.
    return script.replace("\nmake\n", "\n").replace("$PWD/", "").replace("build/", f"{BUILD}/")


with case("the README's tour, as one script"):
    if BUILD != ROOT / "build":
        raise Skip("it is written for build/")
    shutil.rmtree(BUILD / "tour", ignore_errors=True)
    environment = os.environ | {"XDG_RUNTIME_DIR": str(run)}
    done = subprocess.run(["sh", "-eux"], input=tour_commands(), capture_output=True, text=True,
                          cwd=ROOT, env=environment, check=False, timeout=120)
    print(done.stdout + done.stderr)
    check_equal(done.returncode, 0, "exit code")
    files = sealed(BUILD / "tour/recordings/channel=engine")
    check_equal(sum(Segment(path).datums() for path in files), 5000, "datums recorded")
    assert len(files) >= 1, "no segment"
    shutil.rmtree(BUILD / "tour")
bury_children()

with case("make demo: nothing lost, within 40 s"):
    done = subprocess.run([ROOT / "tests/demo/demo.py"], capture_output=True, text=True,
                          check=False, timeout=40)
    print(done.stdout + done.stderr)
    check_equal(done.returncode, 0, "exit code")
    check_equal(len(re.findall(r"^(?:host|wave|events) .* ok$", done.stdout, re.MULTILINE)), 3,
                "channels that are ok")

finish()
