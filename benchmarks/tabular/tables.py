"""The tables of a run: changes against others, means, every set, parts taken away, more rows."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from benchmarks import harness
from benchmarks.tabular import data, methods
from benchmarks.tabular.rows import Row
from benchmarks.tabular.statistics import Change, change, standard_error_of_coverage

ROWS = 2000
OURS = "dnn_xp"
SCORES = {
    "log_loss": "log-loss",
    "error": "error",
    "one_minus_auc": "1 - AUC",
    "nrmse": "nRMSE",
    "fit_seconds": "fit seconds",
}
COVERAGE = 0.9
"""What an interval promises."""


def chosen(rows: Sequence[Row], names: str | None) -> list[Row]:
    """Return what succeeded in the runs that are named, with commas, or in the newest one.

    Where two runs have the same, the later name's counts.
    """
    runs = [one.strip() for one in (names or (rows[-1]["run"] if rows else "")).split(",")]
    found: dict[tuple[Any, ...], Row] = {}
    for run in runs:
        for row in rows:
            if row["run"] == run and "failure" not in row:
                found[row["set"], row["repetition"], row["rows"], row["method"]] = row
    return list(found.values())


def report(rows: Sequence[Row], reference: str = "realmlp") -> None:
    """Print every table, and with ``--save`` keep their figures in ``results/tabular.json``."""
    figures: list[dict[str, Any]] = []
    for use in data.USES:
        some = [row for row in rows if _use(row) == use and row["rows"] == ROWS]
        if some:
            print(f"\nSets {use}, at most {ROWS:,} rows to train on")
            figures += means(some, use) + changes(some, use, reference) + by_set(some, use)
            figures += ablations(some, use) + coverages(some, use)
    for size in sorted({row["rows"] for row in rows} - {ROWS}):
        print(f"\nAt most {size:,} rows to train on")
        figures += by_set([row for row in rows if row["rows"] == size], f"{size} rows")
    harness.write("tabular", figures)


def means(rows: Sequence[Row], use: str) -> list[dict[str, Any]]:
    """Tell the means that are no ratios: calibration error and seconds, each set alike."""
    figures = []
    print(
        f"\n{'mean':42}"
        + "".join(f"{name:>20}" for name in ("ECE", "fit s", "most fit s", "predict s"))
    )
    for method in _methods(rows):
        own = [row for row in rows if row["method"] == method]
        figure = {
            "table": "means",
            "use": use,
            "method": method,
            "title": _title(method),
            "ece": _mean_of_sets(own, "ece"),
            "fit_seconds": _mean_of_sets(own, "fit_seconds"),
            "most_fit_seconds": max(row["fit_seconds"] for row in own),
            "predict_seconds": _mean_of_sets(own, "predict_seconds"),
            "pairs": len(own),
        }
        figures.append(figure)
        names = ("ece", "fit_seconds", "most_fit_seconds", "predict_seconds")
        print(f"{_title(method):42}" + "".join(f"{_short(figure[name]):>20}" for name in names))
    return figures


def changes(rows: Sequence[Row], use: str, reference: str) -> list[dict[str, Any]]:
    """Tell each method against the reference, and ours against each peer."""
    everyone = _methods(rows)
    against = [(one, reference) for one in everyone if one != reference]
    figures = []
    if reference in everyone:
        figures = _changes(rows, use, against, f"against {_title(reference)}", 0)
    if OURS in everyone:
        ours = [(OURS, one) for one in everyone if not methods.is_ours(one)]
        own = _changes(rows, use, ours, f"{OURS} against", 1)
        figures += [figure for figure in own if figure not in figures]
    return figures


def ablations(rows: Sequence[Row], use: str) -> list[dict[str, Any]]:
    """Tell what each option of ours changes against its defaults."""
    options = [one for one in _methods(rows) if methods.is_ours(one) and one != OURS]
    pairs = [(one, OURS) for one in options]
    return _changes(rows, use, pairs, f"options of {OURS}", 0) if pairs else []


def by_set(rows: Sequence[Row], use: str) -> list[dict[str, Any]]:
    """Tell the mean log-loss of each set, or the mean nRMSE."""
    everyone = _methods(rows)
    print(
        f"\n{'mean of log-loss, or nRMSE of values':42}"
        + "".join(f"{one[:15]:>16}" for one in everyone)
    )
    figures = []
    for name in dict.fromkeys(row["set"] for row in rows):
        score = "nrmse" if data.TABLES[name].is_values else "log_loss"
        own = {
            one: [r[score] for r in rows if (r["set"], r["method"]) == (name, one)]
            for one in everyone
        }
        found = {one: float(np.mean(values)) for one, values in own.items() if values}
        figures.append({"table": "sets", "use": use, "set": name, "score": score} | found)
        print(f"{name:42}" + "".join(f"{_short(found.get(one)):>16}" for one in everyone))
    return figures


def coverages(rows: Sequence[Row], use: str) -> list[dict[str, Any]]:
    """Tell how many values lie in intervals of 90 %: over all sets, and where it is least.

    How many standard errors the least is above 90 % (below, where negative) is told as if the
    repetitions of a set, whose rows are mostly the same, were one.
    """
    figures = []
    for method in _methods(rows):
        own = [row for row in rows if row["method"] == method and "coverage" in row]
        if not own:
            continue
        sets: dict[str, list[Row]] = {}
        for row in own:
            sets.setdefault(row["set"], []).append(row)
        above = {name: _errors_above(some) for name, some in sets.items()}
        worst = min(above, key=above.__getitem__)
        inside = sum(row["coverage"] * row["test_rows"] for row in own)
        figure = {
            "table": "coverage",
            "use": use,
            "method": method,
            "pooled": inside / sum(row["test_rows"] for row in own),
            "least": float(np.mean([row["coverage"] for row in sets[worst]])),
            "least of": worst,
            "standard errors above": above[worst],
            "width": _mean_of_sets(own, "width"),
            "pairs": len(own),
        }
        figures.append(figure)
        harness.show([figure])
    return figures


def _errors_above(rows: Sequence[Row]) -> float:
    coverage = float(np.mean([row["coverage"] for row in rows]))
    return (coverage - COVERAGE) / standard_error_of_coverage(rows[0], COVERAGE)


def _changes(
    rows: Sequence[Row], use: str, pairs: Iterable[tuple[str, str]], title: str, named: int
) -> list[dict[str, Any]]:
    """Tell the changes of pairs, of which each line has the name of one."""
    figures = []
    print(f"\n{title + ', %':42}" + "".join(f"{one:>28}" for one in SCORES.values()))
    for pair in pairs:
        line = f"{_title(pair[named]):42}"
        for score in SCORES:
            found = change(rows, *pair, score)
            line += f"{_told(found):>28}"
            if found:
                what = {"table": "changes", "use": use, "method": pair[0], "against": pair[1]}
                titles = {"title": _title(pair[0]), "against_title": _title(pair[1])}
                figures.append(what | titles | {"score": score} | found._asdict())
        print(line)
    return figures


def _told(found: Change | None) -> str:
    if found is None:
        return ""
    return f"{found.percent:+.1f} [{found.low:+.1f}, {found.high:+.1f}] n{found.pairs}"


def _methods(rows: Sequence[Row]) -> list[str]:
    """Return the methods there are: peers as they are listed, then ours."""
    there = dict.fromkeys(row["method"] for row in rows)
    order = list(methods.METHODS)
    return sorted(there, key=lambda name: order.index(methods.parse(name)[0]))


def _title(method: str) -> str:
    name, plus, options = method.partition("+")
    return f"{methods.METHODS[name].title}{', ' if plus else ''}{options}"


def _use(row: Row) -> str:
    return data.TABLES[row["set"]].use


def _mean_of_sets(rows: Sequence[Row], score: str) -> float | None:
    sets: dict[str, list[float]] = {}
    for row in rows:
        if score in row:
            sets.setdefault(row["set"], []).append(row[score])
    return float(np.mean([np.mean(one) for one in sets.values()])) if sets else None


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
