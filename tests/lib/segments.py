"""Reading recordings: a strict Avro container reader of the tests' own, and three of others."""
import json
import shutil
import subprocess
from datetime import datetime, timezone
from pathlib import Path

from sdrtest import BUILD, Skip
from udp import read_varint


class Segment:
    """One container file, read whole and strictly: any byte out of place is an AssertionError.

    With open_ended=True the file may end inside a block, as an open segment may for an instant."""

    def __init__(self, path, open_ended=False):
        self.path = Path(path)
        data = self.path.read_bytes()
        assert data[:4] == b"Obj\x01", f"{self.path.name}: no Avro file ({len(data)} bytes)"
        self.metadata, at = self._metadata(data, 4)
        self.sync = data[at:at + 16]
        at += 16
        self.blocks = []  # (datums, bytes)
        while at < len(data):
            block = self._block(data, at, open_ended)
            if block is None:
                break
            count, body, at = block
            self.blocks.append((count, body))
        self.schema = self.metadata["avro.schema"].decode()

    @staticmethod
    def header_size(data):
        return Segment._metadata(data, 4)[1] + 16

    @staticmethod
    def _metadata(data, at):
        found = {}
        while True:
            count, at = read_varint(data, at)
            if count == 0:
                return found, at
            assert count > 0, "metadata with a negative count"
            for _ in range(count):
                size, at = read_varint(data, at)
                key, at = data[at:at + size].decode(), at + size
                size, at = read_varint(data, at)
                found[key], at = data[at:at + size], at + size

    def _block(self, data, at, open_ended):
        start = at
        try:
            count, at = read_varint(data, at)
            size, at = read_varint(data, at)
        except IndexError:
            assert open_ended, f"{self.path.name}: ends inside a block's head at {start}"
            return None
        assert count > 0 and size > 0, f"{self.path.name}: {count} datums, {size} bytes at {start}"
        if at + size + 16 > len(data):
            assert open_ended, f"{self.path.name}: ends inside a block at {start}"
            return None
        end = at + size + 16
        assert data[at + size:end] == self.sync, f"{self.path.name}: bad sync marker at {at}"
        return count, data[at:at + size], end

    def datums(self):
        return sum(count for count, _ in self.blocks)

    def data(self):
        return b"".join(body for _, body in self.blocks)


def sealed(directory):
    """The sealed segments below channel=NAME, in order of their names."""
    return sorted(Path(directory).glob("date=*/*.avro"), key=lambda path: path.name)


def start_time_us(path):
    """What a segment's name says, in microseconds since the epoch."""
    stamp = Path(path).name.removesuffix(".avro").rpartition("_")[2]
    time = datetime.strptime(stamp, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=timezone.utc)
    return round(time.timestamp() * 1000000)


def numbers(directory, shape):
    """The sequence numbers in all sealed segments, in order."""
    found = []
    for path in sealed(directory):
        segment = Segment(path)
        in_segment = shape.numbers(segment.data())
        assert len(in_segment) == segment.datums(), f"{path.name}: block counts are not true"
        found += in_segment
    return found


def rejects(directory):
    """The rejected datagrams below channel=NAME/rejected, in order, as dicts."""
    from avro_value import Decoder
    found = []
    for path in sorted(Path(directory).glob("rejected/*.avro")):
        segment = Segment(path)
        found += Decoder(segment.schema).values(segment.data())
    return found


def check_exact(found, expected, what):
    """Every expected number exactly once and in order; otherwise says what is amiss."""
    expected = list(expected)
    if found == expected:
        return
    lost = sorted(set(expected) - set(found))
    extra = sorted(set(found) - set(expected))
    doubled = len(found) - len(set(found))
    raise AssertionError(
        f"{what}: {len(found)} of {len(expected)}; lost {len(lost)} {lost[:8]}, doubled {doubled}, "
        f"strange {len(extra)} {extra[:8]}, {'in' if found == sorted(found) else 'out of'} order")


# Other people's readers.

