"""A fleet under a real s6-svscan: its config, its tree, and what sdr-gen does to it."""
import contextlib
import os
import pwd
import re
import signal
import subprocess
import sys
from pathlib import Path

import sdrtest
from sdrtest import BIN, ROOT, alive, check_equal, children, run_dir, wait_for

SCHEMA = '{"type": "record", "name": "S", "fields": [{"name": "x", "type": "double"}]}'


class Fleet:
    """Everything lies below one directory on tmpfs. Use as a context: it starts the s6-svscan and
    ends the whole tree."""

    scanner = "s6-svscan"
    limit = ()  # its option for more services than 500

    def __init__(self, bin_dir=BIN, supervised=True, scan_dir=None, prefix=""):
        self.dir = run_dir()
        self.run, self.log = self.dir / "run", self.dir / "log"
        self.storage, self.config = self.dir / "storage", self.dir / "etc" / "relay.toml"
        self.bin_dir, self.templates = Path(bin_dir), ROOT / "servicedirs"
        self.user = pwd.getpwuid(os.geteuid()).pw_name
        self.supervised, self._svscan = supervised, None
        self.scan_dir, self.prefix, self.options = self.run / "service", prefix, []
        if scan_dir:
            self.scan_dir = self.dir / scan_dir
            self.options = ["--scandir", self.scan_dir, "--prefix", prefix]
        for directory in (self.scan_dir, self.storage, self.config.parent / "schemas"):
            directory.mkdir(parents=True)
        (self.config.parent / "schemas" / "s.avsc").write_text(SCHEMA, encoding="utf-8")
        self.dir.chmod(0o755)
        self.clear()

    def __enter__(self):
        if self.supervised:
            self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        with open(self.dir / "svscan.log", "ab") as log:
            self._svscan = subprocess.Popen([self.scanner, *self.limit, self.scan_dir], stderr=log,
                                            stdin=subprocess.DEVNULL, stdout=log)
        wait_for(self._listens, f"{self.scanner} is there")

    def _listens(self):
        with contextlib.suppress(OSError):
            os.close(os.open(self.scan_dir / ".s6-svscan" / "control",
                             os.O_WRONLY | os.O_NONBLOCK))
            return True
        return False

    def stop(self):
        if self._svscan:
            family = descendants(self._svscan.pid)
            self._end_scanner()
            self._svscan.wait(20)
            wait_for(lambda: not any(alive(pid) for pid in family), "the whole tree ends")
            self._svscan = None

    def _end_scanner(self):
        subprocess.run(["s6-svscanctl", "-t", self.scan_dir], check=True)

    # The config: channels is {name: {key: TOML text}}.

    def set(self, name, **keys):
        port = keys.pop("port", None)
        if name not in self.channels:
            self._stream_port += 1
        channel = self.channels.setdefault(name, {
            "schema": '"schemas/s.avsc"', "record": "false",
            "full_rate": f'"239.255.1.1:{self._stream_port}"'})
        if port:
            channel["listen"] = f'"127.0.0.1:{port}"'
        channel |= keys
        return self

    def three(self):
        for at, name in enumerate(("one", "two", "three")):
            self.set(name, port=26001 + at)
        return self

    def clear(self):
        self.channels, self._stream_port = {}, 6000

    def drop(self, name):
        del self.channels[name]
        return self

    def write(self, extra=""):
        lines = [f'[storage]\npath = "{self.storage}"\n[defaults]\nuser = "{self.user}"\n', extra]
        for name, keys in self.channels.items():
            lines += [f"[channel.{name}]\n"] + [f"{key} = {text}\n" for key, text in keys.items()]
        self.config.write_text("".join(lines), encoding="utf-8")

    # sdr-gen

    def command(self, *arguments):
        return [str(word) for word in
                (BIN / "sdr-gen", "--config", self.config, "--run", self.run, "--log", self.log,
                 "--bin", self.bin_dir, "--templates", self.templates, *self.options, *arguments)]

    def gen(self, *arguments, prefix=()):
        done = subprocess.run([*prefix, *self.command(*arguments)], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60, check=False)
        return Outcome(done.returncode, done.stdout, done.stderr)

    def apply(self, *names, expect=0, extra=""):
        self.write(extra)
        done = self.gen("--apply", *names)
        if done.code != expect:
            raise AssertionError(f"exit {done.code}, expected {expect}: {done}")
        return done

    # What runs

    def service(self, name):
        return self.scan_dir / (self.prefix + name)

    def state(self, name):
        done = subprocess.run(["s6-svstat", "-o", "up,ready,wantedup,pid", self.service(name)],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            return None
        up, ready, wanted, pid = done.stdout.split()
        return {"up": up == "true", "ready": up == ready == "true", "wanted": wanted == "true",
                "pid": max(0, int(pid))}  # 0: it is down

    def ready(self, name):
        state = self.state(name)
        return bool(state and state["ready"])

    def pids(self, *names):
        """{name: (pid of the channel, of its logger)}"""
        return {name: (self.state(name)["pid"], self.state(f"{name}/log")["pid"])
                for name in names or self.channels}

    def check_kept(self, before, *names):
        check_equal(self.pids(*names), {name: before[name] for name in names}, "PIDs of the others")

    def svc(self, *words):
        *options, name = words
        subprocess.run(["s6-svc", *options, self.service(name)], check=True)

    def arguments(self, name):
        """The command line of a channel's process."""
        raw = Path(f"/proc/{self.state(name)['pid']}/cmdline").read_bytes()
        return [word.decode() for word in raw.split(b"\0")[:-1]]

    def option(self, name, option):
        words = self.arguments(name)
        return words[words.index(option) + 1]

    def held(self, holder="fdholder"):
        """The ids of the sockets that one of the holders has."""
        done = subprocess.run(["s6-fdholder-list", self.run / "held" / holder], check=False,
                              capture_output=True, text=True)
        if done.returncode:
            raise AssertionError(f"{holder}: {done.stderr.strip()}")
        return sorted(done.stdout.split())

    def logged(self, name):
        path = self.log / name / "current"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def snapshot(self):
        """Every generated file and link, with its time: equal where nothing was written."""
        found = {}
        for base in ("live", "service", "applied"):
            for path in sorted((self.run / base).rglob("*")):
                if re.search(r"/(supervise|event|\.s6-svscan)(/|$)", str(path)):
                    continue
                status = path.lstat()
                content = os.readlink(path) if path.is_symlink() else \
                    path.read_bytes() if path.is_file() else b""
                found[str(path.relative_to(self.run))] = (status.st_mode, status.st_ino,
                                                          status.st_mtime_ns, content)
        return found

    def contents(self):
        """The same without what differs from run to run."""
        return {path: (mode, content) for path, (mode, _, _, content) in self.snapshot().items()}


class RunitFleet(Fleet):
    """The same under a real runsvdir."""
    scanner = "runsvdir"

    def __init__(self, **options):
        super().__init__(**options)
        self.options += ["--target", "runit"]

    def _listens(self):
        return self._svscan.poll() is None

    def _end_scanner(self):
        self._svscan.send_signal(signal.SIGHUP)  # it ends its runsvs with it

    def state(self, name):
        place = self.service(name)
        status = place / "supervise" / "status"
        done = subprocess.run(["sv", "status", place], capture_output=True, text=True, check=False)
        if not status.exists() or done.stdout.startswith("fail:"):
            return None
        up = re.match(r"run: [^;]*\(pid (\d+)\)", done.stdout)
        says = place / "ready"
        wanted = ", want down" not in done.stdout and ("want up" in done.stdout or bool(up))
        ready = bool(up) and (name.endswith("/log") or says.exists() and says.stat().st_size > 0)
        return {"up": bool(up), "ready": ready, "wanted": wanted,
                "pid": int(up[1]) if up else 0}

    def sv(self, *words):
        *options, name = words
        subprocess.run(["sv", *options, self.service(name)], check=True, capture_output=True)


class Outcome:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __str__(self):
        return f"exit {self.code}; out: {self.out.strip()!r}; err: {self.err.strip()!r}"

    def has(self, text):
        if not re.search(text, self.out + self.err, re.MULTILINE):
            raise AssertionError(f"no {text!r} in: {self}")
        return self


def descendants(pid):
    found = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def really_root():
    """Root, and not only of a user namespace, where there is nobody else to become."""
    mapped = Path("/proc/self/uid_map").read_text(encoding="ascii").split()
    return os.geteuid() == 0 and mapped == ["0", "0", str(2**32 - 1)]


def need_reach(name):
    """A checkout in a directory of root's own has programs that nobody else can run."""
    try:
        subprocess.run([BIN / "sdr-relay", "--version"], capture_output=True, check=True,
                       user=name, group=pwd.getpwnam(name).pw_gid, extra_groups=[], cwd="/")
    except (OSError, subprocess.CalledProcessError):
        raise sdrtest.Skip(f"{name} cannot reach {BIN}") from None


def as_ordinary_user(function, name="nobody"):
    """Runs function(PREFIX) as another user in a process of its own; its cases are told apart by
    the prefix. Only for root; anyone else has run as an ordinary user already."""
    if not really_root():
        return
    user = pwd.getpwnam(name)
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        os.environ.pop("XDG_RUNTIME_DIR", None)
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
        sdrtest.enter_plainly()
        if os.access(BIN / "sdr-gen", os.X_OK):
            function("as an ordinary user: ")
        else:
            print(f"skip - as an ordinary user: {name} cannot reach {BIN}", flush=True)
        sdrtest.finish()
    _, how = os.waitpid(pid, 0)
    if how:
        sdrtest._failed = True  # pylint: disable=protected-access
