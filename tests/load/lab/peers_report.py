"""What the rows found: figures against their bounds, what was lost, as lines, markdown and JSON."""

import math
import statistics

from .peers_goals import ROWS, is_met, ratio


class Findings:
    """Samples by row and figure, remarks, and everything that was lost or doubled."""

    def __init__(self):
        self.samples = {}
        self.bounds = {}
        self.remarks = {}
        self.lost = {}

    def add(self, row, figure, *values):
        self.samples.setdefault(row, {}).setdefault(figure, []).extend(values)

    def bound(self, row, figure, value, why):
        """A bound that a peer of this run gave."""
        self.bounds[row, figure] = (value, why)

    def remark(self, row, text):
        self.remarks.setdefault(row, []).append(text)

    def lose(self, row, text):
        self.lost.setdefault(row, []).append(text)

    def judged(self, row):
        """Figure, unit, median, lowest, highest, bound, why, ratio, met; those without a bound have None for the last four."""
        rows = []
        for figure, values in self.samples.get(row, {}).items():
            median = statistics.median(values)
            if figure in ROWS[row].bounds:
                unit, bound, why = ROWS[row].bounds[figure]
                bound, why = self.bounds.get((row, figure), (bound, why))
                rows.append((figure, unit, median, min(values), max(values), bound, why,
                             ratio(row, figure, median, bound), is_met(row, figure, median, bound)))
            else:
                name, _, unit = figure.rpartition(", ")
                rows.append((name, unit, median, min(values), max(values), None, None, None, None))
        return rows

    def is_row_met(self, row):
        """All of its bounds were measured and are met, and nothing was lost."""
        judged = {entry[0]: entry[8] for entry in self.judged(row)}
        return row not in self.lost and all(judged.get(figure) for figure in ROWS[row].bounds)

    def last_line(self, rows):
        met = [row for row in rows if self.is_row_met(row)]
        missed = [row for row in rows if row not in met]
        text = f"{len(rows)} row{'' if len(rows) == 1 else 's'}: {len(met)} met"
        if missed:
            text += ", missed: " + " ".join(missed)
        return text + ("; LOST OR DOUBLED: " + " ".join(self.lost) if self.lost else "; nothing lost or doubled")

    def json(self, rows):
        keys = ("figure", "unit", "median", "min", "max", "bound", "peer", "ratio", "met")
        return {row: {"work": ROWS[row].work, "how": ROWS[row].note, "met": self.is_row_met(row),
                      "figures": [dict(zip(keys, entry)) for entry in self.judged(row)],
                      "samples": self.samples.get(row, {}), "remarks": self.remarks.get(row, []),
                      "lost": self.lost.get(row, [])} for row in rows}

    def markdown(self, rows):
        lines = ["| row | work | figure | ours: median (range) | bound | from | times better than the bound | |",
                 "|---|---|---|---|---|---|---|---|"]
        for row in rows:
            for place, (figure, unit, median, low, high, bound, why, times, met) in enumerate(self.judged(row)):
                lines.append("| %s | %s | %s | %s | %s | %s | %s | %s |" % (
                    row if place == 0 else "", ROWS[row].work if place == 0 else "", f"{figure}, {unit}",
                    spread(median, low, high), "" if bound is None else number(bound), why or "",
                    "" if times is None else number(times), verdict(met)))
        lines.append("")
        for row in rows:
            for text in [ROWS[row].note, *self.remarks.get(row, []), *("**lost**: " + text for text in self.lost.get(row, []))]:
                lines.append(f"- {row}: {text}.")
        return "\n".join(lines)

    def text(self, rows):
        lines = []
        for row in rows:
            lines.append(f"{row}  {ROWS[row].work}: " + ("met" if self.is_row_met(row) else "NOT MET"))
            for figure, unit, median, low, high, bound, why, times, met in self.judged(row):
                line = f"       {figure}: {spread(median, low, high)} {unit}"
                if bound is not None:
                    line += f", bound {number(bound)} ({why}): {verdict(met).strip('*')}"
                    line += "" if times is None else f", {number(times)} times"
                lines.append(line)
            lines += [f"       {text}" for text in self.remarks.get(row, [])]
            lines += [f"       LOST OR DOUBLED: {text}" for text in self.lost.get(row, [])]
        return "\n".join(lines)


def number(value):
    """Seconds below a tenth keep two digits that say something."""
    if math.isinf(value):
        return "never"
    if value == int(value):
        return f"{value:.0f}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2g}" if abs(value) < 1 else f"{value:.3g}"


def spread(median, low, high):
    return number(median) if low == high else f"{number(median)} ({number(low)} - {number(high)})"


def verdict(met):
    return "" if met is None else "met" if met else "**missed**"
