#!/usr/bin/python3
"""sdr-cat --plot and --plot-svg: the picture read back into dots and points, against the data."""
import fcntl
import math
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import case, check_equal, enter_plainly, finish  # noqa: E402
from catlib import CAT, WORK, cat, check, put  # noqa: E402
from indexed import TIME, Written, iso, micros  # noqa: E402
from udp import varint  # noqa: E402

SECOND = 1000000
START = micros("2026-11-22T20:00:00")
UTF8 = os.environ | {"LC_ALL": "C.UTF-8", "TZ": "UTC"}
ASCII = os.environ | {"LC_ALL": "C", "TZ": "UTC"}
SCHEMA = {"type": "record", "name": "R", "fields": [
    {"name": "speed", "type": "double"}, {"name": "name", "type": "string"},
    {"name": "cells", "type": {"type": "array", "items": "int"}},
    {"name": "pose", "type": {"type": "record", "name": "P", "fields": [
        {"name": "x", "type": ["null", "float"]}, {"name": "y", "type": "float"}]}}]}
TIMED = SCHEMA | {"fields": [*SCHEMA["fields"], {"name": "receive_time", "type": TIME}]}


def datum(speed, cells=(), x=None, time_us=None):
    items = varint(len(cells)) + b"".join(map(varint, cells)) + varint(0) if cells else varint(0)
    nullable = varint(0) if x is None else varint(1) + struct.pack("<f", x)
    return struct.pack("<d", speed) + varint(2) + b"hi" + items + nullable + \
        struct.pack("<f", 1) + (b"" if time_us is None else varint(time_us))


def write(name, points, schema=TIMED, index=True, a_block=100):
    """`points`: (time_us, arguments of datum)."""
    made = Written(schema, points[0][0] if points else START)
    for at in range(0, len(points), a_block):
        some = points[at:at + a_block]
        made.add([datum(*more, time_us=time if schema is TIMED else None) for time, *more in some],
                 [time for time, *_ in some])
    put(f"{name}.avro", made.data)
    if index:
        put(f"{name}.index", made.index())
    return WORK / f"{name}.avro"


# Of a character's dots, by their bits: column and row.
DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))


class Picture:
    """One panel, or several, of a picture in braille."""

    def __init__(self, text, columns=80):
        self.lines = text.splitlines()
        for line in self.lines:
            check(len(line) <= columns, f"{len(line)} columns: {line}")
            check(all(c.isprintable() for c in line), repr(line))
        self.panels, self.legends = [], []
        for line in self.lines:
            bar = re.match(r"^([^│┤└]*)[│┤]", line)
            if bar:
                self.panels[-1].append((bar.group(1).strip(), line[bar.end():]))
            elif line.lstrip()[:1] == "└":
                self.gutter = line.index("└") + 1
                self.width = 2 * (len(line) - self.gutter)
                break
            else:
                self.legends.append(line)
                self.panels.append([])

    def dots(self, panel=0):
        """{x: [y, …]} with y from the top, in dots; and how many rows of them there are."""
        found = {}
        for row, (_, cells) in enumerate(self.panels[panel]):
            for column, cell in enumerate(cells):
                bits = 0 if cell == " " else ord(cell) - 0x2800
                check(0 <= bits < 256, f"no braille: {cell!r}")
                for x, y in (DOTS[bit] for bit in range(8) if bits >> bit & 1):
                    found.setdefault(2 * column + x, []).append(4 * row + y)
        return found, 4 * len(self.panels[panel])


def plot(*args, code=0, columns=80, **kwargs):
    out, err = cat("--plot", *args, code=code, env=UTF8, **kwargs)
    return Picture(out, columns), err


enter_plainly()

COUNT, PERIODS = 6000, 3
wave = [(START + i * 10000, 10 * math.sin(2 * math.pi * PERIODS * i / COUNT))
        for i in range(COUNT)]
sine = write("sine", wave)

