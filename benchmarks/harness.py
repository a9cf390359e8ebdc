"""Measure programs that do the same work, side by side in one run.

The programs take turns, so that whatever else the machine does falls on all of them; a result is
the median over the rounds, and what counts is the ratio of two of them.
"""

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
SAVE = "--save"


def alternate(programs: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Run each program once to warm up, then in turns; return the seconds of every round."""
    for program in programs.values():
        program()
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            start = time.perf_counter()
            program()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def report(
    question: str,
    jobs: Mapping[str, Mapping[str, list[float]]],
    unit: float,
    per: str,
    rates: Sequence[str] = (),
) -> None:
    """Tell medians, and how many times as long as ours they are; see `keep`.

    Parameters
    ----------
    question : str
        Names the file in ``results``.
    jobs : dict of str to dict of str to list of float
        For each job the seconds of each program; ours is called "dnn_xp".
    unit : float
        Seconds in the unit of the table: 1e-3 for milliseconds.
    per : str
        What the unit is, and what it is for: "ms a step".
    rates : sequence of str
        Programs that do nothing but the arithmetic: the share of their rate that ours reaches is
        told, too.
    """
    rows = []
    for job, seconds in jobs.items():
        medians = {name: statistics.median(one) for name, one in seconds.items()}
        for name, median in sorted(medians.items(), key=lambda item: item[1]):
            ratio = median / medians["dnn_xp"]
            row = {"job": job, "program": name, per: median / unit, "times ours": ratio}
            rows.append(row | ({"share that ours reaches": ratio} if name in rates else {}))
    keep(question, rows)


def keep(question: str, rows: list[dict[str, Any]]) -> None:
    """Print rows, and with ``--save`` keep them as JSON, with the machine and the versions.

    The results are tracked: a trial run is not to replace what the README says.
    """
    show(rows)
    write(question, rows)


def write(question: str, rows: list[dict[str, Any]]) -> None:
    """Do what `keep` does, without printing the rows."""
    if SAVE not in sys.argv[1:]:
        print(f"not kept; {SAVE} writes benchmarks/results/{question}.json")
        return
    RESULTS.mkdir(exist_ok=True)
    record = {"question": question, "machine": machine(), "rows": rows}
    (RESULTS / f"{question}.json").write_text(json.dumps(record, indent=1) + "\n")


def show(rows: list[dict[str, Any]]) -> None:
    """Print rows."""
    for row in rows:
        print(*(f"{name}: {_short(value)}" for name, value in row.items()), sep="; ")


def _short(value: Any) -> Any:
    return f"{value:.4g}" if isinstance(value, float) else value


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    names = ("dnn-xp", "numpy", "torch", "jax", "scikit-learn", "optax", "cupy-cuda12x")
    names += ("cupy-cuda13x", "array-api-compat", "h5py", "isal", "pandas", "pillow", "pytabkit")
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        threadpool_info = list
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "kernels of NumPy": [
            one["architecture"]
            for one in threadpool_info()
            if one["internal_api"] == "openblas" and "numpy" in one["filepath"]
        ],
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in names},
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()
