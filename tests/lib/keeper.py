"""Runs one script of the tests, in a process of its own, and ends what it leaves running."""
import ctypes
import os
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path

TIMEOUT_S = int(os.environ.get("TIMEOUT_S", "300"))  # of one script
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def keep(path, environment, name, write_end):
    """Of a script, in a process of its own. A line of what it says goes on after "out ", of what it
    left running after "left ", and last "verdict ok" or why not."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    scratch = Path(environment["SDR_SCRATCH"]) / name.replace("/", "-").removesuffix(".py")
    scratch.mkdir()
    scratch.chmod(0o755)  # a channel's user is not always ours
    process = subprocess.Popen([path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True,
                               env=environment | {"TMPDIR": str(scratch),
                                                  "SDR_SCRATCH": str(scratch)})
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop(process))
    end, rest, timed_out = time.monotonic() + TIMEOUT_S, b"", False
    while True:
        left = end - time.monotonic()
        if left <= 0 and not timed_out:
            timed_out = True
            stop(process)
        there = select.select([process.stdout], [], [], max(0.0, min(left, 0.5)))[0]
        data = os.read(process.stdout.fileno(), 65536) if there else None
        if data:
            *lines, rest = (rest + data).split(b"\n")
            os.write(write_end, b"".join(b"out " + line + b"\n" for line in lines))
        # A straggler may hold the pipe open: the script's own end is what counts.
        if data == b"" or not there and process.poll() is not None:
            break
    code = process.wait()
    words = [b"out " + rest] if rest else []
    words += [f"left {what}".encode() for what in bury_orphans(name)]
    words += [f"left {name} left file {file}".encode() for file in sorted(os.listdir(scratch))]
    shutil.rmtree(scratch, ignore_errors=True)
    verdict = f"not done within {TIMEOUT_S} s" if timed_out else f"exit {code}" if code else "ok"
    os.write(write_end, b"\n".join([*words, f"verdict {verdict}".encode(), b""]))
    os._exit(0)


def stop(process):
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()


# The keeper is a subreaper: a process that outlives its test becomes its child.

def orphans():
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        return [int(pid) for pid in file.read().split()]


def bury_orphans(name):
    found = []
    end = time.monotonic() + 1
    while orphans() and time.monotonic() < end:  # one that is just ending is no straggler
        try:
            os.waitpid(-1, os.WNOHANG)
        except OSError:
            break
        time.sleep(0.01)
    for pid in orphans():
        try:
            done, _ = os.waitpid(pid, os.WNOHANG)
            if done:
                continue
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            found.append(f"{name} left process {pid} ({' '.join(words)[:80]})")
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except OSError:
            pass
    return found
