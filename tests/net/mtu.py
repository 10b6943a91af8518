#!/usr/bin/python3
"""A route whose MTU changes: datums that do not fit leave in fragments, and in runs again later."""
import os
import re
import shutil
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import (Peer, Skip, case, check_equal, children, enter_network,  # noqa: E402
                     finish, run_dir, sh, wait_for)
from relay import Relay, compile_schemas  # noqa: E402
from segments import check_exact  # noqa: E402
from udp import Collector, Fixed, send_all, sender, subscriber  # noqa: E402

GROUP, COUNT = "239.1.1.1:6000", 40
shape = Fixed(2000)


def set_mtu(peer, mtu):
    sh(f"ip link set near mtu {mtu}")
    with peer.inside():
        sh(f"ip link set far mtu {mtu}")


def runs(trace, first):
    """How many runs went as one, of those traced from `first` on; a message names its bytes."""
    done = re.findall(r"msg_len=(\d+)", trace.read_text(encoding="ascii")[first:])
    return sum(int(size) > shape.size for size in done)


def main():
    enter_network()
    with case("after the MTU has grown, runs leave as one again; nothing is lost meanwhile"):
        if not shutil.which("strace"):
            raise Skip("no strace")
        run, peer = run_dir(), Peer(mtu=1500)
        data = compile_schemas(run, {"t": shape.schema})["t"]
        # Until then the kernel drops what is sent, and says nothing.
        wait_for(lambda: "state UP" in sh("ip -o link show near"), "the link is up")
        with peer.inside():
            wait_for(lambda: "state UP" in sh("ip -o link show far"), "its far end is up")
            seen = Collector(subscriber(GROUP, "far"))
        trace = run / "trace"
        relay = Relay(data, run, full_rate=GROUP, interface="near",
                      prefix=["strace", "-qq", "-o", trace, "-e", "trace=sendmmsg"])
        to, sent = sender(relay.listen), 0

        def send():
            nonlocal sent
            send_all(to, [shape.make(sent + i) for i in range(COUNT)])
            sent += COUNT
            relay.wait_received(sent)

        for _ in range(3):
            send()
        check_equal(runs(trace, 0), 0, "runs longer than the MTU")
        set_mtu(peer, 9000)
        grown = trace.stat().st_size
        wait_for(lambda: send() or runs(trace, grown) > 0, "a run leaves as one", 10)
        os.kill(children(relay.pid)[0], signal.SIGTERM)  # strace would keep it to itself
        check_equal(relay.process.wait(15), 0, "exit code")
        check_equal(relay.counters().streams[0][2], 0, "send errors")
        check_exact(shape.numbers(b"".join(seen.datagrams())), range(sent), "far side")


if __name__ == "__main__":
    main()
    finish()
