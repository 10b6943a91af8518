"""Random good configs, as nasty as they may be, and what each word of them must become.

What is expected is worked out from the values here, not from the code that is tested.
"""
import ipaddress
import json

from random_streams import RandomSchema, random_sequence, random_stream

# Fit for a path's part; control characters and "/" are all that is refused there.
PARTS = ["plain", "with space", "  lead and trail  ", 'quo"te', "apo'strophe", "back\\slash",
         "ends in \\", "$HOME", "${HOME}", "$(touch PWNED)", "`touch PWNED`", "${@}", "${0}", "$1",
         "${#}", "{ }", "}", "# no comment", "a;touch PWNED|c&d>e<f", "*?[x]~", "@name@",
         "@relay_options...@", "\u00fcml\u00e4ut \u2603 \U0001f680", "-- -n", "--listen",
         "\\n\\0x41", "percent %s %n", "...", "x" * 200, "''", '""', "!!", "\u00a0", "a\u0301"]
# Fit for names of users and interfaces: no space, quote, slash, dollar, colon or backslash.
NAMES = ["eth0", "br-lan", "@name@", "%s", "{", "}", "a;b", "#1", "*", "a&b|c", "(x)", "\u00e9th",
         "~", "!x", "a=b", "<in", "x" * 15, "0", "a,b", "[a]", "\u2603"]
DURATIONS = {"us": 1, "ms": 1000, "s": 10**6, "min": 60 * 10**6, "h": 3600 * 10**6,
             "d": 86400 * 10**6}
SIZES = {"B": 1, "kB": 1000, "KiB": 1 << 10, "MB": 10**6, "MiB": 1 << 20, "GiB": 1 << 30}
MIB = 1 << 20
SECOND_US = DURATIONS["s"]


def toml_string(rng, text):
    """One of the ways to write it."""
    basic = json.dumps(text, ensure_ascii=False)
    ways = [basic, json.dumps(text) if max(text) <= "\uffff" else basic,
            '"' + "".join(f"\\U{ord(c):08x}" for c in text) + '"']
    if "'" not in text:
        ways += [f"'{text}'", f"'''{text}'''"]
    if '"' not in text and "\\" not in text:
        ways.append(f'"""{text}"""')
    return rng.choice(ways)


