#!/usr/bin/python3
"""sdr-gen --render: the same bytes each time, into a directory of its own or none."""
import os
import shutil

from s6tree import Fleet
from sdrtest import case, check_equal, enter_plainly, finish


def tree(directory):
    found = {}
    for path in sorted(directory.rglob("*")):
        found[str(path.relative_to(directory))] = (
            path.lstat().st_mode, os.readlink(path) if path.is_symlink() else
            path.read_bytes() if path.is_file() else b"")
    return found


def render(fleet, to, expect=0):
    done = fleet.gen("--render", to)
    check_equal(done.code, expect, f"exit code ({done})")
    return done


def main():
    fleet = Fleet(supervised=False)
    fleet.set("one", port=26001, record="true").set("two", port=26002).write()
    first, second = fleet.dir / "first", fleet.dir / "second"
    with case("two renderings are the same, byte for byte"):
        render(fleet, first)
        render(fleet, second)
        check_equal(tree(first), tree(second), "the tree")
        assert "live/one/run" in tree(first) and "service/two" in tree(first)
    with case("rendered over itself nothing is written; what is no longer rendered goes"):
        inode = (first / "live/one/run").stat().st_ino
        render(fleet, first)
        check_equal((first / "live/one/run").stat().st_ino, inode, "inode of run")
        fleet.drop("two").write()
        render(fleet, first)
        assert not [path for path in tree(first) if "two" in path]
    with case("a directory that holds something else is refused: exit 1, nothing is touched"):
        (second / "live" / "mine").mkdir()
        before = tree(second)
        render(fleet, second, expect=1).has("is not ours; name an empty directory")
        check_equal(tree(second), before, "the tree")
        render(fleet, fleet.config.parent, expect=1).has("is in the way")
    with case("errors in templates name file and line: exit 1"):
        fleet.templates = shutil.copytree(fleet.templates, fleet.dir / "templates")
        run = fleet.templates / "s6" / "channel" / "run"
        run.write_text(run.read_text() + "@nonsense@\n", encoding="utf-8")
        lines = run.read_text().count("\n")
        place = f"s6/channel/run:{lines}"
        render(fleet, first, expect=1).has(f"{place}: unknown placeholder @nonsense@$")
        run.unlink()
        render(fleet, first, expect=1).has("there is no run$")


if __name__ == "__main__":
    enter_plainly()
    main()
    finish()
