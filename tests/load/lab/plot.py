"""Plots as SVG, written by hand: lines over time, and bars of figures against their bounds. Standard library only."""

import html
import math
import pathlib

WIDTH, HEIGHT = 760, 360
LEFT, RIGHT, TOP, BOTTOM = 84, 24, 44, 56
COLOURS = ("#1b6ca8", "#c8553d", "#4a8c4f", "#8a5fa8", "#b08900", "#555555")
STYLE = ("text{font:12px sans-serif;fill:#222}.title{font-size:15px;font-weight:bold}.axis{stroke:#888}"
         ".grid{stroke:#e4e4e4}.bound{stroke:#222;stroke-dasharray:4 3}")


def nice_step(span, parts=5):
    """A step of 1, 2 or 5 times a power of ten that divides a span into about so many parts."""
    if span <= 0:
        return 1.0
    raw = span / parts
    power = 10 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if raw <= factor * power * 1.0000001)


def short(value):
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g} {unit}"
    return f"{value:g}"


def text(x, y, words, anchor="middle", kind=None):
    attribute = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{attribute}>{html.escape(str(words))}</text>'


def line(x1, y1, x2, y2, kind):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def document(parts, width=WIDTH, height=HEIGHT):
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
                      f'height="{height}">', f"<style>{STYLE}</style>",
                      f'<rect width="{width}" height="{height}" fill="#fff"/>', *parts, "</svg>", ""])


def lines(title, x_name, y_name, series):
    """series: {name: [(x, y), ...]}; both axes begin at 0. Empty series are left out."""
    series = {name: points for name, points in series.items() if points}
    largest_x = max((x for points in series.values() for x, _ in points), default=1) or 1
    largest_y = max((y for points in series.values() for _, y in points), default=1) or 1
    step_x, step_y = nice_step(largest_x), nice_step(largest_y)
    top_x, top_y = math.ceil(largest_x / step_x) * step_x, math.ceil(largest_y / step_y) * step_y

    def at(x, y):
        return (LEFT + (WIDTH - LEFT - RIGHT) * x / top_x, HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * y / top_y)
    parts = [text(WIDTH / 2, 20, title, kind="title"), text(WIDTH / 2, HEIGHT - 12, x_name),
             text(LEFT - 8, TOP - 12, y_name, "end")]
    for i in range(round(top_x / step_x) + 1):
        x, y = at(i * step_x, 0)
        parts += [line(x, y, x, TOP, "grid"), text(x, y + 16, short(round(i * step_x, 9)))]
    for i in range(round(top_y / step_y) + 1):
        x, y = at(0, i * step_y)
        parts += [line(x, y, WIDTH - RIGHT, y, "grid"), text(x - 8, y + 4, short(round(i * step_y, 9)), "end")]
    for i, (name, points) in enumerate(series.items()):
        colour = COLOURS[i % len(COLOURS)]
        path = " ".join("%.1f,%.1f" % at(x, y) for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        parts.append(f'<rect x="{LEFT + 12 + 150 * i}" y="26" width="10" height="10" fill="{colour}"/>')
        parts.append(text(LEFT + 26 + 150 * i, 35, name, "start"))
    return document(parts)


def bars(title, rows):
    """rows: [(name, share, words)]; share: the figure in times of its bound, so written that up to 1 is reached. A
    logarithmic axis: the dashed line is the bound."""
    low, high = 0.01, 10
    name_width, bar_height = 330, 20
    width, height = 860, 60 + bar_height * len(rows) + 20

    def at(share):
        share = min(max(share, low), high)
        return name_width + (width - name_width - 110) * math.log(share / low) / math.log(high / low)
    parts = [text(width / 2, 20, title, kind="title")]
    for share in (0.01, 0.1, 1, 10):
        parts += [line(at(share), 36, at(share), height - 16, "bound" if share == 1 else "grid"),
                  text(at(share), height - 2, f"{share:g}x")]
    for i, (name, share, words) in enumerate(rows):
        y = 40 + bar_height * i
        colour = COLOURS[2] if share <= 1 else COLOURS[1]
        parts += [text(name_width - 8, y + 13, name, "end"),
                  f'<rect x="{name_width}" y="{y + 2}" width="{at(share) - name_width:.1f}" height="{bar_height - 6}" '
                  f'fill="{colour}"/>', text(at(share) + 6, y + 13, words, "start")]
    return document(parts, width, height)


def write(path, svg):
    pathlib.Path(path).write_text(svg, encoding="utf-8")
