"""The report of a run: JSON with every sample, tables in Markdown, plots, and the one sentence at the end."""

import json
import pathlib

from . import goals, plot
from .figures import number

FORM = 1


def verdict(is_met):
    return "-" if is_met is None else "met" if is_met else "**missed**"


def value_of(goal, figure):
    return figure.ratio if goal.times_bare else figure.median


def bound_text(goal):
    return f"{goal.sign} {number(goal.bound)} {goal.unit}"


def goal_table(judged):
    lines = ["| row | figure | goal | measured | bare libraries | ratio | |", "|---|---|---|---|---|---|---|"]
    for goal, figure, is_met in judged:
        if figure is None or value_of(goal, figure) is None:
            lines.append(f"| {goal.row} | {goal.text} | {bound_text(goal)} | not in this run | - | - | - |")
            continue
        bare = f"{number(figure.bare)} {figure.unit}" if figure.bare is not None and not goal.times_bare else "-"
        ratio = f"{figure.ratio:.2f}" if figure.ratio is not None and not goal.times_bare else "-"
        spread = "" if goal.times_bare or len(figure.samples) < 2 else (
            f" ({number(min(figure.samples))} - {number(max(figure.samples))})")
        lines.append(f"| {goal.row} | {goal.text} | {bound_text(goal)} | {number(value_of(goal, figure))}{spread} {goal.unit} "
                     f"| {bare} | {ratio} | {verdict(is_met)} |")
    return lines


def figure_tables(figures):
    lines = []
    scenario = None
    for figure in figures.rows():
        if figure.scenario != scenario:
            scenario = figure.scenario
            lines += ["", f"### {scenario}", "", "| figure | median | range | of | bare libraries | ratio |",
                      "|---|---|---|---|---|---|"]
        bare = f"{number(figure.bare)} ({figure.bare_name})" if figure.bare is not None else "-"
        ratio = f"{figure.ratio:.2f}" if figure.ratio is not None else "-"
        note = f" ({figure.note})" if figure.note else ""
        lines.append(f"| {figure.name}, {figure.unit}{note} | {number(figure.median)} | {number(min(figure.samples))} - "
                     f"{number(max(figure.samples))} | {len(figure.samples)} | {bare} | {ratio} |")
    return lines


def sentence(targets, judged, faults, notes=()):
    """The last line."""
    reached, measured = goals.rows_reached(judged)
    words = "nothing lost, doubled or leaked" if not faults else (
        f"{len(faults)} thing{'s' if len(faults) > 1 else ''} lost, doubled or leaked")
    return "; ".join([f"{targets:,} targets: {reached} of {measured} figures reached, {words}", *notes])


def markdown(facts, figures, judged, faults, last_line):
    lines = [f"# Load lab, {facts['targets']:,} targets", "",
             ", ".join(f"{key} {value}" for key, value in facts.items()), ""]
    lines += goal_table(judged)
    if faults:
        lines += ["", "## Lost, doubled or leaked", "", *(f"- {fault}" for fault in faults)]
    lines += ["", "## All figures", *figure_tables(figures), "", last_line, ""]
    return "\n".join(lines)


def as_json(facts, figures, judged, faults, series, last_line):
    return {"form": FORM, "facts": facts, "sentence": last_line, "faults": faults,
            "goals": [{"row": goal.row, "key": goal.key, "text": goal.text, "sign": goal.sign, "bound": goal.bound,
                       "unit": goal.unit, "measured": value_of(goal, figure) if figure else None, "met": is_met}
                      for goal, figure, is_met in judged],
            "figures": [figure.json() for figure in figures.rows()], "series": series}


def share(goal, value):
    """The figure in times of its bound, so written that up to 1 is reached."""
    return value / goal.bound if goal.sign == "<=" else goal.bound / value if value else float("inf")


def write_plots(directory, facts, judged, series):
    """goals.svg, and one plot for each series that has points; gives the names of the files."""
    rows = [(goal.text if len(goal.text) < 52 else goal.text[:50] + "...", share(goal, value_of(goal, figure)),
             f"{number(value_of(goal, figure))} {goal.unit}")
            for goal, figure, is_met in judged if is_met is not None]
    names = []
    if rows:
        plot.write(directory / "goals.svg", plot.bars(
            f"{facts['targets']:,} targets: figures in times of their goals (left of the line: reached)", rows))
        names.append("goals.svg")
    for name, one in series.items():
        if any(one["lines"].values()):
            plot.write(directory / f"{name}.svg", plot.lines(one["title"], one["x"], one["y"], one["lines"]))
            names.append(f"{name}.svg")
    return names


def write(directory, facts, figures, judged, faults, series, last_line):
    """report.json, report.md and the plots into a directory that is made if it is missing."""
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "report.json").write_text(
        json.dumps(as_json(facts, figures, judged, faults, series, last_line), indent=1) + "\n", encoding="utf-8")
    names = write_plots(directory, facts, judged, series)
    text = markdown(facts, figures, judged, faults, last_line)
    if names:
        text = text.replace("\n## All figures\n", "\n" + "\n".join(f"![{name}]({name})" for name in names)
                            + "\n\n## All figures\n", 1)
    (directory / "report.md").write_text(text, encoding="utf-8")
    return text
