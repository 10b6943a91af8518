#!/usr/bin/python3
"""sdr-stat --prometheus: every number of a page; promtool on metrics, alert rules and dashboard."""
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from sdrtest import BIN, BUILD, ROOT, Skip, case, check_equal, enter_plainly, finish  # noqa: E402
from sdrtest import run_dir  # noqa: E402
import counters  # noqa: E402
from counters import page  # noqa: E402
from relay import REASONS, Counters  # noqa: E402

STAT = os.path.join(os.environ.get("SDR_BIN", BIN), "sdr-stat")
RULES = ROOT / "etc" / "prometheus" / "speeddata.rules.yml"
DASHBOARD = ROOT / "etc" / "grafana" / "speeddata.json"
STATES = ("off", "ok", "full", "error", "stalled", "unmounted")
SAMPLE = re.compile(r'(\w+)(?:\{(.*)\})? (\S+)$')

enter_plainly()
run = run_dir()


def promtool(*args, text=""):
    unpacked = BUILD / "foreign" / "promtool"
    tool = shutil.which("promtool") or (str(unpacked) if unpacked.exists() else None)
    if not tool:
        raise Skip("no promtool (package prometheus)")
    done = subprocess.run([tool, *map(str, args)], input=text, capture_output=True, text=True,
                          check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


def stat(*args, code=0):
    done = subprocess.run([STAT, *args, "--run", str(run)], capture_output=True, text=True,
                          check=False, timeout=60)
    check_equal(done.returncode, code, f"exit code of {args} ({done.stderr.strip()})")
    return done.stdout


def scrape():
    """{(name, labels): value}, each once; every series below its own TYPE, all of them together."""
    found, types, seen = {}, {}, []
    for line in stat("--prometheus").splitlines():
        if line.startswith("#"):
            _, kind, name, rest = line.split(" ", 3)
            if kind == "TYPE":
                assert name not in types, f"{name}: two TYPE lines"
                types[name] = rest
                seen.append(name)
            continue
        name, labels, value = SAMPLE.match(line).groups()
        family = re.sub("_(bucket|count)$", "", name) if seen[-1] + "_" in name + "_" else name
        check_equal(family if family in types else name, seen[-1], f"the family of {line}")
        assert types[seen[-1]] != "counter" or name.endswith("_total"), name
        assert (name, labels) not in found, f"twice: {line}"
        found[name, labels] = float(value)
    return found


NAMES = ("engine", "a-b")
(run / "applied").mkdir()
(run / "applied" / "relay.toml").write_text(
    f'[storage]\npath = "{run}"\n[channel.engine]\nlisten = "127.0.0.1:26000"\n'
    'schema = "none.avsc"\n', encoding="utf-8")
for name in NAMES:
    counters.put(run, name, page(name, receiver={"has_sequence": 1}))
PLAIN = {"received_datagrams_total": "received", "received_bytes_total": "received_bytes",
         "kernel_dropped_datagrams_total": "kernel_drops", "stale_datagrams_total": "stale",
         "receive_errors_total": "receive_errors", "unrecorded_datums_total": "unrecorded",
         "recorded_datums_total": "recorded", "recorded_bytes_total": "recorded_bytes",
         "segment_bytes_total": "file_bytes", "salvaged_datums_total": "salvaged",
         "blocks_total": "blocks", "syncs_total": "syncs", "segments_total": "segments",
         "disk_errors_total": "disk_errors", "rejects_kept_total": "rejects_kept",
         "silences_total": "silences", "clock_steps_total": "clock_steps",
         "starts_total": "starts", "writer_starts_total": "writer_starts",
         "receive_buffer_asked_bytes": "receive_buffer_asked",
         "receive_buffer_granted_bytes": "receive_buffer_granted", "ring_bytes": "ring_bytes",
         "ring_used_bytes": "ring_used", "ring_used_max_bytes": "ring_used_max"}
SECONDS = {"start_timestamp_seconds": "start_time_ns", "silence_limit_seconds": "silence_ns",
           "last_datagram_timestamp_seconds": "last_datagram_time_ns",
           "last_sync_timestamp_seconds": "last_sync_time_ns",
           "write_max_seconds": "write_ns_max", "sync_max_seconds": "sync_ns_max",
           "relay_latency_max_seconds": "latency_max_ns"}


def expected(name):
    """What is to be shown of a channel, from its page as the tests read it."""
    read = Counters(run / "counters" / name)
    own = {(metric, ""): getattr(read, field) for metric, field in PLAIN.items()}
    own |= {(metric, ""): getattr(read, field) / 1e9 for metric, field in SECONDS.items()}
    own |= {("rejected_datagrams_total", f'reason="{reason}"'): count for reason, count in
            zip(REASONS[1:], read.rejected_by_reason[1:])}
    for at, (datagrams, sent, errors, _) in enumerate(read.streams[:4]):
        stream = f'stream="{at or "full_rate"}"'
        kind, labels = ("decimated", stream) if at else ("relayed", "")
        own |= {(f"{kind}_datagrams_total", labels): datagrams,
                (f"{kind}_bytes_total", labels): sent,
                ("send_errors_total", stream): errors}
    own |= {("disk_state", f'state="{state}"'): float(at == read.disk_state)
            for at, state in enumerate(STATES)}
    own |= {(f"sequence_{kind}_total", ""): count for kind, count in
            zip(("gaps", "lost", "duplicates", "reordered", "resets"), read.sequence)}
    own["rejects_not_kept_total", ""] = read.rejects_not_kept + read.writer_rejects_not_kept
    own["log_lines_dropped_total", ""] = read.log_lines_dropped + read.writer_log_lines_dropped
    own["page_created_timestamp_seconds", ""] = 777 / 1e9
    own |= {("up", ""): 0, ("wanted_up", ""): 0, ("silent", ""): 0}
    for power in range(9, 33):
        own["relay_latency_seconds_bucket", f'le="{2 * 2**power / 1e9}"'] = \
            sum(read.latency[:power + 1])
    own["relay_latency_seconds_bucket", 'le="+Inf"'] = sum(read.latency)
    own["relay_latency_seconds_count", ""] = sum(read.latency)
    return {("speeddata_" + metric, f'channel="{name}"' + (f",{labels}" if labels else "")):
            float(value) for (metric, labels), value in own.items()}


def same_labels(series):
    """`le` as a number: there is more than one way to write it."""
    def plain(labels):
        return re.sub('le="([^"+]*)"', lambda le: f'le="{float(le[1])}"', labels or "")
    return {(name, plain(labels)): value for (name, labels), value in series.items()}


with case("every number of a page, under its name, and no other"):
    found = same_labels(scrape())
    room, label = os.statvfs(run), f'path="{run}"'
    check_equal(found.pop(("speeddata_storage_size_bytes", label)),
                float(room.f_blocks * room.f_frsize), "the storage's size")
    free = found.pop(("speeddata_storage_free_bytes", label))
    assert abs(free - room.f_bavail * room.f_frsize) < 0.1 * room.f_blocks * room.f_frsize, free
    wanted = {("speeddata_build_info", next(labels for name, labels in found
                                            if name == "speeddata_build_info")): 1.0}
    for name in NAMES:
        wanted |= same_labels(expected(name))
    for key in sorted(wanted.keys() | found.keys()):
        check_equal(found.get(key), wanted.get(key), str(key))

with case("no sequence watched, nothing begun"):
    counters.put(run, "plain", page("plain", receiver={"has_sequence": 0}))
    counters.put(run, "new", b"")
    found = scrape()
    assert ("speeddata_sequence_lost_total", 'channel="engine"') in found
    for name in ("plain", "new"):
        assert ("speeddata_sequence_lost_total", f'channel="{name}"') not in found
        assert ("speeddata_received_datagrams_total", f'channel="{name}"') in found

with case("promtool has nothing to say of the metrics"):
    check_equal(promtool("check", "metrics", text=stat("--prometheus")), (0, ""), "promtool")

with case("of no channel at all too"):
    empty = run / "empty"
    empty.mkdir()
    done = subprocess.run([STAT, "--prometheus", "--run", empty], capture_output=True, text=True,
                          check=True, timeout=60)
    check_equal(promtool("check", "metrics", text=done.stdout), (0, ""), "promtool")

with case("the alert rules are rules, of metrics that there are"):
    code, said = promtool("check", "rules", RULES)
    assert code == 0 and "SUCCESS" in said, said
    shown = {name for name, _ in scrape()}
    used = set(re.findall(r"\bspeeddata_\w+", RULES.read_text(encoding="utf-8")))
    check_equal(used - shown, set(), "metrics that sdr-stat does not show")

with case("each alert goes off for its trouble, and for no other"):
    # Counters that have gone up by 10 each minute, gauges that have the value of trouble.
    troubles = {"SpeedDataChannelDown": ("up", "0x20"), "SpeedDataSilent": ("silent", "1x20"),
                "SpeedDataKernelDrops": ("kernel_dropped_datagrams_total", "0+10x20"),
                "SpeedDataReceiveBufferSmall": ("receive_buffer_granted_bytes", "199x20"),
                "SpeedDataSequenceLost": ("sequence_lost_total", "0+10x20"),
                "SpeedDataUnrecorded": ("unrecorded_datums_total", "0+10x20"),
                "SpeedDataDisk": ('disk_state{state="stalled"}', "1x20"),
                "SpeedDataRejected": ('rejected_datagrams_total{reason="short"}', "0+10x20"),
                "SpeedDataSendErrors": ('send_errors_total{stream="1"}', "0+10x20"),
                "SpeedDataRestarts": ("starts_total", "0+10x20"),
                "SpeedDataStorageLow": ("storage_free_bytes", "1000-40x20"),
                "SpeedDataMetricsOld": ("node_textfile_mtime_seconds", "0x20")}
    well = {name: "1x20" if name in ("up",) else "0x20" for name, _ in troubles.values()}
    well |= {"wanted_up": "1x20", "receive_buffer_granted_bytes": "200x20",
             "receive_buffer_asked_bytes": "100x20", "storage_free_bytes": "500x20",
             "storage_size_bytes": "1000x20", "node_textfile_mtime_seconds": "0+60x20"}
    rules = RULES.read_text(encoding="utf-8")
    check_equal(set(re.findall(r"alert: (\w+)", rules)), set(troubles), "alerts")

    def series(name, values):
        metric, _, labels = name.partition("{")
        labels = ",".join(filter(None, ['channel="engine"', 'instance="host"', labels.rstrip("}")]))
        if metric.startswith("node_"):
            return {"series": f'{metric}{{instance="host",file="/x/speeddata.prom"}}',
                    "values": values}
        return {"series": f"speeddata_{metric}{{{labels}}}", "values": values}

    tests = []
    for trouble in [None, *troubles]:
        now = well | ({troubles[trouble][0]: troubles[trouble][1]} if trouble else {})
        # One query for all alerts: those that fire are the series of ALERTS.
        fires = [{"labels": f'ALERTS{{alertname="{trouble}", alertstate="firing"}}', "value": 1}]
        tests.append({"interval": "1m", "input_series": [series(*one) for one in now.items()],
                      "promql_expr_test": [{
                          "expr": 'max by (__name__, alertname, alertstate) '
                                  '(ALERTS{alertstate="firing"})',
                          "eval_time": "15m", "exp_samples": fires if trouble else []}]})
    file = run / "alerts.test.yml"
    file.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m",
                                "tests": tests}), encoding="utf-8")
    code, said = promtool("test", "rules", file)
    assert code == 0, said

