"""What was measured: a row for each set, repetition and method, in a file that only grows."""

import contextlib
import hashlib
import json
import subprocess
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import dnn_xp
from benchmarks.harness import RESULTS
from benchmarks.tabular import data, methods

FILE = RESULTS / "tabular_rows.jsonl"
PACKAGE = Path(dnn_xp.__file__).parent
Row = dict[str, Any]


def read(path: Path) -> list[Row]:
    """Return all rows; a line that an interruption cut off is none."""
    rows = []
    for line in path.read_text().splitlines() if path.exists() else ():
        with contextlib.suppress(json.JSONDecodeError):
            rows.append(json.loads(line))
    return rows


def append(path: Path, row: Row) -> None:
    """Write a row behind the others, at once."""
    whole = not path.exists() or path.read_bytes()[-1:] in (b"", b"\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(("" if whole else "\n") + json.dumps(row) + "\n")


def key(row: Row) -> tuple[Any, ...]:
    """Return what a run has one row of."""
    return row["run"], row["set"], row["repetition"], row["rows"], row["method"]


def done(rows: Iterable[Row]) -> set[tuple[Any, ...]]:
    """Return what is measured already; what failed is tried again."""
    return {key(row) for row in rows if "failure" not in row}


def versions(method: str) -> dict[str, str]:
    """Return what a method's figures depend on."""
    names = ("numpy", "pandas", *methods.METHODS[methods.parse(method)[0]].packages)
    return {name: metadata.version(name) for name in names}


def code() -> str:
    """Return a digest of the package as it is now, committed or not."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(f"{path.relative_to(PACKAGE).as_posix()}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def commit() -> str:
    """Return the commit of the package, with a "+" where it has been changed since."""
    head = _git("rev-parse", "--short=12", "HEAD")
    return head + ("+" if _git("status", "--porcelain", "--", ".") else "")


def refuse_mixture(rows: Sequence[Row], run: str, asked: Iterable[str]) -> None:
    """Refuse to go on with a run that was begun with other code or versions of a method."""
    now: dict[str, Any] = {}
    for row in rows:
        method = row["method"]
        if row["run"] != run or method not in asked:
            continue
        now.setdefault(method, state(method))
        then = {name: row[name] for name in now[method]}
        if then != now[method]:
            found = f"found {now[method]}, begun with {then}"
            raise SystemExit(f"--run: {run}, {method}: {found}; name another run")


def refuse_secrets(path: Path, sets: Iterable[str], asked: Iterable[str]) -> None:
    """Refuse a run of ours on sets that judge, unless it is kept, with a commit it belongs to."""
    judged = [name for name in sets if data.TABLES[name].use != "looked at"]
    if not judged or not any(map(methods.is_ours, asked)):
        return
    if path.resolve() != FILE.resolve():
        raise SystemExit(f"--to: every run of dnn_xp on {judged[0]} is kept, in {FILE.name}")
    if commit().endswith("+"):
        raise SystemExit(f"--sets: {judged[0]} judges what is committed; commit first")


def state(method: str) -> dict[str, Any]:
    """Return the versions, and for ours the digest of its code."""
    ours = {"code": code()} if methods.is_ours(method) else {}
    return {"versions": versions(method)} | ours


def _git(*arguments: str) -> str:
    try:
        command = ("git", "-C", str(PACKAGE), *arguments)
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "+"  # no checkout: nothing is known to be committed
