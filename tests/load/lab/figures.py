"""Samples of figures with their names and units, as text, markdown tables and JSON."""

import collections
import statistics


class Figures:
    """Samples by section and name, in the order in which they came."""

    def __init__(self):
        self.sections = collections.OrderedDict()

    def add(self, section, name, unit, *samples):
        rows = self.sections.setdefault(section, collections.OrderedDict())
        rows.setdefault(name, (unit, []))[1].extend(samples)

    def json(self):
        return {section: {name: {
            "unit": unit, "median": statistics.median(samples), "min": min(samples), "max": max(samples),
            "samples": samples} for name, (unit, samples) in rows.items() if samples}
            for section, rows in self.sections.items()}

    def text(self, markdown):
        lines = []
        for section, rows in self.json().items():
            lines += ["", f"### {section}" if markdown else section, ""]
            if markdown:
                lines += ["| figure | median | range | of |", "|---|---|---|---|"]
            for name, row in rows.items():
                cells = (f"{name}, {row['unit']}", number(row["median"]), f"{number(row['min'])} - {number(row['max'])}",
                         str(len(row["samples"])))
                lines.append("| " + " | ".join(cells) + " |" if markdown else "  %-58s %9s  (%s; %s)" % cells)
        return "\n".join(lines[1:])


def number(value):
    """Three digits that matter, without an exponent; thousands apart."""
    if value is None:
        return "-"
    if value == 0:
        return "0"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"
