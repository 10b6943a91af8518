"""A sdr-relay by itself: compiled schemas, its command line, its counters; no supervisor."""
import os
import select
import signal
import struct
import subprocess
from pathlib import Path

import sdrtest
from sdrtest import BIN, TEMPLATES, alive, children, wait_for

REASONS = ("none", "short", "long", "boolean", "enum", "union", "varint", "length", "utf8",
           "truncated", "sender")


def compile_schemas(directory, schemas):
    """sdr-gen --render of a config with one channel per schema: {name: its data directory}."""
    directory = Path(directory)
    lines = [f'[storage]\npath = "{directory}/storage"\n']
    for at, (name, schema) in enumerate(schemas.items()):
        (directory / f"{name}.avsc").write_text(schema, encoding="utf-8")
        lines.append(f'[channel.{name}]\nlisten = "127.0.0.1:{20000 + at}"\n'
                     f'schema = "{name}.avsc"\nuser = "nobody"\n'
                     f'full_rate = "239.255.0.1:{40000 + at}"\n')
    config = directory / "relay.toml"
    config.write_text("".join(lines), encoding="utf-8")
    tree = directory / "rendered"
    done = subprocess.run([BIN / "sdr-gen", "--config", config, "--render", tree,
                           "--templates", TEMPLATES], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"sdr-gen --render: {(done.stderr + done.stdout).strip()[:600]}")
    found = {name: next(tree.glob(f"**/{name}/data/layout"), None) for name in schemas}
    assert all(found.values()), f"sdr-gen --render made no data/layout in {tree}"
    return {name: layout.parent for name, layout in found.items()}


class Relay:
    """Starts one and waits until it is ready. Options are those of the command line, `_` for `-`;
    an option that may be repeated takes a list."""

    def __init__(self, data, run, storage=None, name="t", wait=True, prefix=(), keep_fds=(),
                 binary=BIN / "sdr-relay", stderr=None, **options):
        self.name = name
        self.counters_file = Path(run) / "counters" / name
        ring = Path(run) / "rings" / name
        for directory in (self.counters_file.parent, ring):
            directory.mkdir(parents=True, exist_ok=True)
        self.directory = None
        given = {"name": name, "layout": Path(data) / "layout", "header": Path(data) / "header",
                 "counters": self.counters_file, "listen": "127.0.0.1:26000", "sync_ms": 200,
                 "rotate_s": 366 * 86400, "receive_buffer_bytes": 8 << 20}
        if storage:
            self.directory = Path(storage) / f"channel={name}"
            self.directory.mkdir(exist_ok=True)
            given |= {"record": self.directory, "ring": ring, "buffer_bytes": 4 << 20}
        given |= options
        self.listen = given["listen"]
        self.log = Path(run) / f"{name}.log"
        ready, write = os.pipe()
        command = [*prefix, binary, *self._words(given), "--ready-fd", write]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([str(word) for word in command], stderr=stderr or log,
                                            stdin=subprocess.DEVNULL, pass_fds=(write, *keep_fds))
        os.close(write)
        sdrtest.after_failure.append(self.kill)
        self._ready = ready
        if wait:
            self.wait_ready()

    @staticmethod
    def _words(options):
        for key, value in options.items():
            for one in value if isinstance(value, (list, tuple)) else [value]:
                if one is True:
                    yield "--" + key.replace("_", "-")
                elif one is not None:
                    yield from ("--" + key.replace("_", "-"), one)

    def wait_ready(self, timeout_s=10.0):
        there, _, _ = select.select([self._ready], [], [], timeout_s)
        line = os.read(self._ready, 16) if there else b""
        os.close(self._ready)
        if line != b"\n":
            raise AssertionError(f"sdr-relay is not ready: {self.messages() or 'no message'}")

    @property
    def pid(self):
        return self.process.pid

    def writer(self):
        """The pid of the writer process."""
        return wait_for(lambda: children(self.pid), "the writer process is there")[0]

    def messages(self):
        return self.log.read_text(encoding="utf-8", errors="replace").strip()

    def counters(self):
        return Counters(self.counters_file)

    def wait_received(self, count, timeout_s=10.0):
        wait_for(lambda: self.counters().received >= count, f"{count} datagrams received",
                 timeout_s)

    def wait_recorded(self, count, timeout_s=10.0):
        wait_for(lambda: self.counters().recorded >= count, f"{count} datums recorded", timeout_s)

    def hup(self):
        self.process.send_signal(signal.SIGHUP)

    def stop(self, expect=0, timeout_s=15.0):
        """TERM, and everything sealed when it returns."""
        family = [self.pid, *children(self.pid)]
        self.process.terminate()
        code = self.process.wait(timeout_s)
        if code != expect:
            raise AssertionError(f"exit {code} after TERM, expected {expect}: {self.messages()}")
        wait_for(lambda: not any(alive(pid) for pid in family), "the writer ends too")

    def kill(self):
        """-9, to both processes."""
        if self.process.poll() is None:
            for pid in (self.pid, *children(self.pid)):
                os.kill(pid, signal.SIGKILL)
            self.process.wait()


class Counters:
    """The counters page (relay/format/counters.h), read once."""
    _RECEIVER = ("starts", "start_time_ns", "pid", "received", "received_bytes", "rejected",
                 ("rejected_by_reason", 16), "rejects_not_kept", "kernel_drops", "drops_socket",
                 "drops_before", "stale", "unrecorded", "receive_errors", "last_datagram_time_ns",
                 "receive_buffer_asked", "receive_buffer_granted", "ring_bytes", "ring_used",
                 "ring_used_max", ("latency", 36), "latency_max_ns", "log_lines_dropped",
                 "writer_starts", ("streams", 36), "clock_steps", "silence_ns", "silent_since_ns",
                 "silences", "has_sequence", ("sequence", 5), ("lost_ranges", 384))
    BYTES = 8192
    _WRITER = ("pid", "recorded", "recorded_bytes", "file_bytes", "blocks", "syncs", "segments",
               "rejects_kept", "salvaged", "write_ns_last", "write_ns_max", "sync_ns_last",
               "sync_ns_max", "last_sync_time_ns", "disk_state", "disk_errno", "disk_errors",
               "writer_log_lines_dropped", "writer_rejects_not_kept", ("losses_told", 11),
               "disk_busy_since_ns")
    DISK = ("off", "ok", "full", "error", "stalled", "unmounted")

    def __init__(self, path):
        page = Path(path).read_bytes() if os.path.exists(path) else b""
        page = page.ljust(self.BYTES, b"\0")
        at = self._take(page, 128, self._RECEIVER)
        self._take(page, -(-at // 128) * 128, self._WRITER)
        flat = self.streams
        self.streams = [flat[at:at + 4] for at in range(0, len(flat), 4)]

    def _take(self, page, at, fields):
        for field in fields:
            name, count = field if isinstance(field, tuple) else (field, 1)
            words = struct.unpack_from(f"={count}Q", page, at)
            at += 8 * count
            setattr(self, "writer_pid" if name == "pid" and hasattr(self, "pid") else name,
                    words[0] if count == 1 else words)
        return at

    def reasons(self):
        return {REASONS[at]: count for at, count in enumerate(self.rejected_by_reason) if count}

    def disk(self):
        return self.DISK[self.disk_state]


__all__ = ["Relay", "Counters", "compile_schemas", "REASONS", "sdrtest"]
