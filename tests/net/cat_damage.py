#!/usr/bin/python3
"""sdr-cat and damaged or hostile files: what is sound is printed, what is lost is said."""
import os
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import case, enter_plainly, finish  # noqa: E402
from catlib import cat, check, numbers, put  # noqa: E402
from every import Every, text  # noqa: E402
from ocf import block, header  # noqa: E402
from udp import varint  # noqa: E402

MUTATIONS = int(os.environ.get("CAT_MUTATIONS", "300"))
SEED = int(os.environ.get("SEED", "7"))
LONG = {"type": "record", "name": "N", "fields": [{"name": "n", "type": "long"}]}
PARTS = [[0, 1, 2], [3], [4, 5, 300000, 7], [8, 9]]
HEAD = header(LONG)
BLOCKS = [block([varint(n) for n in part]) for part in PARTS]
FILE = HEAD + b"".join(BLOCKS)
ENDS = [len(HEAD) + sum(map(len, BLOCKS[:i])) for i in range(len(BLOCKS) + 1)]

enter_plainly()


def flat(parts):
    return [n for part in parts for n in part]


def patched(offset, new):
    return FILE[:offset] + new + FILE[offset + len(new):]


def damaged(data, want, *lost, name="damaged.avro"):
    """`want`: the numbers that must come out; `lost`: the ranges that must be reported."""
    path = put(name, data)
    out, err = cat(path, code=1)
    check(numbers(out) == want, f"{numbers(out)} instead of {want}")
    for begin, end in lost:
        check(f"bytes {begin} to {end} " in err, f"{begin} to {end} not in {err}")
    check(len(err.splitlines()) == len(lost), err)
    check(cat("--count", path, code=1)[0] == f"{len(want)}\n", "--count")
    check(": ok" not in cat("--check", path, code=1)[0], "--check")


with case("cut at every byte: sealed it is an error, open it is not"):
    for size in range(len(FILE) + 1):
        clean = size in ENDS
        whole = flat(PARTS[:max(0, sum(end <= size for end in ENDS) - 1)])
        sealed, still_open = put("cut.avro", FILE[:size]), put("cut/.open", FILE[:size])
        out, err = cat(sealed, code=0 if clean else 1)
        check(numbers(out) == whole, f"cut at {size}: {out}")
        check(bool(err) != clean, f"cut at {size} says {err}")
        if size > ENDS[0] and not clean:
            start = max(end for end in ENDS if end <= size)
            check(f"bytes {start} to {size} " in err, err)
        out, err = cat(still_open)
        check(numbers(out) == whole and err == "", f"open, cut at {size}: {out}{err}")
        out, _ = cat("--check", sealed, still_open, code=0 if clean else 1)
        check((": ok" in out.splitlines()[0]) == clean, out)

for place in ("sealed.avro", "damage/.open"):
    with case(f"{place}: holes, zeros behind, flipped sync markers"):
        # A hole over a block's data, and one over its sync marker: the block behind goes as well.
        damaged(patched(ENDS[1], bytes(3)), flat(PARTS[:1] + PARTS[2:]), (ENDS[1], ENDS[2]),
                name=place)
        damaged(patched(ENDS[1], bytes(len(BLOCKS[1]))), flat(PARTS[:1] + PARTS[3:]),
                (ENDS[1], ENDS[3]), name=place)
        damaged(patched(ENDS[1], bytes(ENDS[4] - ENDS[1])), PARTS[0], (ENDS[1], ENDS[4]),
                name=place)
        for zeros in (1, 2, 17, 18, 19, 4096, 5 << 20):
            if place == "sealed.avro" or zeros > 1:  # one zero may be the front of a block
                damaged(FILE + bytes(zeros), flat(PARTS), (ENDS[4], ENDS[4] + zeros), name=place)
        for i in range(4):
            damaged(patched(ENDS[i + 1] - 3, bytes([FILE[ENDS[i + 1] - 3] ^ 1])),
                    flat(PARTS[:i] + PARTS[i + 1:]), (ENDS[i], ENDS[i + 1]), name=place)

with case("a length that reaches past the end does not hide the blocks behind it"):
    long_head = varint(3) + varint(1 << 20)
    for place in ("long.avro", "long/.open"):
        damaged(HEAD + long_head + FILE[ENDS[0]:], flat(PARTS[1:]),
                (ENDS[0], ENDS[1] + len(long_head)), name=place)

with case("an empty block is named, and nothing behind it is lost"):
    path = put("empty.avro", HEAD + BLOCKS[0] + block([]) + b"".join(BLOCKS[1:]))
    out, err = cat(path, code=1)
    check(numbers(out) == flat(PARTS) and f"empty block at offset {ENDS[1]}" in err, out + err)

