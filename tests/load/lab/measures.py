"""What a load run measured: samples by scenario and name, with the goal and the bare libraries' figure beside them."""

import statistics


class Figure:
    """One thing that was measured, as often as it was."""

    def __init__(self, scenario, name, unit):
        self.scenario, self.name, self.unit = scenario, name, unit
        self.samples = []
        self.goal = None  # key of goals.GOALS, part
        self.bare = None  # the bare libraries' figure of the same shape, in the same run
        self.bare_name = None
        self.bare_samples = []
        self.note = None

    @property
    def median(self):
        return statistics.median(self.samples)

    @property
    def ratio(self):
        """How many times the bare figure; None without one."""
        return self.median / self.bare if self.bare else None

    def json(self):
        value = {"scenario": self.scenario, "name": self.name, "unit": self.unit, "median": self.median,
                 "min": min(self.samples), "max": max(self.samples), "samples": self.samples}
        if self.bare is not None:
            value.update(bare=self.bare, bare_name=self.bare_name, ratio=self.ratio)
        for key in ("goal", "note"):
            if getattr(self, key) is not None:
                value[key] = getattr(self, key)
        return value


class Measures:
    """All of a run, in the order in which they came."""

    def __init__(self):
        self.all = {}

    def add(self, scenario, name, unit, *samples, goal=None, bare=None, note=None):
        """bare: (name of the bare program's figure, its value) or None. Samples of several calls add up; so do the bare
        ones, of which the median counts."""
        figure = self.all.setdefault((scenario, name), Figure(scenario, name, unit))
        if figure.unit != unit:
            raise ValueError(f"{name} is told in {figure.unit} and in {unit}")
        figure.samples.extend(samples)
        if bare is not None:
            figure.bare_name = bare[0]
            figure.bare_samples.append(bare[1])
            figure.bare = statistics.median(figure.bare_samples)
        figure.goal = goal or figure.goal
        figure.note = note or figure.note
        return figure

    def rows(self):
        return [figure for figure in self.all.values() if figure.samples]

    def by_goal(self):
        """The figure of each goal that one was measured for."""
        return {figure.goal: figure for figure in self.rows() if figure.goal}


def percentile(values, percent):
    """The smallest value that so many percent are not above (nearest rank)."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, min(len(ordered) - 1, int(rank) - 1))]