with case("a sine: every dot is on the curve, its extremes in their columns"):
    picture, _ = plot("speed", sine)
    check_equal(picture.legends, ["speed  min -10  mean " + picture.legends[0].split()[4] +
                                  "  max 10  of 6000"], "legend")
    dots, height = picture.dots()
    check_equal(sorted(dots), list(range(picture.width)), "columns with dots")
    check_equal(len(picture.lines), 23, "lines")
    scale = (COUNT - 1) / (picture.width - 1)
    for x, ys in dots.items():
        near = [10 * math.sin(2 * math.pi * PERIODS * i / COUNT)
                for i in range(max(0, int((x - 1) * scale)), min(COUNT, int((x + 1) * scale) + 2))]
        for y in ys:
            value = 10 - 20 * y / (height - 1)
            margin = 20 / (height - 1)
            check(min(near) - margin <= value <= max(near) + margin, f"{value} at column {x}")
    top = [x for x, ys in dots.items() if min(ys) == 0]
    bottom = [x for x, ys in dots.items() if max(ys) == height - 1]
    for period in range(PERIODS):
        for places, phase in ((top, 0.25), (bottom, 0.75)):
            want = (period + phase) * COUNT / PERIODS / scale
            check(any(abs(x - want) <= 1 for x in places), f"{want} is not among {places}")
    check(all(min(abs(x - (p + 0.25) * COUNT / PERIODS / scale) for p in range(PERIODS)) < 6
              for x in top), f"{top}")

with case("labels: values on the left, times below, and from when to when"):
    picture, _ = plot("speed", sine)
    check_equal([label for label, _ in picture.panels[0] if label], ["10", "5", "0", "-5", "-10"],
                "values")
    check_equal(picture.lines[-2].split(), [f"20:00:{s:02}" for s in range(0, 60, 10)], "times")
    check_equal(picture.lines[-1], "2026-11-22T20:00:00.000000+0000 to "
                "2026-11-22T20:00:59.990000+0000", "caption")
    local = os.environ | {"LC_ALL": "C.UTF-8", "TZ": "XST-5:30"}
    check("01:30:10" in cat("--plot", "speed", sine, env=local)[0], "local times")
    utc = cat("--plot", "speed", "--utc", sine, env=local)[0]
    check("20:00:10" in utc and "20:00:00.000000Z" in utc, utc)

with case("a spike of one datum among 300,000 is in the picture, in its column"):
    many = [(START + i * 1000, 50.0 if i == 123456 else 1.0) for i in range(300000)]
    dots, height = plot("speed", write("spike", many, a_block=5000))[0].dots()
    check_equal([x for x, ys in dots.items() if 0 in ys],
                [round(123456 / 299999 * (len(dots) - 1))], "column of the spike")

with case("a gap in time is a gap in the picture, and so is a field that is null for a while"):
    gap = [(START + i * 10000 + (20 * SECOND if i >= 3000 else 0), 1.0 + i % 2, (), float(i % 5)
            if not 1000 <= i < 2000 else None) for i in range(6000)]
    picture, _ = plot("speed,pose.x", write("gap", gap))
    second = (picture.width - 1) / 79.99
    for panel, spans in ((0, [(30, 50)]), (1, [(10, 20), (30, 50)])):
        dots, _ = picture.dots(panel)
        free = [x for x in range(picture.width) if x not in dots]
        want = [x for low, high in spans
                for x in range(math.ceil(low * second) + 1, math.floor(high * second))]
        check(set(want) <= set(free) and len(free) <= len(want) + 2 * len(spans),
              f"{free} for {want}")
    check("(1000 null)" in picture.legends[1], picture.legends[1])

with case("several fields are panels over the same time; arrays by element, or one element"):
    some = [(START + i * SECOND, float(i), (i, -i)) for i in range(100)]
    path = write("several", some)
    picture, _ = plot("speed,cells,cells[1]", path)
    check_equal([legend.split()[0] for legend in picture.legends], ["speed", "cells", "cells[1]"],
                "panels")
    check_equal(len({len(panel) for panel in picture.panels}), 1, "heights")
    check("min -99  mean 0  max 99  of 200" in picture.legends[1], picture.legends[1])
    check("min -99  mean -49.5  max 0  of 100" in picture.legends[2], picture.legends[2])

with case("one point, a constant, NaN and infinities"):
    for values in ([3.0], [3.0] * 50):
        picture, _ = plot("speed", write("flat", [(START + i, v) for i, v in enumerate(values)]))
        dots, height = picture.dots()
        check_equal({abs(y - (height - 1) / 2) <= 1 for ys in dots.values() for y in ys}, {True},
                    "in the middle")
        check_equal(len(dots), 1 if len(values) == 1 else picture.width, "columns")
    odd = [1.0, math.nan, math.inf, -math.inf, 2.0]
    picture, _ = plot("speed", write("odd", [(START + i, v) for i, v in enumerate(odd)]))
    check("of 2  (1 NaN, 2 infinite)" in picture.legends[0], picture.legends[0])

