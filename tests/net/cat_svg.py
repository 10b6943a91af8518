#!/usr/bin/python3
"""sdr-cat --plot-svg: the file against the data; and what --stats and --plot do not take."""
import math
import os
import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import case, check_equal, enter_plainly, finish  # noqa: E402
from catlib import CAT, WORK, cat, check, put  # noqa: E402
from indexed import TIME, Written, iso, micros  # noqa: E402
from udp import varint  # noqa: E402

SECOND = 1000000
START = micros("2026-11-22T20:00:00")
UTC = os.environ | {"TZ": "UTC"}
SVG = "{http://www.w3.org/2000/svg}"
SCHEMA = {"type": "record", "name": "R", "fields": [
    {"name": "speed", "type": "double"}, {"name": "label", "type": "string"},
    {"name": "load", "type": ["null", "float"]},
    {"name": "m", "type": {"type": "map", "values": "int"}},
    {"name": "receive_time", "type": TIME}]}


def write(name, points, schema=SCHEMA):
    made = Written(schema, START)
    for at in range(0, len(points), 100):
        some = points[at:at + 100]
        made.add([struct.pack("<d", speed) + varint(2) + b"hi" +
                  (varint(0) if load is None else varint(1) + struct.pack("<f", load)) +
                  varint(1) + varint(3) + b"<&>" + varint(7) + varint(0) + varint(time)
                  for time, speed, load in some], [time for time, *_ in some])
    put(f"{name}.avro", made.data)
    put(f"{name}.index", made.index())
    return WORK / f"{name}.avro"


class Drawing:
    """Panels of an SVG: legend, frame (x, y, width, height), and strokes of points."""

    def __init__(self, text):
        self.root = ET.fromstring(text)
        check_equal(self.root.tag, SVG + "svg", "root")
        width, height = (float(self.root.get(key)) for key in ("width", "height"))
        self.panels = []
        for group in self.root.iter(SVG + "g"):
            rect = group.find(SVG + "rect")
            frame = [float(rect.get(key)) for key in ("x", "y", "width", "height")]
            path = next(p for p in group.iter(SVG + "path") if p.get("class") == "series")
            strokes = []
            for command, x, y in re.findall(r"([ML])(-?[\d.]+) (-?[\d.]+)", path.get("d")):
                if command == "M":
                    strokes.append([])
                strokes[-1].append((float(x), float(y)))
            check_equal(re.sub(r"[ML]-?[\d.]+ -?[\d.]+", "", path.get("d")), "", "rest of the path")
            self.panels.append((group.find(SVG + "text").text, frame, strokes))
            for x, y in sum(strokes, []):
                check(0 <= x <= width and 0 <= y <= height, f"{x} {y}")
        self.texts = [text.text for text in self.root.iter(SVG + "text")]


def back(point, frame, low, high, first, last):
    """A point's time and value, from its place in the frame."""
    x, y, width, height = frame
    return (first + (point[0] - x) / width * (last - first),
            high - (point[1] - y) / height * (high - low))


enter_plainly()
COUNT = 20000
wave = [(START + i * 1000 + (5 * SECOND if i >= 8000 else 0), 10 * math.sin(i / 1000),
         None if i % 2 else i / 100) for i in range(COUNT)]
wave[12345] = (wave[12345][0], 25.0, None)
path = write("wave", wave)
picture = WORK / "wave.svg"

with case("each point is one of the data's, in its place; the extremes and the gap are there"):
    check_equal(cat("--plot", "speed,load", "--plot-svg", picture, path, env=UTC), ("", ""),
                "output")
    drawing = Drawing(picture.read_text(encoding="utf-8"))
    times = [time for time, *_ in wave]
    for (legend, frame, strokes), values in zip(drawing.panels, zip(*[w[1:] for w in wave])):
        there = {time: value for time, value in zip(times, values) if value is not None}
        low, high = min(there.values()), max(there.values())
        check(f"of {len(there)}" in legend, legend)
        check_equal(len(strokes), 2, "strokes")
        found = [back(p, frame, low, high, times[0], times[-1]) for p in sum(strokes, [])]
        # Two decimals of the picture, in time and in value.
        x_margin = 0.006 * (times[-1] - times[0]) / frame[2]
        y_margin = 0.006 * (high - low) / frame[3]
        at = 0
        for time, value in found:
            while times[at] < time - x_margin - 1:
                at += 1
            near = range(at, min(at + 40, COUNT))
            check(any(abs(times[i] - time) <= x_margin + 1 and times[i] in there and
                      abs(there[times[i]] - value) <= y_margin for i in near), f"{time} {value}")
        for extreme in (low, high):
            check(any(abs(value - extreme) <= y_margin for _, value in found), f"{extreme}")
        gap = (strokes[1][0][0] - strokes[0][-1][0]) / frame[2] * (times[-1] - times[0])
        check(abs(gap - 5 * SECOND) < 5000, f"a gap of {gap}")

