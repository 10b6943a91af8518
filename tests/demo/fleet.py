"""The demo's fleet: three channels, their config, and what is in their files."""
import os
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from sdrtest import BIN
from segments import sealed
from tree import Tree

HERE = Path(__file__).resolve().parent
GROUP = "239.255.77"


@dataclass
class Channel:
    rate: int    # datums a second
    factor: int  # of its decimated stream


CHANNELS = {"host": Channel(50, 5), "wave": Channel(10000, 100), "events": Channel(500, 10)}


class Fleet(Tree):
    def __init__(self, directory):
        shutil.rmtree(directory, ignore_errors=True)
        super().__init__(directory, self._run_directory(directory))
        self._port = self._free_ports()

    @staticmethod
    def _run_directory(directory):
        """On tmpfs, where there is one for this user."""
        for base in (os.environ.get("XDG_RUNTIME_DIR"), "/dev/shm"):
            if base and os.path.isdir(base) and os.access(base, os.W_OK):
                return tempfile.mkdtemp(prefix="sdr-demo-", dir=base)
        return directory / "run"

    @staticmethod
    def _free_ports():
        """The first of nine port numbers that nobody uses."""
        for first in range(26100, 27000, 10):
            sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(9)]
            try:
                for at, sock in enumerate(sockets):
                    sock.bind(("0.0.0.0", first + at))
                return first
            except OSError:
                continue
            finally:
                for sock in sockets:
                    sock.close()
        raise AssertionError("no free ports between 26100 and 27000")

    def _port_of(self, name, kind):
        return self._port + 3 * list(CHANNELS).index(name) + kind

    def listen(self, name):
        return f"127.0.0.1:{self._port_of(name, 0)}"

    def full_rate(self, name):
        port = self._port_of(name, 1)
        return f"{GROUP}.{port % 250 + 1}:{port}"

    def decimated(self, name):
        port = self._port_of(name, 2)
        return f"{GROUP}.{port % 250 + 1}:{port}"

    def schema(self, name):
        return self.directory / f"{name}.avsc"

    def start(self):
        channels = ""
        for name, channel in CHANNELS.items():
            shutil.copy(HERE / f"{name}.avsc", self.schema(name))
            channels += (f'\n[channel.{name}]\nlisten = "{self.listen(name)}"\n'
                         f'schema = "{name}.avsc"\nfull_rate = "{self.full_rate(name)}"\n'
                         f'decimated = {{ to = "{self.decimated(name)}", '
                         f'factor = {channel.factor} }}\n')
        self.configure(channels, 'record = { sync = "1s", rotate = "10s", size = "1MiB" }\n')
        super().start()
        self.apply()

    def received(self):
        """{channel: datagrams} as the relays count them."""
        return {name: channel["received"] for name, channel in self.channels().items()}

    def wait_received(self, sent):
        """Until all that was sent has come in, or 3 s have passed: then it never will."""
        end = time.monotonic() + 3
        while time.monotonic() < end and self.received() != sent:
            time.sleep(0.05)

    def cat_command(self, name, *words):
        files = sealed(self.recordings(name))
        return [str(word) for word in (BIN / "sdr-cat", *words, *files)]

    def records(self, name, count):
        done = subprocess.run(self.cat_command(name, "--limit", count), capture_output=True,
                              text=True, check=True)
        return done.stdout.splitlines()
