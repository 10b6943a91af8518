"""A supervision tree of one's own: a config, s6-svscan as the current user, and the tools on it."""
import json
import os
import pwd
import shutil
import subprocess
from pathlib import Path

from sdrtest import BIN, TEMPLATES, wait_for


HEALTH = (0, 1, 2)  # what sdr-stat says of it by its exit code


def user():
    return pwd.getpwuid(os.geteuid()).pw_name


class Tree:
    """`directory` gets config, recordings and logs; `run` (on tmpfs) what lives while it runs."""

    def __init__(self, directory, run):
        self.directory = Path(directory)
        self.run = Path(run)
        self.config = self.directory / "relay.toml"
        self.storage = self.directory / "recordings"
        self.log = self.directory / "log"
        for path in (self.storage, self.log, self.run / "service"):
            path.mkdir(parents=True, exist_ok=True)
        self._svscan = None

    def configure(self, channels, defaults=""):
        """Writes the config; `channels` is TOML from the first [channel.NAME] on."""
        self.config.write_text(
            f'[storage]\npath = "{self.storage}"\n\n[defaults]\nuser = "{user()}"\n'
            f'interface = "lo"  # the streams stay on this host\n{defaults}\n{channels}',
            encoding="utf-8")

    def tool(self, *words, timeout_s=60, codes=(0,)):
        """Runs one of our programs; its output. Its complaints are an AssertionError."""
        done = subprocess.run([str(BIN / words[0]), *map(str, words[1:])], capture_output=True,
                              text=True, check=False, timeout=timeout_s)
        if done.returncode not in codes:
            raise AssertionError(f"{words[0]}: exit {done.returncode}: "
                                 f"{(done.stderr + done.stdout).strip()}")
        return done.stdout.rstrip("\n")

    def where(self):
        return ["--config", self.config, "--run", self.run]

    def start(self):
        scan = self.run / "service"
        with open(self.log / "svscan", "ab") as log:
            self._svscan = subprocess.Popen(["s6-svscan", scan], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, start_new_session=True)
        wait_for((scan / ".s6-svscan/control").exists, "s6-svscan is there")

    def apply(self):
        return self.tool("sdr-gen", *self.where(), "--log", self.log, "--templates", TEMPLATES,
                         "--apply")

    def status(self):
        return self.tool("sdr-stat", *self.where(), codes=HEALTH)

    def channels(self):
        """{name: what sdr-stat --json says of the channel}."""
        said = json.loads(self.tool("sdr-stat", *self.where(), "--json", codes=HEALTH))
        return {channel["name"]: channel for channel in said["channels"]}

    def service(self, name):
        return self.run / "service" / name

    def pid(self, name):
        """Of the channel's receiver; 0 where it is down."""
        done = subprocess.run(["s6-svstat", "-o", "pid", self.service(name)], capture_output=True,
                              text=True, check=False)
        return max(0, int(done.stdout.strip() or 0)) if done.returncode == 0 else 0

    def recordings(self, name):
        return self.storage / f"channel={name}"

    def stop(self, timeout_s=20):
        """Returns when every relay has sealed its files and is gone."""
        if not self._svscan:
            return
        subprocess.run(["s6-svscanctl", "-t", self.run / "service"], check=False)
        svscan, self._svscan = self._svscan, None
        try:
            svscan.wait(timeout_s)
        except subprocess.TimeoutExpired:
            svscan.kill()
            raise AssertionError(f"the tree did not end within {timeout_s} s") from None

    def remove_run(self):
        shutil.rmtree(self.run, ignore_errors=True)
