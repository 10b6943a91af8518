#!/usr/bin/python3
"""A fleet of three channels: started, fed, watched, read back; and what was lost of it, which must
be nothing. Needs no root. KEEP=1 leaves it running until Ctrl-C.

What was seen and lost is counted by this script's own subscribers and from the files, by the
numbers in the datums; not by the relay's counters.
"""
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from fleet import CHANNELS, Fleet  # noqa: E402
from feeds import Feed, HostFeed  # noqa: E402
from tally import Subscriber, tally_files  # noqa: E402
import sdrtest  # noqa: E402

SECONDS = 12
KEEP = os.environ.get("KEEP", "") not in ("", "0")
BOLD, RED, GREEN, PLAIN = ("\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[0m") \
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ else ("",) * 4


def say(text=""):
    print(text, flush=True)


def head(text):
    say(f"\n{BOLD}{text}{PLAIN}")


def subscribe(fleet):
    """A socket of our own on every stream: {(channel, stream): Subscriber}."""
    found = {}
    for name, channel in CHANNELS.items():
        found[name, "full"] = Subscriber(fleet.full_rate(name), 0, 1)
        found[name, "decimated"] = Subscriber(fleet.decimated(name), channel.factor - 1,
                                              channel.factor)
    return found


def start_feeds(fleet):
    feeds = {"host": HostFeed(fleet, CHANNELS["host"].rate, None if KEEP else SECONDS)}
    for name in ("wave", "events"):
        rate = CHANNELS[name].rate
        feeds[name] = Feed(fleet, name, rate, None if KEEP else rate * SECONDS)
    return feeds


def show_while_running(fleet, feeds):
    """The status once, halfway; or again and again until Ctrl-C."""
    if KEEP:
        try:
            while True:
                table = fleet.status()
                say(("\x1b[H\x1b[J" if sys.stdout.isatty() else "") + table)
                say("\nCtrl-C ends it. In another terminal:")
                where = " ".join(map(str, fleet.where()))
                say(f"  {sdrtest.BIN}/sdr-stat {where}")
                say(f"  {sdrtest.BIN}/sdr-cat {where} --limit 3 events")
                time.sleep(1)
        except KeyboardInterrupt:
            say()
        for feed in feeds.values():
            feed.stop()
        return
    time.sleep(SECONDS / 2)
    say(fleet.status())


def show_records(fleet):
    for name in ("host", "events"):
        for line in fleet.records(name, 2):
            say(f"{name:7}{line[:160]}{' …' if len(line) > 160 else ''}")


def verdict(sent, received, seen, recorded):
    """Prints the table; true where nothing was lost."""
    row = "{:<8}{:>10}{:>10}{:>11}{:>11}{:>10}{:>10}{:>6}   {}"
    say(row.format("channel", "sent", "received", "full rate", "decimated", "of", "recorded",
                   "lost", ""))
    fine = True
    for name, channel in CHANNELS.items():
        full, decimated, files = seen[name, "full"], seen[name, "decimated"], recorded[name]
        due = sent[name] // channel.factor
        lost = full.lost(sent[name]) + decimated.lost(due) + files.lost(sent[name])
        strange = full.strange + decimated.strange + files.strange
        good = lost == 0 and strange == 0 and sent[name] > 0
        fine = fine and good
        word = f"{GREEN}ok{PLAIN}" if good else f"{RED}LOST{PLAIN}"
        if strange:
            word += f" {strange} doubled or out of order"
        say(row.format(name, sent[name], received[name], full.count, decimated.count, due,
                       files.count, lost, word))
    return fine


def run(fleet):
    head("Three channels, an s6 tree of their own, and a subscriber on every stream")
    fleet.start()
    say(f"config    {fleet.config}\nrun       {fleet.run}\nrecording {fleet.storage}")
    subscribers = subscribe(fleet)
    feeds = start_feeds(fleet)
    head(f"Fed with {', '.join(f'{c.rate} {n}' for n, c in CHANNELS.items())} datums a second"
         + ("" if KEEP else f" for {SECONDS} s; sdr-stat meanwhile"))
    show_while_running(fleet, feeds)
    sent = {name: feed.result() for name, feed in feeds.items()}
    fleet.wait_received(sent)
    received = fleet.received()
    head("Stopped; what is in the files")
    fleet.stop()
    show_records(fleet)
    seen = {key: subscriber.result() for key, subscriber in subscribers.items()}
    recorded = {name: tally_files(fleet, name) for name in CHANNELS}
    head("Verdict, from the numbers in the datums")
    return verdict(sent, received, seen, recorded)


def main():
    sdrtest.enter_plainly()
    start = time.monotonic()
    fleet = Fleet(sdrtest.BUILD / "demo")
    try:
        fine = run(fleet)
    except KeyboardInterrupt:
        fine = False
        say("\ninterrupted")
    except AssertionError as error:
        fine = False
        say(f"{RED}{error}{PLAIN}")
    finally:
        fleet.stop()
        sdrtest.bury_children()
        fleet.remove_run()
    say(f"\n{time.monotonic() - start:.0f} s. The recordings stay in {fleet.storage}")
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
