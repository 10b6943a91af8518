"""strace, attached to a process: watches its system calls, delays them, lets them fail."""
import shutil
import signal
import subprocess
from pathlib import Path

from sdrtest import Skip, after_failure


class Strace:
    """From here on until end(); `options` are strace's."""

    def __init__(self, pid, trace, *options):
        self.path = Path(trace)
        self.process = subprocess.Popen(
            ["strace", "-f", "-ttt", "-o", self.path, "-e", "signal=none", *options, "-p",
             str(pid)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        after_failure.append(self.end)
        line = self.process.stderr.readline()
        if "attached" not in line:
            self.end()
            raise Skip(f"strace: {line.strip()}")

    def text(self):
        return self.path.read_text(encoding="utf-8", errors="replace")

    def calls(self):
        """(time, name) of each."""
        found = []
        for line in self.text().splitlines():
            words = line.split(maxsplit=2)
            if len(words) == 3 and "(" in words[2] and not words[2].startswith(("<", "+", "-")):
                found.append((float(words[1]), words[2].partition("(")[0]))
        return found

    def failed(self):
        """How many calls it has let fail."""
        return self.text().count("(INJECTED)")

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.communicate()


def need_strace(directory):
    """Skips the case where one may not attach; ask before anything else is started."""
    if not shutil.which("strace"):
        raise Skip("no strace")
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        try:
            Strace(process.pid, Path(directory) / "may.trace").end()
        finally:
            process.stdin.close()
