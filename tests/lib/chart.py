"""Line charts as SVG: both axes in powers of ten or two, a line for each series."""
import math

COLOURS = ("#4e79a7", "#e15759", "#59a14f", "#b07aa1", "#f28e2b", "#76b7b2")
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 460, 300, 60, 40, 150, 40
STYLE = ("text{font:12px sans-serif;fill:#444}.t{font-weight:bold}.g{stroke:#8884}"
         "@media(prefers-color-scheme:dark){text{fill:#ccc}}")


def _powers(low, high, base):
    first, last = math.floor(math.log(low, base) + 1e-9), math.ceil(math.log(high, base) - 1e-9)
    return [base ** power for power in range(first, max(last, first + 1) + 1)]


def _chart(title, x_title, y_title, series, x_base):
    """`series`: {name: [(x, y), …]}, all above 0."""
    points = [point for line in series.values() for point in line]
    xs = _powers(min(x for x, _ in points), max(x for x, _ in points), x_base)
    ys = _powers(min(y for _, y in points), max(y for _, y in points), 10)

    def place(value, marks, length):
        return length * math.log(value / marks[0]) / math.log(marks[-1] / marks[0])

    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    out = [f'<text class="t" x="{LEFT}" y="18">{title}</text>',
           f'<text x="{LEFT}" y="{HEIGHT - 4}">{x_title}</text>',
           f'<text x="4" y="{TOP - 8}">{y_title}</text>']
    for mark in xs:
        x = LEFT + place(mark, xs, width)
        out += [f'<line class="g" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{TOP + height}"/>',
                f'<text x="{x:.1f}" y="{TOP + height + 15}" text-anchor="middle">{mark:g}</text>']
    for mark in ys:
        y = TOP + height - place(mark, ys, height)
        out += [f'<line class="g" x1="{LEFT}" x2="{LEFT + width}" y1="{y:.1f}" y2="{y:.1f}"/>',
                f'<text x="{LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{mark:g}</text>']
    for at, (name, line) in enumerate(series.items()):
        colour = COLOURS[at % len(COLOURS)]
        path = " ".join(f"{LEFT + place(x, xs, width):.1f},"
                        f"{TOP + height - place(y, ys, height):.1f}" for x, y in line)
        out += [f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{path}"/>',
                f'<text x="{LEFT + width + 8}" y="{TOP + 12 + 18 * at}" style="fill:{colour}">'
                f"{name}</text>"]
    return "".join(out)


def svg(charts):
    """`charts`: (title, title of x, title of y, series, base of x), one below the other."""
    parts = [f'<g transform="translate(0,{HEIGHT * at})">{_chart(*chart)}</g>'
             for at, chart in enumerate(charts)]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
            f'height="{HEIGHT * len(charts)}"><style>{STYLE}</style>{"".join(parts)}</svg>\n')
