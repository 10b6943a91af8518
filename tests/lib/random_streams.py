"""Random schemas of which layout and numbers are known, and the streams that name their fields.

Both come about together, so that what is expected is not worked out from a schema's text.
"""
import json

LETTERS = {"int": "i", "long": "l", "float": "f", "double": "d"}
TIMES = ["timestamp-micros", "date", "time-millis", "local-timestamp-nanos"]
RECEIVE_TIME = ('{"name":"receive_time","type":{"type":"long","logicalType":'
                '"timestamp-micros"}}')
DOCS = ["]}", "fields", '"]}', "\\"]
RATES = [("0.001Hz", 1), ("4.999Hz", 4999), ("10Hz", 10000), ("50.000Hz", 50000),
         ("1.25kHz", 1250000), ("1000kHz", 10**9)]


class RandomSchema:
    """text; extended: with the receive time, None where the root is no record; numbers: [(path,
    type, is a time)] by ordinal."""

    def __init__(self, rng):
        self._rng, self._names = rng, 0
        self.numbers, self._letters = [], []
        if rng.random() < 0.25:
            self._root()
        else:
            self.text = self._record("", 0, "@")
            self.extended = self.text.replace("@", "," + RECEIVE_TIME)
            self.text = self.text.replace("@", "")

    def _root(self):
        self.extended = None
        kind = self._rng.choice([*LETTERS, "fixed"])
        if kind == "fixed":
            self.text = ('{"type": "fixed", "size": 9, "name": "F", '
                         '"doc": "\u2603 $(touch PWNED) \\"`\\""}')
            self._letters = ["x9"]
            return
        self.numbers = [("", kind, self._rng.random() < 0.5)]
        time = f', "logicalType": "{self._rng.choice(TIMES)}"' if self.numbers[0][2] else ""
        self.text = f'{{"type": "{kind}"{time}}}'
        self._letters = [LETTERS[kind]]

    def _space(self):
        return self._rng.choice(["", "", " ", "\n\t"])

    def _record(self, prefix, depth, mark=""):
        """Its text, with the mark behind its last field."""
        rng, space = self._rng, self._space
        self._names += 1
        members = [f'"type":{space()}"record"', f'"name":{space()}"R{self._names}"']
        if rng.random() < 0.5:
            members.append(f'"doc": {json.dumps(rng.choice(DOCS))}')
        if rng.random() < 0.3:
            members.append('"more": {"fields": [[1, "]"], {"fields": []}]}')
        self._letters.append("(")
        fields = [self._field(prefix, i, depth) for i in range(rng.randint(1, 5))]
        self._letters.append(")")
        key = rng.choice(['"fields"', '"fields"', '"\\u0066ields"'])
        members.append(f"{key}:{space()}[{space()}" + f",{space()}".join(fields) +
                       f"{mark}{space()}]")
        rng.shuffle(members)
        return f"{space()}{{{space()}" + f"{space()},{space()}".join(members) + f"{space()}}}"

    def _field(self, prefix, index, depth):
        rng = self._rng
        name = rng.choice(["x", "t", "counter", "receive_times", "fields"]) + str(index)
        path, beside = prefix + name, ""
        kind = rng.choice([*LETTERS, *LETTERS, "time", "carried", "record" if depth < 2 else "int"])
        if kind == "record":
            text = self._record(path + ".", depth + 1)
        elif kind == "carried":
            text, letters = rng.choice([
                ('"string"', "s"), ('["null", "double"]', "<n|d>"), ('"boolean"', "b"),
                ('{"type": "array", "items": "long"}', "[l]"),
                ('["null", {"type": "long", "logicalType": "timestamp-micros"}]', "<n|l>")])
            self._letters.append(letters)
        elif kind == "time":
            kind, time = rng.choice([*LETTERS]), f'"logicalType": "{rng.choice(TIMES)}"'
            inside = rng.random() < 0.5
            text = f'{{"type": "{kind}", {time}}}' if inside else f'"{kind}"'
            beside = "" if inside else f", {time}"
            self.numbers.append((path, kind, True))
            self._letters += [LETTERS[kind], "!"]
        else:
            text = f'"{kind}"'
            self.numbers.append((path, kind, False))
            self._letters += [LETTERS[kind], len(self.numbers) - 1]
        return f'{{"name": "{name}", "type": {text}{beside}}}'

    def layout(self, sequence=None):
        """`sequence`: the ordinal of a number that is marked too."""
        return "".join(part if isinstance(part, str) else "!" if part == sequence else ""
                       for part in self._letters)

    def some_numbers(self):
        """[(path, ordinal)] of some that can be named, in any order, maybe one of them twice."""
        named = [(path, i) for i, (path, _, _) in enumerate(self.numbers) if path]
        return [self._rng.choice(named) for _ in range(self._rng.randint(0, 4))] if named else []


def random_stream(rng, schema, quantity):
    """(what stands in the table beside `to`, what follows the address in --decimated)"""
    factor, rate = rng.choice([1, 2, 50, 1 << 31]), rng.choice(RATES)
    by_rate = rng.random() < 0.4
    parts = [f'rate = "{rate[0]}"' if by_rate else f"factor = {factor}"]
    word = f",rate-mhz={rate[1]}" if by_rate else f",factor={factor}"
    method = rng.choice(["", "downsample", "average", "minmax", "rms"])
    acts = method not in ("", "downsample")
    if method:
        parts.append(f'method = "{method}"')
    if acts:
        word += f",method={method}"
    held = {0} if schema.numbers and schema.numbers[0][0] == "" and schema.numbers[0][2] else set()
    if rng.random() < 0.4:
        named = schema.some_numbers()
        parts.append("hold = " + json.dumps([path for path, _ in named]))
        held |= {i for _, i in named if not schema.numbers[i][2]}
    if held and acts:
        word += ",hold=" + "+".join(str(i) for i in sorted(held))
    if rng.random() < 0.3:
        text, wait = quantity(1000, 86400 * 10**6, 1000)
        parts.append(f"max_wait = {text}")
        word += f",max-wait-ms={wait // 1000}"
    rng.shuffle(parts)
    return ", ".join(parts), word


def random_sequence(rng, schema):
    """(TOML, the word of --sequence, the ordinal), None where nothing can count."""
    whole = [(path, kind, i) for i, (path, kind, _) in enumerate(schema.numbers)
             if path and kind in ("int", "long")]
    if not whole:
        return None
    path, kind, ordinal = rng.choice(whole)
    wrap = rng.choice([None, None, 2, 65536, 1 << 32, (1 << 63) - 1 if kind == "long" else 3])
    if wrap is None:
        return rng.choice([f'"{path}"', f'{{ field = "{path}" }}']), f"{ordinal}", ordinal
    return f'{{ wrap = {wrap}, field = "{path}" }}', f"{ordinal},wrap={wrap}", ordinal
