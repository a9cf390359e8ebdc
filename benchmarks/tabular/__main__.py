"""How good are predictions on tables out of the box, and what do they cost, beside other packages?

    python -m benchmarks.tabular METHOD ... [--sets judged] [--repetitions 3] [--rows 2000]
    python -m benchmarks.tabular [--run NAME ...] [--save]      # only the tables

    METHOD  linear, rf, hgb, skmlp (scikit-learn); realmlp, realmlp_ce, realmlp_ce_cv4 (pytabkit);
            dnn_xp; peers, which is all but the last; options behind a plus: dnn_xp+n_members=1
    --sets  names of sets, or of a use: looked at, judged, easy, all

For each repetition and set all methods take turns, on one thread; seconds are of the processor.
Each row is written as soon as it is there: a run that was interrupted goes on where it stopped,
and what was measured is never replaced. A run is of one state of each program. Its name is, unless
`--run` says another, a digest of dnn_xp's code.

Defaults of dnn_xp are chosen on the sets that are looked at, and on no others. On the others it is
run from a commit only, every such run is kept in benchmarks/results/tabular_rows.jsonl, and the
first of them is the one that is reported. Other rows may go elsewhere with `--to FILE`.

It needs what `benchmarks.tabular.data` names, and for RealMLP: pip install pytabkit==1.7.3
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # read as the libraries load, below

import argparse  # noqa: E402
import contextlib  # noqa: E402
import io  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from benchmarks.harness import SAVE  # noqa: E402
from benchmarks.tabular import data, methods, rows, scores, tables  # noqa: E402

WARM_UP_ROWS = 200


def measure(name: str, job: methods.Job, split: data.Split) -> rows.Row:
    """Return the scores and processor seconds of a method on a split."""
    model = methods.make(name, job)
    start = time.process_time()
    model.fit(split.X, split.y)
    fitted = time.process_time()
    out = model.predict(split.X_test) if job.is_values else model.predict_proba(split.X_test)
    seconds = {"fit_seconds": fitted - start, "predict_seconds": time.process_time() - fitted}
    judge = scores.of_values if job.is_values else scores.of_classes
    row = seconds | judge(split.y_test, out)
    if job.is_values and hasattr(model, "predict_interval"):
        with contextlib.suppress(ValueError):  # where an option has nothing held out
            ends = model.predict_interval(split.X_test, coverage=tables.COVERAGE)
            row |= scores.of_intervals(split.y_test, ends[:, 0], ends[:, 1])
            row["held_out_rows"] = round(_held_out(model) * len(split.y))
    return row


def _held_out(model: Any) -> float:
    """Return which share of the rows some member holds out: no two the same, as long as it goes."""
    return min(1.0, model.n_members * model.validation)


def job_of(name: str, X: Any, seed: int) -> methods.Job:
    return methods.Job(*data.columns(X), data.TABLES[name].is_values, seed)


def warm_up(asked: Sequence[str], name: str) -> None:
    """Fit each method to a few rows: what a library does at its first call is nobody's score."""
    X, y, X_test, y_test = data.split(name, 0, WARM_UP_ROWS)
    for method in asked:
        with contextlib.suppress(Exception):  # it is told in the row that follows
            measure(method, job_of(name, X, 0), data.Split(X, y, X_test[:100], y_test[:100]))


def run(asked: Sequence[str], sets: Sequence[str], options: argparse.Namespace) -> None:
    """Measure what is not measured yet."""
    before = rows.read(options.to)
    rows.refuse_secrets(options.to, sets, asked)
    rows.refuse_mixture(before, options.run, asked)
    done, commit = rows.done(before), rows.commit()
    states = {method: rows.state(method) for method in asked}
    warm_up(asked, sets[0])
    for repetition in range(options.repetitions):
        for name in sets:
            split = data.split(name, repetition, options.rows)
            for method in methods.that_fit(asked, data.TABLES[name].is_values):
                row = {"run": options.run, "set": name, "repetition": repetition}
                row |= {"method": method, "rows": options.rows}
                if rows.key(row) in done:
                    continue
                row |= _attempt(method, job_of(name, split.X, repetition), split)
                row |= {"train_rows": len(split.y), "test_rows": len(split.y_test)}
                row |= states[method] | {"commit": commit}
                row["at"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
                rows.append(options.to, row)
                print(name, repetition, method, _told(row), flush=True)


def _attempt(method: str, job: methods.Job, split: data.Split) -> rows.Row:
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # banners
            return measure(method, job, split)
    except Exception as error:
        return {"failure": repr(error)[:300]}


def _told(row: rows.Row) -> str:
    figures = ("failure", "log_loss", "error", "nrmse", "coverage", "fit_seconds")
    return "  ".join(
        f"{name} {row[name]:.4g}" if name != "failure" else row[name]
        for name in figures
        if name in row
    )


def sets_named(text: str) -> list[str]:
    """Return the sets of a list of names and uses."""
    found: list[str] = []
    for name in (one.strip() for one in text.split(",")):
        if name == "all":
            found += data.TABLES
        elif name in data.USES:
            found += data.names(name)
        elif name in data.TABLES:
            found.append(name)
        else:
            expected = ", ".join(("all", *data.USES, *data.TABLES))
            raise ValueError(f"--sets: found {name!r}, expected some of {expected}")
    return list(dict.fromkeys(found))


def main() -> None:
    parser = argparse.ArgumentParser(
        "python -m benchmarks.tabular",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("methods", nargs="*", metavar="METHOD")
    parser.add_argument("--sets", default="looked at")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--rows", type=int, default=2000, help="trained on, at most")
    parser.add_argument("--run", help="the name of a run; some, with commas, for tables")
    parser.add_argument("--to", type=Path, default=rows.FILE, help="the file of the rows")
    parser.add_argument(SAVE, action="store_true", help="write benchmarks/results/tabular.json")
    options = parser.parse_args()
    asked: list[str] = []
    for method in options.methods:
        asked += methods.PEERS if method == "peers" else [method]
    try:
        sets = sets_named(options.sets)
        for method in asked:
            methods.parse(method)
    except ValueError as error:
        parser.error(str(error))
    warnings.simplefilter("ignore")
    options.run = options.run or (rows.code() if asked else None)
    if asked:
        run(list(dict.fromkeys(asked)), sets, options)
    tables.report(tables.chosen(rows.read(options.to), options.run))


if __name__ == "__main__":
    main()
