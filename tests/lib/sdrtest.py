"""What every test that runs the real programs needs: cases, processes, namespaces, places.

A test is a script that calls enter_network() first, wraps each thing it shows in `with
case(NAME):`, and ends with finish(). Each case prints one line: `ok - NAME`,
`not ok - NAME: why` or `skip - NAME: why`. Everything a test starts dies with it; it kills only
what it started itself.
"""
import atexit
import contextlib
import ctypes
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = (ROOT / os.environ.get("BUILD", "build")).resolve()
BIN = BUILD / "bin"
TEMPLATES = ROOT / "servicedirs"

_libc = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
CLONE_NEWNET = 0x40000000
_failed = False
after_failure = []  # called when a case fails, so that it does not spoil the next


class Skip(Exception):
    """Raised in a case: it cannot be shown here, and why."""


@contextlib.contextmanager
def case(name):
    global _failed
    try:
        yield
        print(f"ok - {name}", flush=True)
    except Skip as why:
        print(f"skip - {name}: {why}", flush=True)
    except Exception as error:  # pylint: disable=broad-except
        _failed = True
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        traceback.print_exc(file=sys.stdout)
        print(f"not ok - {name}: {why[:300]}", flush=True)
        for clean_up in after_failure:
            clean_up()


def finish():
    sys.exit(1 if _failed else 0)


def check_equal(found, expected, what):
    if found != expected:
        at = ""
        if isinstance(found, (list, bytes)) and isinstance(expected, (list, bytes)):
            same = (i for i, pair in enumerate(zip(found, expected)) if pair[0] != pair[1])
            first = next(same, min(len(found), len(expected)))
            at = f" ({len(found)} and {len(expected)} long, first different at {first})"
            found, expected = found[first:first + 3], expected[first:first + 3]
        raise AssertionError(f"{what}: found {found!r:.90}, expected {expected!r:.90}{at}")


def wait_for(condition, what, timeout_s=10.0):
    """Polls until condition() is true and returns its value."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {timeout_s:g} s")
        time.sleep(0.005)


# Places. What must be on tmpfs (ring, counters) goes to run_dir, recordings to a disk.

def run_dir():
    # The runner has a place of its own, where it sees what is left behind.
    bases = ("SDR_SCRATCH", "XDG_RUNTIME_DIR")
    for base in (*map(os.environ.get, bases), "/dev/shm", "/tmp"):
        if base and os.access(base, os.W_OK):
            return _scratch(base)
    raise Skip("no place for a run directory")


def storage_dir():
    base = BUILD / "test"
    base.mkdir(parents=True, exist_ok=True)
    return _scratch(base)


def _scratch(base):
    path = Path(tempfile.mkdtemp(prefix="sdr-test-", dir=base))
    owner = os.getpid()
    atexit.register(lambda: os.getpid() == owner and shutil.rmtree(path, ignore_errors=True))
    return path


# Processes. The test is a subreaper, so that a grandchild whose parent was killed
# comes back to it.

def children(pid):
    found = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                found += [int(word) for word in file.read().split()]
    return found


def alive(pid):
    """Running, and not a zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def bury_children(owner=None):
    """Ends what this process has started and still runs."""
    owner = owner or os.getpid()
    if os.getpid() != owner:
        return
    for step in (signal.SIGTERM, signal.SIGKILL):
        end = time.monotonic() + 5
        for pid in children(owner):
            with contextlib.suppress(OSError):
                os.kill(pid, step)
        while children(owner) and time.monotonic() < end:
            with contextlib.suppress(OSError):
                os.waitpid(-1, os.WNOHANG)
            for pid in children(owner):
                if step == signal.SIGKILL:
                    with contextlib.suppress(OSError):
                        os.kill(pid, step)
            time.sleep(0.01)


def _adopt():
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # A stopped test (runner's timeout) must clean up too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    atexit.register(bury_children, os.getpid())


