"""``dnn-xp backends``, ``verify`` and ``article``: what array libraries are there and can do."""

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
        found = probe_backends()
    report.table(
        console,
        ["", "backend", "version", "standard", "default dtype", "devices"],
        [
            [
                "*" if one.name == current.name else "",
                one.name,
                one.version or "-",
                one.standard or "-",
                one.default_dtype or "-",
                " ".join(one.devices) or "none",
            ]
            for one in found
        ],
    )
    for one in found:
        if one.problem is not None:
            report.say(console, f"{one.name}: {one.problem}")


def verify(backend: BackendName = None, device: DeviceName = None) -> None:
    """Check an array library: the numbers of the article, and gradients.

    The numbers are what the article prints, and the difference is how far off we are. A gradient
    stands beside a difference quotient of the cost, and the difference is relative. The
    precision is float64.
    """
    console = report.open_console()
    found: list[Comparison] = []
    with (
        computing(backend, device) as chosen,
        report.progress(console, "check", count()) as advance,
    ):
        for done, some in enumerate(comparisons(), 1):
            found += some
            advance(done, some[-1].name)
    off = [one for one in found if not one.ok]
    report.table(
        console,
        ["name", "value", "expected", "off by", ""],
        [_row(one) for one in found],
        numbers=(1, 2, 3),
        gap=1,
    )
    for one in off:
        if one.problem:
            report.say(console, f"{one.name}: {one.problem}", style="red")
    report.say(console, f"{len(found) - len(off)} of {len(found)} are as they must be")
    if off:
        raise Failure(f"{len(off)} of {len(found)} are off on {chosen.name}")


def _row(one: Comparison) -> list[str]:
    if one.problem:
        return [one.name, "-", "-", "-", "error"]
    numbers = f"{one.value:.8f}", f"{one.expected:.8f}", f"{one.difference:.1e}"
    return [one.name, *numbers, "ok" if one.ok else "off"]
