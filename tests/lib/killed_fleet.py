"""A fleet of which any process may be killed, s6-svscan and s6-supervise included."""
import contextlib
import os
import signal
import subprocess

from s6tree import Fleet, descendants
from sdrtest import alive, children, wait_for


def parent(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def program(pid):
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/comm", encoding="ascii", errors="replace") as file:
            return file.read().strip()
    return ""


class KilledFleet(Fleet):
    def victims(self, what, name):
        """The processes to kill so that `what` of channel `name` is gone; there may be none yet."""
        if what == "svscan":
            return [self._svscan.pid]
        if what.startswith("fdholder"):
            return [self._pid(what)]
        receiver = self._pid(name)
        return {"receiver": [receiver], "writer": children(receiver)[:1],
                "both": [receiver, *children(receiver)],
                "supervise": [parent(receiver)]}[what]

    def _pid(self, service):
        return wait_for(lambda: (self.state(service) or {"pid": 0})["pid"] > 1
                        and self.state(service)["pid"], f"{service} is up", 20)

    def kill(self, what, name):
        """Kills it for certain; s6-svscan gets a successor, as from an init."""
        def done():
            with contextlib.suppress(OSError):
                pids = self.victims(what, name)
                for pid in pids:
                    assert pid > 1
                    os.kill(pid, signal.SIGKILL)
                return bool(pids)
            return False
        wait_for(done, f"{what} is there to be killed", 20)
        if what == "svscan":
            self._svscan.wait()
            self.start()

    def stop(self):
        """The supervisors of a killed s6-svscan are ours now, and end when they are told to."""
        if not self._svscan:
            return
        me = os.getpid()
        family = descendants(me)
        subprocess.run(["s6-svscanctl", "-t", self.scan_dir], check=True)
        for sign in (signal.SIGTERM, signal.SIGHUP):  # the second one is for loggers
            for pid in children(me):
                if program(pid) == "s6-supervise":
                    os.kill(pid, sign)
        wait_for(lambda: not any(alive(pid) and program(pid) in ("s6-supervise", "sdr-relay")
                                 for pid in family), "the whole tree ends", 30)
        self._svscan.wait(20)
        self._svscan = None