with case("files and a range of time: over all of it"):
    first, second = write("one", wave[:3000]), write("two", wave[3000:])
    check_equal(cat("--plot", "speed", first, second, env=UTF8),
                cat("--plot", "speed", sine, env=UTF8), "two files")
    span = ["--from", iso(START + 10 * SECOND), "--to", iso(START + 20 * SECOND)]
    picture, _ = plot("speed", *span, first, second)
    check("of 1000" in picture.legends[0], picture.legends[0])
    check_equal(picture.lines[-1], "2026-11-22T20:00:10.000000+0000 to "
                "2026-11-22T20:00:20.000000+0000", "caption")

with case("what was asked for is the axis, also where nothing was received"):
    picture, _ = plot("speed", "--from", iso(START - 30 * SECOND), "--to", iso(START +
                      90 * SECOND), sine)
    check_equal(picture.lines[-1], "2026-11-22T19:59:30.000000+0000 to "
                "2026-11-22T20:01:30.000000+0000", "caption")
    dots, _ = picture.dots()
    second = (picture.width - 1) / 120
    check_equal([abs(min(dots) - 30 * second) <= 1, abs(max(dots) - 90 * second) <= 1],
                [True, True], f"{min(dots)} to {max(dots)}")

with case("without receive times: those of blocks; without any: datums are counted"):
    plain = [(START + i * 10000, v) for i, (_, v) in enumerate(wave)]
    picture, _ = plot("speed", write("plain", plain, schema=SCHEMA))
    check_equal(picture.lines[-1][:31], "2026-11-22T20:00:00.000000+0000", "caption")
    picture, _ = plot("speed", write("timeless", plain, schema=SCHEMA, index=False))
    check("datums, counted" in picture.lines[-1] and "5000" in picture.lines[-2],
          "\n".join(picture.lines[-2:]))
    with open(sine, "rb") as file:
        out = subprocess.run([CAT, "--plot", "speed", "-"], stdin=file, env=UTF8,
                             capture_output=True, check=True).stdout.decode()
    check_equal(Picture(out).dots(), plot("speed", sine)[0].dots(), "from standard input")

with case("as large as the terminal; in ASCII where the locale is none of UTF-8"):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 132, 0, 0))
    with subprocess.Popen([CAT, "--plot", "speed", str(sine)], stdout=slave, stderr=slave,
                          env=UTF8) as child:
        os.close(slave)
        text = b""
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            text += piece
        check_equal(child.wait(), 0, "exit")
    os.close(master)
    picture = Picture(text.decode().replace("\r\n", "\n"), 132)
    check_equal([len(picture.lines), picture.gutter + picture.width // 2], [39, 132], "size")
    out = cat("--plot", "speed", sine, env=ASCII)[0]
    check(out.isascii() and all(len(line) <= 80 for line in out.splitlines()), out)
    check_equal(len(out.splitlines()), 23, "lines")

with case("nothing that a recording or an operand says reaches the terminal raw"):
    evil = {"type": "record", "name": "R", "fields": [
        {"name": "m", "type": {"type": "map", "values": "int"}}, {"name": "t", "type": TIME}]}
    made = Written(evil, START)
    made.add([varint(1) + varint(5) + b"\x1b[2J\x07" + varint(7) + varint(0) + varint(START)],
             [START])
    path = put("evil.avro", made.data)
    out, err = cat("--plot", "m[\"\x1b[2J\"]", path, env=UTF8, code=1)
    check("\x1b" not in out + err, repr(out + err))
    out, err = cat("--plot", "m,\x1b[2J", path, env=UTF8, code=100)
    check("\x1b" not in out + err, repr(out + err))
    for text in ("--plot-svg", "-"), ():
        out, err = cat("--plot", "m[\"\x1b[2J\x07\"]", *text, path, env=UTF8)
        check("min 7" in out and "\x1b" not in out + err and "\x07" not in out, repr(out + err))
    check_equal(Picture(cat("--plot", "m", path, env=UTF8)[0]).legends,
                ["m  min 7  mean 7  max 7  of 1"], "the map")
finish()
