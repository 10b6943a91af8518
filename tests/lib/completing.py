"""A real interactive bash with bash-completion, in a terminal: what TAB makes of a line."""
import contextlib
import fcntl
import os
import pty
import select
import struct
import termios
import time
from pathlib import Path

from sdrtest import BIN, ROOT

LIBRARY = Path("/usr/share/bash-completion/bash_completion")
COMPLETION = ROOT / "etc/bash-completion/speeddata-relay"
PROGRAMS = ("sdr-cat", "sdr-confine", "sdr-feed", "sdr-gen", "sdr-prune", "sdr-relay", "sdr-stat")
PROMPT = b"ready: "
TAB, TWICE, ALL = b"\t", b"\t\t", b"\x1b*"  # ALL puts everything that is offered into the line
COLUMNS = 30000  # so that no line is broken: what says something breaks it

# A key that writes the line to a file as it is, and empties it.
RC = """
. {library}
bind 'set bell-style none'
bind 'set enable-bracketed-paste off'
bind 'set completion-query-items 0'
bind 'set page-completions off'
_dump() {{
  printf %s "$READLINE_LINE" >'{line}.new' && command mv '{line}.new' '{line}'
  READLINE_LINE= READLINE_POINT=0
}}
bind -x '"\\C-g": _dump'
PS1='{prompt}'
"""


class Shell:
    """Runs in `directory`, which is its HOME too, with `extra` as its last settings. The programs
    and the completion are found as they are once installed, by PATH and by name."""

    def __init__(self, directory, extra="", path=BIN):
        self._line = directory / "line"
        named = directory / ".local/share/bash-completion/completions"
        named.mkdir(parents=True, exist_ok=True)
        for name in PROGRAMS:
            with contextlib.suppress(FileExistsError):
                (named / name).symlink_to(COMPLETION)
        (directory / ".rc").write_text(RC.format(
            library=LIBRARY, line=self._line, prompt=PROMPT.decode()) + extra, encoding="utf-8")
        environment = {"HOME": str(directory), "PATH": f"{path}:{os.environ['PATH']}",
                       "TERM": "xterm", "LC_ALL": "C.UTF-8"}
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(directory)
            os.execvpe("bash", ["bash", "--noprofile", "--rcfile", directory / ".rc", "-i"],
                       environment)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
        self.shown = b""
        self._read_until(lambda: self.shown.endswith(PROMPT), "its prompt")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._fd)  # it hangs up
        os.waitpid(self.pid, 0)

    def _read_until(self, condition, what, timeout_s=20):
        end = time.monotonic() + timeout_s
        while not condition():
            if select.select([self._fd], [], [], 0.01)[0]:
                self.shown += os.read(self._fd, 65536)
            elif time.monotonic() > end:
                raise AssertionError(f"bash: {what} does not come: {self.shown!r:.300}")

    def press(self, line, keys=TAB):
        """The line after `line` was typed, and then the keys; .shown is all that was seen."""
        self._line.unlink(missing_ok=True)
        self.shown = b""
        os.write(self._fd, os.fsencode(line) + keys + b"\x07")
        self._read_until(lambda: self._line.exists() and self.shown.endswith(PROMPT), line)
        return os.fsdecode(self._line.read_bytes())

    def offers(self, line, split=str.split):
        """The words that can go on at the end of the line; nothing else may be seen for it."""
        before = line.rpartition(" ")[0] + " "
        found = self.press(line, ALL)
        if b"\n" in self.shown:
            raise AssertionError(f"{line}: it says {self.shown!r:.300}")
        if not found.startswith(before):
            raise AssertionError(f"{line}: became {found!r:.300}")
        if found == line:
            return []
        option, equals, _ = line[len(before):].partition("=")  # it is part of the first word only
        typed = option + equals if equals else ""
        return sorted(split(found[len(before):].removeprefix(typed)))