with case("labels, a legend, a caption, and nothing that is not in the file"):
    check("20:00:00" in drawing.texts and "10" in drawing.texts and "20" in drawing.texts,
          str(drawing.texts))
    check_equal(drawing.texts[-1], f"{iso(START)[:-1]}+0000 to {iso(times[-1])[:-1]}+0000",
                "caption")
    text = picture.read_text(encoding="utf-8")
    check("href" not in text and "url(" not in text and "@import" not in text, "references")
    check(len(text) < 400000, f"{len(text)} bytes")

with case("names from the data or the operand are escaped"):
    drawing = Drawing(cat("--plot", 'm["<&>"]', "--plot-svg", "-", path)[0])
    check(drawing.panels[0][0].startswith('m["<&>"]  min 7'), drawing.panels[0][0])
    check_equal(drawing.root.find(SVG + "title").text, 'm["<&>"]', "title")

with case("the file is replaced as a whole or not at all; - is standard output"):
    picture.write_text("before")
    os.chmod(picture, 0o640)
    link = WORK / "link.svg"
    link.symlink_to(picture)
    out, _ = cat("--plot", "speed", "--plot-svg", "-", path)
    cat("--plot", "speed", "--plot-svg", link, path)
    check_equal([picture.read_text(encoding="utf-8"), link.is_symlink(),
                 picture.stat().st_mode & 0o777], [out, True, 0o640], "through a link")
    _, err = cat("--plot", "speed", "--plot-svg", WORK / "none" / "a.svg", path, code=111)
    check("none/a.svg" in err and "No such file" in err, err)
    cat("--plot", "speed", "--plot-svg", "/dev/null", path)
    check(not os.path.isfile("/dev/null"), "/dev/null")
    # No room for it: what was there stays.
    full = subprocess.run(["sh", "-c", f'ulimit -f 8; exec "{CAT}" --plot speed --plot-svg '
                           f'"{picture}" "{path}"'], capture_output=True, check=False)
    check_equal([full.returncode, b"File too large" in full.stderr], [111, True], "a large file")
    check_equal(picture.read_text(encoding="utf-8"), out, "what was there")
    check_equal([left.name for left in WORK.glob("wave.svg*")], ["wave.svg"], "files")

with case("fields that are not there, and fields that are no numbers"):
    for field, parts in (("sped", ("no field 'sped'", "did you mean 'speed'")),
                         ("nothing", ("no field 'nothing'", "there are speed, label, load, m")),
                         ("label", ("'label' is of type string", "no numbers")),
                         ("speed.x", ("'speed' is a double",))):
        for more in ([], ["--plot-svg", WORK / "bad.svg"]):
            out, err = cat("--plot", f"load,{field}", *more, path, code=100)
            check_equal(out, "", "output")
            check(len(err.splitlines()) == 1, err)
            for part in parts:
                check(part in err, f"{part}: {err}")
    check(not (WORK / "bad.svg").exists(), "a picture")

with case("a field that only some files have: a warning; a record: its fields are named"):
    pose = {"type": "record", "name": "R", "fields": [
        {"name": "pose", "type": {"type": "record", "name": "P", "fields": [
            {"name": "x", "type": "int"}, {"name": "y", "type": "int"}]}},
        {"name": "receive_time", "type": TIME}]}
    made = Written(pose, START)
    made.add([varint(1) + varint(2) + varint(START)], [START])
    other = put("pose.avro", made.data)
    _, err = cat("--plot", "speed,pose.x", path, other)
    check_equal(["1 file of 2: no field 'speed'" in err, "1 file of 2: no field 'pose.x'" in err],
                [True, True], err)
    _, err = cat("--plot", "pose", other, code=100)
    check("pose.x, pose.y" in err, err)

with case("nothing to draw"):
    _, err = cat("--plot", "speed", "--from", iso(START - 9 * SECOND), "--to", iso(START), path,
                 code=1)
    check("no datum in the range" in err, err)
    _, err = cat("--plot", "load", write("nulls", [(START, 1.0, None)]), code=1)
    check("no datum has a number" in err, err)
    _, err = cat("--plot", "speed", WORK / "absent.avro", code=100)
    check_equal(len(err.splitlines()), 1, err)

with case("options that do not go together"):
    for args, part in ((["--plot", "speed", "--check"], "do not go together"),
                       (["--stats", "--plot", "speed"], "do not go together"),
                       (["--stats", "--repair"], "do not go together"),
                       (["--plot", "speed", "--format", "json"], "--format"),
                       (["--plot", "speed", "--limit", "3"], "--limit"),
                       (["--stats", "--limit", "3"], "--limit"),
                       (["--plot-svg", "x.svg"], "--plot FIELD"),
                       (["--stats", "--plot-svg", "x.svg"], "--plot FIELD"),
                       (["--plot", "speed", "--plot-svg", ""], "name of a file"),
                       (["--plot", "speed,,load"], "commas"), (["--plot", ""], "commas"),
                       (["--plot", ",".join(["speed"] * 65)], "64")):
        out, err = cat(*args, path, code=100)
        check(out == "" and len(err.splitlines()) == 1 and part in err, f"{args}: {err}")
finish()
