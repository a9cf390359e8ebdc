"""``dnn-xp backends`` and ``verify``: what array libraries are there and can do."""

import json
import math
from contextlib import ExitStack
from typing import Annotated

import typer
from rich.console import Console

from dnn_xp.app import report
from dnn_xp.app.errors import Failure
from dnn_xp.app.options import BackendName, DeviceName, computing
from dnn_xp.app.verification import Comparison, comparisons, count
from dnn_xp.backends import Backend, probe_backends

__all__ = ["list_backends", "verify"]


def list_backends() -> None:
    """List the array libraries: what is there, or why not. A * marks the current one."""
    console = report.open_console()
    with computing(None, None) as current:
        probes = probe_backends()
    report.table(
        console,
        ["", "backend", "version", "standard", "default dtype", "devices"],
        [
            [
                "*" if probe.name == current.name else "",
                probe.name,
                probe.version or "-",
                probe.standard or "-",
                probe.default_dtype or "-",
                " ".join(probe.devices) or "none",
            ]
            for probe in probes
        ],
    )
    for probe in probes:
        if probe.problem is not None:
            report.say(console, f"{probe.name}: {probe.problem}")


AsJson = Annotated[
    bool, typer.Option("--json", help="Write the numbers to standard output as JSON, nothing else.")
]


def verify(backend: BackendName = None, device: DeviceName = None, as_json: AsJson = False) -> None:
    """Check an array library: the numbers of the article, and gradients.

    The numbers are what the article prints, and the difference is how far off we are. A gradient
    stands beside a difference quotient of the cost, and the difference is relative. The
    precision is float64.
    """
    console = report.open_console()
    compared: list[Comparison] = []
    with computing(backend, device) as current, ExitStack() as shown:
        advance = None
        if not as_json:
            advance = shown.enter_context(report.progress(console, "check", count()))
        for done, of_step in enumerate(comparisons(), 1):
            compared += of_step
            if advance is not None:
                advance(done, of_step[-1].name)
    off = [comparison for comparison in compared if not comparison.ok]
    if as_json:
        print(_to_json(current, compared))
    else:
        _show(console, compared)
    if off:
        raise Failure(f"{len(off)} of {len(compared)} are off on {current.name}")


def _to_json(backend: Backend, compared: list[Comparison]) -> str:
    """Return what was found as JSON, which has no NaN: null stands for it."""
    (probe,) = (one for one in probe_backends() if one.name == backend.name)
    found = {
        "backend": backend.name,
        "version": probe.version,
        "standard": probe.standard,
        "device": None if backend.device is None else str(backend.device),
        "ok": all(one.ok for one in compared),
        "comparisons": [
            {
                name: None if isinstance(value, float) and not math.isfinite(value) else value
                for name, value in one._asdict().items()
            }
            for one in compared
        ],
    }
    return json.dumps(found, indent=1, allow_nan=False)


def _show(console: Console, compared: list[Comparison]) -> None:
    """Print what was found as a table, and how much of it is as it must be."""
    off = [comparison for comparison in compared if not comparison.ok]
    report.table(
        console,
        ["name", "value", "expected", "off by", ""],
        [_row(comparison) for comparison in compared],
        numbers=(1, 2, 3),
        gap=1,
    )
    for comparison in off:
        if comparison.problem:
            report.say(console, f"{comparison.name}: {comparison.problem}", style="red")
    report.say(console, f"{len(compared) - len(off)} of {len(compared)} are as they must be")


def _row(comparison: Comparison) -> list[str]:
    name, value, expected, difference, ok, problem = comparison
    if problem:
        return [name, "-", "-", "-", "error"]
    numbers = f"{value:.8f}", f"{expected:.8f}", f"{difference:.1e}"
    return [name, *numbers, "ok" if ok else "off"]
