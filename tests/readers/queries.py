#!/usr/bin/python3
"""The queries of speeddata-segment(5), run as they stand there, by ClickHouse and DuckDB; and those
of speeddata-relay(7), of what two hosts have shipped into an object store."""
import json
import math
import shutil
import struct
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import object_store  # noqa: E402
from sdrtest import (BIN, BUILD, ROOT, Background, Skip, case, check_equal,  # noqa: E402
                     enter_network, finish, run_dir, storage_dir)
from relay import Relay, compile_schemas  # noqa: E402
from segments import sealed  # noqa: E402
from shipping import Shipper  # noqa: E402
from udp import sender, varint  # noqa: E402

MANUAL = ROOT / "man" / "speeddata-segment.5"
MODULES = BUILD / "readers" / "node_modules"
SCHEMA = (ROOT / "tests" / "demo" / "wave.avsc").read_text(encoding="utf-8")
EACH, ROUNDS = 500, 3
BAD = 7


def volts(number):
    return math.sin(number) * 230


def wave(number):
    return (varint(number) + varint(1790000000000000 + number) +
            struct.pack("<df", volts(number), number / 4))


def queries(section):
    """The literal displays of a subsection of the manual, the storage path put in."""
    text = MANUAL.read_text(encoding="utf-8").split(f".Ss {section}\n")[1].split("\n.S")[0]
    shown = [part.split("\n.Ed")[0].partition("\n")[2] for part in text.split(".Bd -literal")[1:]]
    return [query.replace("/var/lib/speeddata", str(storage)).replace("\\e", "\\")
            for query in shown]


def node(module, script, *arguments):
    """What `script`, which gets `module` and its arguments, prints as JSON."""
    if not shutil.which("node") or not (MODULES / module).exists():
        raise Skip(f"no {module} (npm install {module} did not work here)")
    done = subprocess.run(["node", "--input-type=module", "-e", script, *map(str, arguments)],
                          capture_output=True, text=True, cwd=MODULES.parent, check=False,
                          timeout=120)
    assert done.returncode == 0, f"{module}: {done.stderr.strip()[-400:]}"
    return json.loads(done.stdout)


def clickhouse(query):
    return node("chdb", """
        import { query } from 'chdb';
        const found = query(process.argv[1], 'JSONCompact');
        console.log(typeof found === 'string' ? found : found.text());""", query)["data"]


enter_network()
run, storage = run_dir(), storage_dir()
data = compile_schemas(run, {"engine": SCHEMA})["engine"]
for turn in range(ROUNDS):
    relay = Relay(data, run, storage, "engine")
    out = sender(relay.listen)
    for number in range(turn * EACH, (turn + 1) * EACH):
        out.send(wave(number))
    for _ in range(BAD * (turn == 1)):
        out.send(b"?")
    relay.wait_received((turn + 1) * EACH + BAD * (turn > 0))
    relay.stop()
files = sealed(storage / "channel=engine")
check_equal(len(files), ROUNDS, "segments")
days = sorted({path.parent.name.removeprefix("date=") for path in files})

with case("ClickHouse: datums in each day"):
    rows = clickhouse(queries("ClickHouse")[0])
    check_equal([row[0] for row in rows], days, "days")
    check_equal(sum(int(row[1]) for row in rows), ROUNDS * EACH, "datums")
    check_equal(max(row[2] for row in rows), max(map(volts, range(ROUNDS * EACH))), "largest")

with case("ClickHouse: what was lost, from the indexes"):
    rows = clickhouse(queries("ClickHouse")[1])
    check_equal([row[0] for row in rows], [path.with_suffix(".index").name for path in files],
                "files")
    check_equal([list(map(int, row[1:])) for row in rows],
                [[0, 0, 0, BAD if turn == 1 else 0] for turn in range(ROUNDS)], "losses")

with case("ClickHouse: what two hosts have shipped into an object store, where it is"):
    if not shutil.which("rclone"):
        raise Skip("no rclone")
    place = storage_dir()
    server = Background(object_store.serve, place / "objects")
    for host in ("test1", "test2"):
        Shipper(place / host, host, SHIP_FROM=storage, SHIP_TO="rclone:store:telemetry",
                **object_store.REMOTE).run()
    every = f"s3('{object_store.URL}/telemetry/host=*/channel=engine/date=*/*.avro', NOSIGN, Avro)"
    rows = clickhouse(f"""
        SELECT host, date, count(), max(volts)
        FROM {every}
        GROUP BY host, date ORDER BY host, date
        SETTINGS use_hive_partitioning = 1""")
    check_equal([row[:2] for row in rows],
                [[host, day] for host in ("test1", "test2") for day in days], "hosts and days")
    check_equal(sum(int(row[2]) for row in rows), 2 * ROUNDS * EACH, "datums")
    rows = clickhouse(f"SELECT volts FROM {every} ORDER BY sequence LIMIT 1 BY sequence")
    check_equal([row[0] for row in rows], list(map(volts, range(ROUNDS * EACH))), "each once")
    server.result()

with case("DuckDB: what sdr-cat prints"):
    printed = run / "engine.json"
    with open(printed, "wb") as file:
        subprocess.run([BIN / "sdr-cat", storage / "channel=engine"], stdout=file, check=True)
    query = queries("DuckDB")[0].replace("/dev/stdin", str(printed))
    rows = node("@duckdb/node-api", """
        import { DuckDBInstance } from '@duckdb/node-api';
        const duck = await (await DuckDBInstance.create(':memory:')).connect();
        const found = await duck.runAndReadAll(process.argv[1]);
        console.log(JSON.stringify(found.getRowsJson()));""", query)
    every = [volts(number) for number in range(ROUNDS * EACH)]
    check_equal([int(rows[0][0]), *rows[0][1:]], [len(every), min(every), max(every)], "answer")

finish()
