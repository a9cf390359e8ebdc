"""``dnn-xp backends`` and ``verify``: what array libraries are there and can do."""

from rich.console import Console

from dnn_xp.app import printing
from dnn_xp.app.documents import print_json
from dnn_xp.app.errors import Failure
from dnn_xp.app.options import AsJson, BackendName, DeviceName, computing
from dnn_xp.app.verification import Comparison, comparisons, count
from dnn_xp.backends import Backend, probe_backends

__all__ = ["list_backends", "verify"]


def list_backends(as_json: AsJson = False) -> None:
    """List the array libraries: what is there, or why not. A * marks the current one."""
    console = printing.open_console(as_json=as_json)
    with computing(None, None) as current:
        probes = probe_backends()
    if as_json:
        print_json({"current": current.name, "backends": probes})
        return
    headings = ["", "backend", "version", "standard", "default dtype", "devices"]
    rows = [
        [
            "*" if probe.name == current.name else "",
            probe.name,
            probe.version or "-",
            probe.standard or "-",
            probe.default_dtype or "-",
            " ".join(probe.devices) or "none",
        ]
        for probe in probes
    ]
    if any(probe.install for probe in probes):
        headings.append("install with")
        rows = [[*row, probe.install or ""] for row, probe in zip(rows, probes, strict=True)]
    narrow = [headings.index(name) for name in ("default dtype", "standard")]
    printing.table(console, headings, rows, optional=narrow)
    for probe in probes:
        if probe.problem is not None and probe.install is None:
            printing.say(console, f"{probe.name}: {probe.problem}")


def verify(backend: BackendName = None, device: DeviceName = None, as_json: AsJson = False) -> None:
    """Check an array library: the numbers of the article, and gradients.

    The numbers are what the article prints, and the difference is how far off we are. A gradient
    stands beside a difference quotient of the cost, and the difference is relative. The
    precision is float64.
    """
    console = printing.open_console(as_json=as_json)
    compared: list[Comparison] = []
    with (
        computing(backend, device) as current,
        printing.progress(console, "check", count()) as advance,
    ):
        for done, of_step in enumerate(comparisons(), 1):
            compared += of_step
            advance(done, of_step[-1].name)
    off = [comparison for comparison in compared if not comparison.ok]
    if as_json:
        print_json(_found(current, compared))
    else:
        _show(console, compared)
    if off:
        raise Failure(f"{len(off)} of {len(compared)} are off on {current.name}")


def _found(backend: Backend, compared: list[Comparison]) -> dict[str, object]:
    """Return what was found as a document."""
    (probe,) = (one for one in probe_backends() if one.name == backend.name)
    return {
        "backend": backend.name,
        "version": probe.version,
        "standard": probe.standard,
        "device": None if backend.device is None else str(backend.device),
        "ok": all(one.ok for one in compared),
        "comparisons": compared,
    }


def _show(console: Console, compared: list[Comparison]) -> None:
    """Print what was found as a table, and how much of it is as it must be."""
    off = [comparison for comparison in compared if not comparison.ok]
    printing.table(
        console,
        ["name", "value", "expected", "off by", ""],
        [_row(comparison) for comparison in compared],
        numbers=(1, 2, 3),
        gap=1,
    )
    for comparison in off:
        if comparison.problem:
            printing.say(console, f"{comparison.name}: {comparison.problem}", style="red")
    printing.say(console, f"{len(compared) - len(off)} of {len(compared)} are as they must be")


def _row(comparison: Comparison) -> list[str]:
    name, value, expected, difference, ok, problem = comparison
    if problem:
        return [name, "-", "-", "-", "error"]
    numbers = f"{value:.8f}", f"{expected:.8f}", f"{difference:.1e}"
    return [name, *numbers, "ok" if ok else "off"]