def avrocat(path):
    if not shutil.which("avrocat"):
        raise Skip("no avrocat")
    done = subprocess.run(["avrocat", path], capture_output=True, check=False)
    if done.returncode:
        raise AssertionError(f"avrocat {Path(path).name}: {done.stderr.decode().strip()}")
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def python_avro(path):
    """What python3-avro reads, logical types left aside: it is the stored values we compare."""
    try:
        import avro.datafile
        import avro.io
    except ImportError:
        raise Skip("no python3-avro") from None
    with open(path, "rb") as file, \
            avro.datafile.DataFileReader(file, avro.io.DatumReader()) as reader:
        plain = avro.schema.parse(json.dumps(_without_logical(json.loads(reader.schema))))
        reader.datum_reader.writers_schema = plain
        reader.datum_reader.readers_schema = plain
        return list(reader)


def _without_logical(schema):
    if isinstance(schema, dict):
        return {key: _without_logical(value) for key, value in schema.items()
                if key != "logicalType"}
    if isinstance(schema, list):
        return [_without_logical(value) for value in schema]
    return schema


# npm's avsc and avro-js (Apache's own, a fork of an early avsc).
NPM_SCRIPT = r"""
const avro = require(process.argv[1]), fs = require('fs');
const longs = {
  fromBuffer: (b) => b.readBigInt64LE(),
  toBuffer: (n) => { const b = Buffer.alloc(8); b.writeBigInt64LE(n); return b; },
  fromJSON: BigInt, toJSON: String, isValid: (n) => typeof n === 'bigint',
  compare: (a, b) => (a === b ? 0 : a < b ? -1 : 1),
};
const apache = !avro.Type || !avro.Type.forSchema;
const long = apache ? avro.types.LongType.using(longs) : avro.types.LongType.__with(longs);
// Logical types are left aside: it is the stored values that we compare.
const typeHook = (s) => (s && s.type === 'long' ? long : undefined);
const options = () => ({registry: {long}, typeHook, wrapUnions: true});
const plain = (s) => avro.Type.forSchema(s, options());
const reader = process.argv[2] && plain(JSON.parse(process.argv[2]));
const decoding = () => (apache ? {parseOpts: options()}
                               : {parseHook: plain, readerSchema: reader});
function next(paths) {
  const path = paths.shift();
  if (!path) return;
  let type;
  const found = [];
  const done = (error) => {
    console.log(JSON.stringify({path, error, datums: found}));
    next(paths);
  };
  fs.createReadStream(path)
    .pipe(new avro.streams.BlockDecoder(decoding()))
    .on('metadata', (t) => { type = reader || t; })
    .on('data', (value) => { found.push(type.toBuffer(value).toString('hex')); })
    .on('error', (error) => done(String(error)))
    .on('end', () => done());
}
next(fs.readFileSync(0, 'utf8').split('\n').filter(Boolean));
"""


def avsc(paths, reader_schema=None):
    """What npm's avsc reads, each datum encoded again by it: {path: [bytes]}. `reader_schema`: the
    one that the datums are resolved to."""
    return _by_npm("avsc", paths, *([reader_schema] if reader_schema else []))


def avro_js(paths):
    """The same of npm's avro-js."""
    return _by_npm("avro-js", paths)


def _by_npm(module, paths, *more):
    foreign = BUILD / "foreign"
    if not shutil.which("node") or not (foreign / "node_modules" / module).exists():
        raise Skip(f"no {module} (npm install {module} did not work here)")
    return by_program(module, ["node", "-e", NPM_SCRIPT, module, *more], paths, cwd=foreign)


def by_program(name, command, paths, **how):
    """What a program reads that takes paths, a line each, and prints {"path", "datums", "error"} of
    each, datums as hex of their encoding: {path: [bytes]}."""
    listing = "".join(f"{path}\n" for path in paths)
    done = subprocess.run(command, input=listing, capture_output=True, text=True, check=False,
                          timeout=300, **how)
    if done.returncode:
        raise AssertionError(f"{name}: {done.stderr.strip()[-300:]}")
    found = {}
    for line in done.stdout.splitlines():
        row = json.loads(line)
        if row.get("error"):
            raise AssertionError(f"{name} {Path(row['path']).name}: {row['error']}")
        found[row["path"]] = [bytes.fromhex(datum) for datum in row["datums"]]
    return found
