"""``dnn-xp backends`` and ``verify``: what array libraries are there and can do."""

from dnn_xp.app import report
from dnn_xp.app.errors import Failure
from dnn_xp.app.options import BackendName, DeviceName, computing
from dnn_xp.app.verification import Comparison, comparisons, count
from dnn_xp.backends import probe_backends

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


def verify(backend: BackendName = None, device: DeviceName = None) -> None:
    """Check an array library: the numbers of the article, and gradients.

    The numbers are what the article prints, and the difference is how far off we are. A gradient
    stands beside a difference quotient of the cost, and the difference is relative. The
    precision is float64.
    """
    console = report.open_console()
    compared: list[Comparison] = []
    with (
        computing(backend, device) as current,
        report.progress(console, "check", count()) as advance,
    ):
        for done, of_step in enumerate(comparisons(), 1):
            compared += of_step
            advance(done, of_step[-1].name)
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
    if off:
        raise Failure(f"{len(off)} of {len(compared)} are off on {current.name}")


def _row(comparison: Comparison) -> list[str]:
    name, value, expected, difference, ok, problem = comparison
    if problem:
        return [name, "-", "-", "-", "error"]
    numbers = f"{value:.8f}", f"{expected:.8f}", f"{difference:.1e}"
    return [name, *numbers, "ok" if ok else "off"]
