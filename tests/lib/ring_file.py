"""A ring file (relay/ring.h) as bytes, to break it on purpose; 64-bit machines only."""
import os
import struct
from pathlib import Path

from sdrtest import Skip
from tracer import PREFIX, Traced
from udp import queued

HEAD = {"magic": (0, 8), "version": (8, 4), "head_bytes": (12, 4), "file_bytes": (16, 8),
        "descriptor_count": (24, 8), "reject_bytes": (32, 8), "data_bytes": (40, 8),
        "text_bytes": (48, 8), "layout_bytes": (56, 8), "receive_time": (64, 8),
        "channel": (72, 8), "finished": (136, 4), "rotations_asked": (140, 4),
        "rotations_done": (144, 4), "committed.sequence": (192, 8), "reject_head": (984, 8),
        "recorded.sequence": (1024, 8), "rejects_recorded.sequence": (1400, 8),
        "journal.batch": (1792, 8), "journal.count": (1800, 4), "journal.expected": (1804, 4),
        "journal.place": (1808, 8), "journal.gathered": (24352, 8)}
COMMITTED = {"index": (0, 8), "open.position": (8, 8), "open.bytes": (16, 4),
             "open.datums": (20, 4), "open.first_time_ns": (24, 8), "open.last_time_ns": (32, 8),
             "open.losses.lost": (56, 8), "numbers.watched": (128, 4), "numbers.ordinal": (132, 4),
             "numbers.wrap": (136, 8), "numbers.next": (184, 8), "numbers.next_value": (192, 8),
             "numbers.settled": (200, 8), "numbers.ticked": (208, 8),
             "numbers.jumped_to": (344, 8), "numbers.has_jumped": (352, 4),
             "numbers.has_begun": (356, 4), "numbers.in_gap": (360, 8)}
RECORDED = {"index": (0, 8), "bytes": (8, 4), "datums": (12, 4), "position": (16, 8),
            "file_bytes": (24, 8), "file_blocks": (32, 8), "start_us": (40, 8),
            "opened_us": (48, 8), "sync": (56, 8), "index_bytes": (72, 8),
            "knows_losses": (80, 8), "losses.lost": (104, 8)}
JOURNAL, MESSAGES, CONTROL, REJECTS_FROM, REST = 1792, 1816, 16160, 24360, 24376
HEAD_BYTES, DESCRIPTOR_BYTES = 24448, 120
MESSAGE_BYTES, CONTROL_BYTES, UNIT = 64, 128, 65536
WINDOWS_BYTES = -(-64 * (65536 + 2112) // UNIT) * UNIT


class RingFile:
    def __init__(self, data):
        self.data = bytearray(data)
        self.fields = dict(HEAD)
        for name, at, size, members in (("committed", 192, 392, COMMITTED),
                                        ("recorded", 1024, 184, RECORDED),
                                        ("rejects_recorded", 1400, 184, RECORDED)):
            copy = at + 8 + size * (self.get(name + ".sequence") & 1)  # the one in force
            self.fields |= {f"{name}.{member}": (copy + offset, bytes_)
                            for member, (offset, bytes_) in members.items()}
        for message in (0, 1):
            at = MESSAGES + message * MESSAGE_BYTES
            self.fields |= {f"journal.messages[{message}].controllen": (at + 40, 4),
                            f"journal.messages[{message}].flags": (at + 48, 4),
                            f"journal.messages[{message}].length": (at + 56, 4),
                            f"journal.control[{message}].length":
                                (CONTROL + message * CONTROL_BYTES, 4),
                            f"journal.control[{message}].time":
                                (CONTROL + message * CONTROL_BYTES + 16, 8),
                            f"journal.rejects_from[{message}]": (REJECTS_FROM + 8 * message, 8),
                            f"journal.rest[{message}]": (REST + 8 * message, 8)}

    def get(self, name):
        at, size = self.fields[name]
        return int.from_bytes(self.data[at:at + size], "little")

    def set(self, name, value):
        at, size = self.fields[name]
        self.data[at:at + size] = (value & (1 << 8 * size) - 1).to_bytes(size, "little")
        return self

    # Where the areas begin.

    def descriptors(self):
        return -(-HEAD_BYTES // UNIT) * UNIT

    def text(self):
        size = self.get("descriptor_count") * DESCRIPTOR_BYTES
        return self.descriptors() + -(-size // UNIT) * UNIT

    def windows(self):
        return self.text() + -(-self.get("text_bytes") // UNIT) * UNIT

    def rejects(self):
        return self.windows() + WINDOWS_BYTES

    def datums(self):
        return self.rejects() + self.get("reject_bytes")


def call_at(pid):
    """The number of the system call that a stopped process is in."""
    words = Path(f"/proc/{pid}/syscall").read_text(encoding="ascii").split()
    return int(words[0]) if words[0] != "running" else -1


def leave(start, sock, send=None):
    """Runs a relay (start(**options)) whose writer never gets to write, and kills both when the
    socket is empty and the receiver about to send: committed datums, and a batch in hand.

    `send` is called once the receiver has found the socket empty: then no backlog is relayed."""
    if struct.calcsize("P") != 8:
        raise Skip("not a 64-bit machine")
    machine = os.uname().machine
    sends = {"x86_64": (46, 307), "aarch64": (211, 269)}.get(machine)
    receive = {"x86_64": 299, "aarch64": 243}.get(machine)
    if not sends:
        raise Skip("no numbers of this machine's system calls")
    relay = start(wait=False, prefix=PREFIX)
    traced, receives = Traced(relay.pid), 0
    while True:
        pid = traced.step()
        if relay.pid in traced.dead:
            raise AssertionError(f"the relay has ended: {relay.messages()}")
        if pid != relay.pid:
            continue  # the writer stays where it is
        call = call_at(pid)
        receives += call == receive  # entry and return
        if receives == 3 and send:
            send, receives = send(), 4
        if call in sends and not queued(sock) and (not send or receives > 4):
            break
        traced.go_on(pid)
    traced.kill(traced.order)
    traced.let_go()
    os.close(relay._ready)  # pylint: disable=protected-access
    relay.process.returncode = -9
    return relay