def quantity(rng, units, least, most, step=1):
    """(its text, its value in base units) of a random one that may be written"""
    fits = [(name, factor) for name, factor in units.items() if factor <= most and
            -(-least // factor) * factor <= most]
    while True:
        name, factor = rng.choice(fits)
        number = rng.choice([-(-least // factor), most // factor,
                             rng.randint(-(-least // factor), most // factor)])
        if number * factor % step == 0:
            return f'"{number}{name}"', number * factor


def random_path(rng):
    """(as it is written, as it is meant)"""
    parts = [rng.choice(PARTS) for _ in range(rng.randint(1, 3))]
    return rng.choice(["/", "//"]).join(["", *parts]) + rng.choice(["", "/"]), "/" + "/".join(parts)


def cpu_list(rng):
    """(as it is written, shortest)"""
    cpus = set()
    written = []
    for _ in range(rng.randint(1, 4)):
        first = rng.choice([0, 1, 2, 3, 7, 8, 1022, 1023])
        last = min(1023, first + rng.choice([0, 0, 1, 5]))
        cpus |= set(range(first, last + 1))
        written.append(f"{first}-{last}" if first != last else f"{first}")
    runs = []
    for cpu in sorted(cpus):
        if runs and runs[-1][1] == cpu - 1:
            runs[-1][1] = cpu
        else:
            runs.append([cpu, cpu])
    return ",".join(written), ",".join(f"{a}-{b}" if a != b else f"{a}" for a, b in runs)


def endpoint(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class RandomChannel:
    """`keys`: {key: TOML}; `relay` and `confine`: {option: [values]}, None where it has none;
    `operators`: the group's name, or ""; `layout`, and `recorded`, the schema that recordings have.
    """

    def __init__(self, rng, name, ports, storage, operators):
        self.name, self.keys, self.enabled = name, {}, rng.random() < 0.9
        self.relay, self.confine = {"--name": [name]}, {}
        self._rng, self._ipv6 = rng, rng.random() < 0.3
        self.schema = RandomSchema(rng)
        self.layout, self.recorded = self.schema.layout(), self.schema.text
        if not self.enabled or rng.random() < 0.1:
            self.keys["enabled"] = "true" if self.enabled else "false"
        self._sockets(ports)
        self._streams(ports)
        self._watch()
        buffered = self._record(storage)
        self._process(buffered, operators)

    def _both(self, option, value):
        self.relay[option] = self.confine[option] = [value]

    def _sometimes(self, share=0.5):
        return self._rng.random() < share

    def _string(self, key, text):
        self.keys[key] = toml_string(self._rng, text)

    def _address(self, group):
        rng = self._rng
        if self._ipv6:
            number = rng.getrandbits(64) | (0xff15 << 112 if group else 0xfd00 << 112)
            address = ipaddress.IPv6Address(number)
            return rng.choice([str(address), address.exploded, str(address).upper()]), str(address)
        first = "239.1" if group else "10.9"
        text = f"{first}.{rng.randint(0, 255)}.{rng.randint(1, 254)}"
        return text, text

    def _sockets(self, ports):
        rng = self._rng
        group = self._sometimes(0.4)
        written, address = self._address(group)
        if not group and self._sometimes():
            written = address = "::" if self._ipv6 else "0.0.0.0"
        port = next(ports)
        self._string("listen", endpoint(written, port))
        self._both("--listen", endpoint(address, port))
        if self._sometimes(0.3):
            name = rng.choice(NAMES)
            self._string("listen_interface", name)
            self._both("--listen-interface", name)
        if group and self._sometimes():
            written, address = self._address(False)
            self._string("source", written)
            self._both("--source", address)
        if self._sometimes(0.4):
            self._allow()
        text, size = quantity(rng, SIZES, 4096, 1 << 30)
        if self._sometimes():
            self.keys["receive_buffer"] = text
        self._buffer = size if "receive_buffer" in self.keys else 2 * MIB
        self._both("--receive-buffer-bytes", f"{self._buffer}")

    def _allow(self):
        written, meant = [], []
        for _ in range(self._rng.randint(1, 4)):
            _, address = self._address(False)
            bits = self._rng.choice([0, 8, 32, 128 if self._ipv6 else 24])
            block = ipaddress.ip_network(f"{address}/{bits}", strict=False)
            single = bits == block.max_prefixlen and self._sometimes()
            written.append(str(block.network_address) if single else str(block))
            meant.append(str(block))
        self.keys["allow"] = f"[{', '.join(toml_string(self._rng, text) for text in written)}]"
        self.relay["--allow"] = meant

    def _streams(self, ports):
        rng = self._rng
        if self._sometimes(0.8):
            written, address = self._address(True)
            port = next(ports)
            self._string("full_rate", endpoint(written, port))
            self.relay["--full-rate"] = [endpoint(address, port)]
        tables, words = [], []
        for _ in range(rng.choice([0, 0, 1, 2, 8])):
            written, address = self._address(self._sometimes(0.8))
            port = next(ports)
            more, word = random_stream(rng, self.schema,
                                       lambda *range_: quantity(rng, DURATIONS, *range_))
            tables.append(f"{{ to = {toml_string(rng, endpoint(written, port))}, {more} }}")
            words.append(endpoint(address, port) + word)
        if tables:
            several = len(tables) > 1 or self._sometimes()
            self.keys["decimated"] = f"[ {', '.join(tables)} ]" if several else tables[0]
            self.relay["--decimated"] = words
        for key, numbers in (("ttl", (1, 0, 255)), ("dscp", (0, 46, 63))):
            value = rng.choice(numbers)
            self.relay[f"--{key}"] = [f"{value}"]
            if value != numbers[0]:
                self.keys[key] = f"{value}"
        loopback = self._sometimes(0.8)
        self.relay["--loopback"] = ["1" if loopback else "0"]
        if not loopback:
            self.keys["loopback"] = "false"
        if self._sometimes(0.4):
            written, meant = self._address(False) if self._sometimes() else [rng.choice(NAMES)] * 2
            self._string("interface", written)
            self.relay["--interface"] = [meant]
        self.relay["--invalid"] = [rng.choice(["drop", "relay"])]
        if self.relay["--invalid"] == ["relay"]:
            self.keys["invalid"] = '"relay"'

    def _watch(self):
        """What tells of losses."""
        sequence = random_sequence(self._rng, self.schema) if self._sometimes() else None
        if sequence:
            self.keys["sequence"], word, ordinal = sequence
            self.relay["--sequence"] = [word]
            self.layout = self.schema.layout(ordinal)
        if self._sometimes(0.3):
            self.keys["silence"], silent = quantity(self._rng, DURATIONS, 1000, 86400 * SECOND_US,
                                                    1000)
            self.relay["--silence-ms"] = [f"{silent // 1000}"]

    def _record(self, storage):
        """Returns the size of the ring."""
        rng = self._rng
        if self._sometimes(0.25) and ("full_rate" in self.keys or "decimated" in self.keys):
            self.keys["record"] = "false"
            return 0
        self.relay |= storage.words(self.name)
        values = {"sync": 5 * SECOND_US, "rotate": 3600 * SECOND_US, "size": 1 << 30,
                  "buffer": 4 * MIB}
        texts = {}
        for key, units, least, most, step in (
                ("sync", DURATIONS, 0, 3600 * SECOND_US, 1000),
                ("rotate", DURATIONS, SECOND_US, 366 * 86400 * SECOND_US, SECOND_US),
                ("size", SIZES, 128 << 10, 1 << 40, 1), ("buffer", SIZES, 64 << 10, 1 << 30, 1)):
            if self._sometimes():
                texts[key], values[key] = quantity(rng, units, least, most, step)
        if self._sometimes(0.4):
            extended = self.schema.extended is not None and self._sometimes(0.8)
            texts["receive_time"] = "true" if extended else "false"
            if extended:
                self.recorded = self.schema.extended
                self.relay["--receive-time"] = [None]
        if texts or self._sometimes(0.2):
            parts = ", ".join(f"{key} = {text}" for key, text in texts.items())
            self.keys["record"] = f"{{ {parts} }}" if texts else "true"
        self.relay |= {"--sync-ms": [f"{values['sync'] // 1000}"],
                       "--rotate-s": [f"{values['rotate'] // SECOND_US}"],
                       "--segment-bytes": [f"{values['size']}"],
                       "--buffer-bytes": [f"{values['buffer']}"]}
        if self._sometimes(0.2):
            text, _ = quantity(rng, DURATIONS, values["rotate"], 36500 * 86400 * SECOND_US,
                               SECOND_US)
            self.keys["retain"] = f"{{ age = {text}, size = \"{max(MIB, 2 * values['size'])}B\" }}"
        return values["buffer"]

    def _process(self, buffered, operators):
        rng = self._rng
        waited = 5000
        if self._sometimes(0.4):
            self.keys["catch_up"], waited = quantity(rng, DURATIONS, 0, 86400 * SECOND_US, 1000)
            waited //= 1000
        self.relay["--catch-up-ms"] = [f"{waited}"]
        if self._sometimes(0.3):
            self.keys["batch_wait"], waited = quantity(rng, DURATIONS, 0, 10000, 1)
            if waited > 0:
                self.relay["--batch-wait-us"] = [f"{waited}"]
        user = rng.choice(["_speeddata", *NAMES])
        if user != "_speeddata":
            self._string("user", user)
        self.confine["--user"] = [user]
        self.operators = rng.choice(["", *NAMES]) if operators and self._sometimes() else ""
        if self.operators:
            self._string("operators", self.operators)
        if self._sometimes(0.4):
            self._cpus()
        scheduler = rng.choice(["other", "other:0", "other:-20", "other:19", "fifo:1", "fifo:99"])
        if scheduler != "other":
            self.keys["scheduler"] = f'"{scheduler}"'
        if scheduler not in ("other", "other:0"):
            self.confine["--scheduler"] = [scheduler]
        if not scheduler.startswith("fifo") and self._sometimes(0.4):
            text, word = rng.choice([("50", "50"), ("12.5", "12.5"), ("0.01", "0.01"),
                                     ("100.00", "100"), ("400", "400"), ("33.30", "33.3")])
            self.keys["cpu_quota"] = f'"{text}%"'
            self.confine["--cpu-quota"] = [word]
        if self._sometimes(0.4):
            self.keys["memory"], size = quantity(rng, SIZES, buffered + 2 * self._buffer + MIB,
                                                 1 << 40)
            self.confine["--memory"] = [f"{size}"]
        if self._sometimes(0.3):
            self.keys["isolation"] = '"require"'
        else:
            self.confine["--best-effort"] = [None]

    def _cpus(self):
        receive, write = (cpu_list(self._rng), cpu_list(self._rng))
        parts = self._rng.choice([("both",), ("receive",), ("write",), ("receive", "write")])
        if parts == ("both",):
            self.keys["cpus"] = f'"{receive[0]}"'
            write = receive
        else:
            lists = {"receive": receive, "write": write}
            self.keys["cpus"] = "{ " + ", ".join(f'{part} = "{lists[part][0]}"'
                                                 for part in parts) + " }"
        if parts != ("write",):
            self.confine["--cpus"] = [receive[1]]
        self.relay["--write-cpus"] = [write[1] if parts != ("receive",) else "0-1023"]


class RandomStorage:
    def __init__(self, rng):
        self.keys = {}
        written, self._path = random_path(rng)
        self.keys["path"] = toml_string(rng, written)
        self._mount, self._mode = "", "0640"
        if rng.random() < 0.5:
            written, self._mount = random_path(rng) if rng.random() < 0.5 else [self._path] * 2
            self.keys["mount"] = toml_string(rng, written)
        if rng.random() < 0.5:
            self._mode = rng.choice(["0600", "0644", "0666"])
            self.keys["mode"] = f'"{rng.choice([self._mode, self._mode[1:]])}"'

    def words(self, name):
        return {"--record": [f"{self._path}/channel={name}"], "--mode": [self._mode],
                **({"--mount": [self._mount]} if self._mount else {})}


class RandomConfig:
    """files: {path below the config's directory: bytes}; channels: those that are enabled."""

    def __init__(self, rng, operators=True):
        ports = iter(rng.sample(range(1024, 65536), 200))
        self._rng = rng
        storage = RandomStorage(rng)
        names = rng.sample(["a", "0", "engine", "x-y_z", "a" * 63, "log", "run", "data", "b-",
                            "9_"], rng.randint(1, 3))
        channels = [RandomChannel(rng, name, ports, storage, operators) for name in names]
        self.channels = [channel for channel in channels if channel.enabled]
        self.files = {}
        main = [self._table("storage", storage.keys)]
        shared = self._defaults(channels)
        if shared:
            main.append(self._table("defaults", shared))
        for channel in channels:
            self._schema(channel)
            table = self._table(rng.choice(["channel.{}", 'channel."{}"', "'channel' . {}"]).format(
                channel.name), channel.keys)
            if rng.random() < 0.3:
                self._add(f"channels.d/{rng.choice(PARTS[:10])} {channel.name}.toml", [table])
            else:
                main.append(table)
        rng.shuffle(main)
        self._add("relay.toml", main)

    def _add(self, path, tables):
        text = "\n".join(tables)
        if self._rng.random() < 0.2:
            text = text.replace("\n", "\r\n")
        mark = "\ufeff" if self._rng.random() < 0.2 else ""
        self.files[path] = (mark + text).encode()

    def _table(self, header, keys):
        lines = list(keys.items())
        self._rng.shuffle(lines)
        space = self._rng.choice(["", " ", "\t "])
        return f"[{header}]\n" + "".join(f"{space}{key}{space}={space}{value} # '\"\n"
                                         for key, value in lines)

    def _defaults(self, channels):
        """Takes out of the channels what all of them have alike."""
        first = channels[0].keys
        alike = [key for key in ("user", "interface", "ttl", "catch_up", "loopback", "isolation")
                 if all(channel.keys.get(key) == first.get(key) for channel in channels)]
        shared = {key: first[key] for key in alike if key in first}
        for channel in channels:
            for key in shared:
                del channel.keys[key]
        return shared

    def _schema(self, channel):
        name = f"schemas/{self._rng.choice(PARTS)}.avsc"
        while name in self.files:
            name = f"schemas/{self._rng.choice(PARTS)}.avsc"
        self.files[name] = channel.schema.text.encode()
        way = self._rng.choice(["", "./", "a/../"])
        channel.keys["schema"] = toml_string(self._rng, way + name)