with case("the dashboard: every query is one, of metrics that there are"):
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    fixed = {"$__rate_interval": "5m", "$__range": "1h", "$instance": ".*", "$channel": ".*"}
    exprs = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    for variable, text in fixed.items():
        exprs = [expr.replace(variable, text) for expr in exprs]
    rules = {"groups": [{"name": "board", "rules": [
        {"record": f"board:{at}", "expr": expr} for at, expr in enumerate(exprs)]}]}
    file = run / "board.yml"
    file.write_text(json.dumps(rules), encoding="utf-8")
    code, said = promtool("check", "rules", file)
    assert code == 0 and "$" not in file.read_text(encoding="utf-8"), said
    used = set(re.findall(r"\bspeeddata_\w+", DASHBOARD.read_text(encoding="utf-8")))
    check_equal(used - {name for name, _ in scrape()}, set(), "metrics that sdr-stat does not show")

with case("the dashboard: what an import asks for is there, and nothing overlaps"):
    asked = {one["name"] for one in board["__inputs"]}
    named = set(re.findall(r"\$\{(DS_\w+)\}", DASHBOARD.read_text(encoding="utf-8")))
    check_equal(named, asked, "data sources")
    assert board["id"] is None and board["uid"] and board["title"] and board["schemaVersion"] >= 30
    check_equal({panel["type"] for panel in board["panels"]},
                {one["id"] for one in board["__requires"] if one["type"] == "panel"}, "plugins")
    check_equal(len({panel["id"] for panel in board["panels"]}), len(board["panels"]), "ids")
    cells = [(x, y) for panel in board["panels"] for at in [panel["gridPos"]]
             for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])]
    assert len(cells) == len(set(cells)) and max(x for x, _ in cells) < 24, "panels overlap"

with case("the command line"):
    for args in (["--json"], ["--gaps"], ["--interval", "1"]):
        stat("--prometheus", *args, code=100)

finish()
