"""A plot as SVG: figures over a size, both logarithmic, a line for each subject."""

import html
import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 400, 80, 150, 40, 50
COLOURS = ("#0b6e4f", "#c1272d", "#3b5998", "#b8860b", "#6a3d9a")


def draw(title, results):
    """The cases of one series in one picture."""
    sizes = [result["at"] for result in results]
    values = [value for result in results for value in result["medians"].values()]
    across = Axis(min(sizes), max(sizes), LEFT, WIDTH - RIGHT)
    up = Axis(min(values), max(values), HEIGHT - BOTTOM, TOP)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" '
             f'font-size="12"><rect width="100%" height="100%" fill="white"/>',
             text(WIDTH / 2, 20, f"{title} ({results[0]['unit']})", "middle")]
    parts += [text(across(size), HEIGHT - BOTTOM + 20, f"{size:g}", "middle") for size in sizes]
    for value in up.marks():
        parts += [f'<path d="M{LEFT} {up(value):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>',
                  text(LEFT - 8, up(value) + 4, f"{value:g}", "end")]
    for number, name in enumerate(results[0]["medians"]):
        colour = COLOURS[number % len(COLOURS)]
        points = [(across(result["at"]), up(result["medians"][name])) for result in results]
        way = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        parts.append(f'<path d="M{way}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        parts.append(text(WIDTH - RIGHT + 12, TOP + 18 * number, name, "start", colour))
    return "\n".join([*parts, "</svg>"]) + "\n"


class Axis:
    """Logarithmic, from one place to another."""

    def __init__(self, low, high, begin, end):
        self._low, self._high = math.log(low), math.log(max(high, low * 1.01))
        self._begin, self._end = begin, end

    def __call__(self, value):
        part = (math.log(value) - self._low) / (self._high - self._low)
        return self._begin + part * (self._end - self._begin)

    def marks(self):
        """1, 2 and 5 times the powers of ten that lie between."""
        low, high = math.exp(self._low), math.exp(self._high)
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        return [step * 10.0 ** power for power in powers for step in (1, 2, 5) if low <= step * 10.0 ** power <= high]


def text(x, y, what, anchor, colour="black"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{html.escape(what)}</text>'
