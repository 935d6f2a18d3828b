"""Pictures of numbers as SVG: drawn here, readable without colours, by people and by screen readers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from rest_framework.renderers import BaseRenderer

# From light to dark, with the colour of the figure on it: at least 4.5 to 1 (WCAG 2.2, 1.4.3) on each step.
STEPS = (
    ("#f4f6f8", "#3b4754"),
    ("#d6e6ee", "#102a3a"),
    ("#9fc6d6", "#102a3a"),
    ("#5f9fb8", "#0a1a24"),
    ("#256d8a", "#ffffff"),
    ("#0f4257", "#ffffff"),
)
INK, PAPER = "#1c2630", "#ffffff"
LEFT, TOP, WIDE, HIGH, MARGIN = 400, 170, 62, 30, 24  # of the names, and of a cell; pixels at 100 %
LONGEST_NAME = 42
SIZE, LETTER = 13, 0.65  # of the names: pixels, and the mean width of a letter in it; common sans-serif faces have less


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Counts by row and column; `cell_text` says a cell in words: `%(row)s`, `%(column)s`, `%(value)s`."""

    title: str
    description: str
    language: str
    rows: Sequence[str]
    columns: Sequence[str]
    values: Sequence[Sequence[int]]
    cell_text: str
    total: str  # heading of the sums


def shade(value: int, largest: int) -> tuple[str, str]:
    """Choose the colours of a cell and of the figure in it; 0 is always the lightest, the largest the darkest."""
    if value <= 0:
        return STEPS[0]
    return STEPS[max(1, -(-value * (len(STEPS) - 1) // largest))]


def heat_map(picture: HeatMap) -> str:
    """Draw the map: names at the sides, a figure in each cell, sums at the right and below."""
    width = LEFT + WIDE * (len(picture.columns) + 1) + MARGIN
    height = TOP + HIGH * (len(picture.rows) + 1) + MARGIN
    largest = max((value for row in picture.values for value in row), default=0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" lang={quoteattr(picture.language)}',
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"',
        f'aria-labelledby="title desc" font-family="sans-serif" font-size="{SIZE}">',
        f'<title id="title">{escape(picture.title)}</title>',
        f'<desc id="desc">{escape(picture.description)}</desc>',
        f'<rect width="{width}" height="{height}" fill="{PAPER}"/>',
        _text(MARGIN, 30, picture.title, size=18, weight="bold"),
        *(_column_name(number, name) for number, name in enumerate([*picture.columns, picture.total])),
    ]
    for number, (name, values) in enumerate(zip(picture.rows, picture.values, strict=True)):
        y = TOP + HIGH * number
        parts.append(_text(LEFT - 10, y + 20, _short(name), anchor="end", hint=name))
        parts += [_cell(picture, number, column, value, largest) for column, value in enumerate(values)]
        parts.append(_text(_middle(len(values)), y + 20, str(sum(values)), anchor="middle", weight="bold"))
    below = TOP + HIGH * len(picture.rows) + 20
    sums = [sum(column) for column in zip(*picture.values, strict=True)]
    parts.append(_text(LEFT - 10, below, picture.total, anchor="end", weight="bold"))
    for number, value in enumerate([*sums, sum(sums)]):
        parts.append(_text(_middle(number), below, str(value), anchor="middle", weight="bold"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _middle(column: int) -> int:
    return LEFT + WIDE * column + WIDE // 2


def _cell(picture: HeatMap, row: int, column: int, value: int, largest: int) -> str:
    fill, ink = shade(value, largest)
    words = picture.cell_text % {"row": picture.rows[row], "column": picture.columns[column], "value": value}
    x, y = LEFT + WIDE * column, TOP + HIGH * row
    figure = f'<text x="{x + WIDE // 2}" y="{y + 20}" text-anchor="middle" fill="{ink}">{value}</text>'
    box = f'<rect x="{x}" y="{y}" width="{WIDE - 2}" height="{HIGH - 2}" fill="{fill}"/>'
    return f"<g><title>{escape(words)}</title>{box}{figure}</g>"


def _column_name(number: int, name: str) -> str:
    x, y = _middle(number), TOP - 12
    turned = f'transform="rotate(-40 {x} {y})"'
    return f'<text x="{x}" y="{y}" {turned} fill="{INK}"><title>{escape(name)}</title>{escape(_short(name, 24))}</text>'


def _text(
    x: int, y: int, words: str, *, anchor: str = "start", size: int = SIZE, weight: str = "normal", hint: str = ""
) -> str:
    whole = f"<title>{escape(hint)}</title>" if hint and hint != words else ""
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" fill="{INK}">'
        f"{whole}{escape(words)}</text>"
    )


def _short(name: str, length: int = LONGEST_NAME) -> str:
    return name if len(name) <= length else name[: length - 1].rstrip() + "…"


class SvgRenderer(BaseRenderer):
    """image/svg+xml: views hand over a `HeatMap`."""

    media_type = "image/svg+xml"
    format = "svg"
    charset = "utf-8"

    def render(
        self,
        data: object,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, object] | None = None,
    ) -> str:
        """Draw the map. Raises TypeError for anything else."""
        if not isinstance(data, HeatMap):
            raise TypeError(f"{type(data).__name__} is no picture")
        return heat_map(data)