with case("datums that are none of the schema"):
    letters = {"type": "enum", "name": "E", "symbols": ["A", "B"]}
    nulls = {"type": "array", "items": "null"}
    for schema, data, reason in (
            ("boolean", b"\x02", "boolean"), (letters, varint(2), "enum"),
            (letters, varint(-1), "enum"), (["null", "int"], varint(2), "union"),
            ("string", varint(-1), "length"), ("bytes", varint(1 << 62), "length"),
            ("int", varint(1 << 31), "varint"), ("long", b"\xff" * 11, "varint"),
            ("double", b"1234", "short"), (nulls, varint(1 << 60) + varint(0), "length"),
            (nulls, varint(-2**63) + varint(0), "length"),
            ({"type": "array", "items": "int"}, varint(-1) + varint(2) + b"\x02\x00", "length"),
            ({"type": "map", "values": "int"}, varint(1 << 40), "short")):
        record = {"type": "record", "name": "R", "fields": [
            {"name": "n", "type": "int"}, {"name": "x", "type": schema}]}
        path = put("bad.avro", header(record) + block([varint(7) + data]))
        out, err = cat(path, code=1)
        check(f"({reason}): 1 datum is lost" in err and out == "", f"{schema} {reason}: {err}")
        out, err = cat("--check", path, code=1)
        check(f"none of the schema: {reason})" in err and "0 datums, 0 blocks" in out, out + err)

with case("datums without a byte are bounded, bytes left over are found"):
    path = put("null.avro", header("null") + block([b""] * 3) + block([], count=1 << 60))
    check(cat(path, code=1)[0] == "null\n" * 3, "nulls")
    path = put("left.avro", header(LONG) + block([varint(1), b"\x02\x02"], count=1) + BLOCKS[1])
    out, err = cat(path, code=1)
    check(numbers(out) == [1, 3] and "2 bytes are left over" in err, err)

with case("strings that are not UTF-8 are shown and told"):
    path = put("utf8.avro", header("string") + block([text(b"a\xffb"), text("ok")]))
    out, err = cat(path, code=1)
    check(out == '"a\ufffdb"\n"ok"\n' and "not UTF-8" in err, out + err)
    table = {"type": "map", "values": "int"}
    path = put("nul.avro", header(table) + block([varint(1) + text("a\0b") + varint(5) + b"\x00"]))
    check("cut at a NUL" in cat(path, code=1)[1], "a key with a NUL")

with case("schemas that no datum can have, or that are none; codecs"):
    endless = '{"type":"record","name":"A","fields":[{"name":"a","type":"A"}]}'
    nested = ('{"type":"record","name":"A","fields":[{"name":"b","type":{"type":"record",'
              '"name":"B","fields":[{"name":"a","type":["A"]}]}}]}')
    for schema in (endless, nested, '{"type":"fixed","name":"F","size":-1}',
                   '{"type":"fixed","name":"F","size":1152921504606846976}',
                   "[" * 3000 + "]" * 3000, '{"type":"array","items":' * 700 + '"int"' + "}" * 700,
                   "", "{", '{"type":"record"}', '"nosuch"',
                   '{"type":"enum","name":"E","symbols":[]}'):
        out, err = cat(put("schema.avro", header(schema, raw=True) + block([b"\x00"])), code=1)
        check(out == "" and len(err.splitlines()) == 1, f"{schema:.80}: {err}")
    for codec in ("deflate", "snappy"):
        _, err = cat(put("codec.avro", header(LONG, codec=codec) + BLOCKS[0]), code=1)
        check(f"codec {codec} is not supported" in err, err)
    out, _ = cat(put("none.avro", header(LONG, codec=None) + BLOCKS[0]))
    check(numbers(out) == PARTS[0], "the codec left out")

with case(f"{MUTATIONS} files with random bytes (SEED={SEED}): no crash"):
    rng = random.Random(SEED)
    every = Every()
    datums = [every.make(n) for n in range(40)]
    whole = header(every.schema, raw=True) + b"".join(
        block(datums[at:at + 9]) for at in range(0, 40, 9))
    for i in range(MUTATIONS):
        data = bytearray(whole)
        for _ in range(rng.choice([1, 1, 3, 30])):
            byte = rng.choice([0, 1, 2, 0x7F, 0x80, 0xFF, rng.getrandbits(8)])
            data[rng.randrange(len(data))] = byte
        if i % 10 == 0:
            data = whole[:60] + rng.randbytes(rng.randrange(2000))
        options = rng.choice([[], ["--check"], ["--typed"], ["--count"]])
        cat(put("mutant.avro", bytes(data)), *options, code=(0, 1))

finish()