class Background:
    """function(stopping, *arguments), forked; result() asks it to stop and returns its value."""

    def __init__(self, function, *arguments):
        reader, writer = os.pipe()
        # A stop that comes before the child is ready for it waits.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        self.pid = os.fork()
        if self.pid == 0:
            self._run(writer, function, arguments, before)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(writer)
        self._reader = reader

    @staticmethod
    def _run(writer, function, arguments, signals):
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        stop = []
        signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is its parent's to heed
        signal.pthread_sigmask(signal.SIG_SETMASK, signals)
        code = 1
        try:
            value = function(lambda: bool(stop), *arguments)
            with os.fdopen(writer, "wb") as file:
                pickle.dump(value, file)
            code = 0
        except BaseException:  # pylint: disable=broad-except
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)

    def result(self, stop=True):
        if stop:
            os.kill(self.pid, signal.SIGTERM)
        with os.fdopen(self._reader, "rb") as file:
            data = file.read()
        os.waitpid(self.pid, 0)
        if not data:
            raise AssertionError("a helper of the test died")
        return pickle.loads(data)


# Namespaces.

def enter_network():
    """Runs the rest of the script in a network (and mount) namespace of its own, loopback up."""
    _adopt()
    if os.environ.get("SDR_TEST_NET") == "1":
        sh("ip link set lo up multicast on")
        sh("ip route add 224.0.0.0/4 dev lo")
        sh("ip -6 route add local ff00::/8 dev lo")
        return
    os.environ["SDR_TEST_NET"] = "1"
    flags = "-nm" if os.geteuid() == 0 else "-rnm"
    # In a chroot the root is no mount point, and unshare cannot make it private.
    for command in (["unshare", flags], ["unshare", flags, "--propagation", "unchanged"]):
        if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
            os.execvp("unshare", [*command, "--", sys.executable, *sys.argv])
    script = Path(sys.argv[0])
    print(f"skip - {script.parent.name}/{script.stem}: no network namespace for this user")
    sys.exit(0)


def enter_plainly():
    """For scripts that need no namespace."""
    _adopt()


def sh(command):
    done = subprocess.run(command.split(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{command}: {done.stderr.strip()}")
    return done.stdout


class Peer:
    """A second network namespace behind a veth pair: here `near` .1, there `far` .2.

    It lives as long as its holder process, so nothing needs to be removed."""
    NEAR4, FAR4 = "10.77.0.1", "10.77.0.2"
    NEAR6, FAR6 = "fd77::1", "fd77::2"

    def __init__(self, mtu=1500):
        ready, there = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            failed = _libc.unshare(CLONE_NEWNET)
            os.write(there, b"n" if failed else b"y")
            while True:
                signal.pause()
        if os.read(ready, 1) != b"y":
            raise Skip("no second network namespace")
        os.close(ready)
        os.close(there)
        self._home = os.open("/proc/self/ns/net", os.O_RDONLY)
        self._ns = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY)
        self.connect(mtu)

    def connect(self, mtu=1500, index=None):
        """The veth pair, anew after disconnect(); `index`: that of the near end."""
        number = f"index {index}" if index else ""
        sh(f"ip link add near {number} mtu {mtu} type veth peer name far mtu {mtu} "
           f"netns {self.pid}")
        self._raise("near", self.NEAR4, self.NEAR6)
        with self.inside():
            sh("ip link set lo up multicast on")
            self._raise("far", self.FAR4, self.FAR6)
            sh("ip route add 224.0.0.0/4 dev far")

    @staticmethod
    def disconnect():
        """Both ends are gone, with their addresses, routes and groups."""
        sh("ip link del near")

    @staticmethod
    def _raise(name, address4, address6):
        sh(f"ip addr add {address4}/24 dev {name}")
        sh(f"ip -6 addr add {address6}/64 dev {name} nodad")
        sh(f"ip link set {name} up")

    @contextlib.contextmanager
    def inside(self):
        """Sockets and processes made in here belong to the far side."""
        if _libc.setns(self._ns, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            if _libc.setns(self._home, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
