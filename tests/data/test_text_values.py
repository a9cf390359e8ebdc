"""What texts of a table stand for."""

from datetime import datetime

import pytest

from dnn_xp.data.text_values import read_text_column

pytestmark = pytest.mark.once

COLUMNS: dict[str, tuple[list[str], list[object], str]] = {
    "whole numbers": (["1", "-2", "+3", "007"], [1, -2, 3, 7], "i"),
    "large whole numbers": (["9007199254740993", "1"], [9007199254740993, 1], "i"),
    "beyond 64 bits": (["123456789012345678901", "1"], [123456789012345678901.0, 1.0], "f"),
    "numbers": (["1.5", ".5", "2.", "1e-3", "-4E2"], [1.5, 0.5, 2.0, 0.001, -400.0], "f"),
    "all digits": (["0.1234567890123456789", "1"], [0.1234567890123456789, 1.0], "f"),
    "infinity": (["inf", "-Infinity", "1"], [float("inf"), -float("inf"), 1.0], "f"),
    "missing numbers": (["1", "", "NA", "?", "NaN", "null"], [1.0] + [None] * 5, "f"),
    "blanks": (["1 ", "2"], ["1 ", "2"], "O"),
    "texts": (["red", "blue", "red"], ["red", "blue", "red"], "O"),
    "missing texts": (["red", "", "N/A", "None"], ["red", None, None, None], "O"),
    "a question mark is a text": (["red", "?", "red"], ["red", "?", "red"], "O"),
    "plus and minus": (["+", "-", "+"], ["+", "-", "+"], "O"),
    "texts of Unicode": (["Käse", "日本", "ñ"], ["Käse", "日本", "ñ"], "O"),
    "digits of other scripts": (["١", "٢"], ["١", "٢"], "O"),
    "underscores": (["1_000", "2_000"], ["1_000", "2_000"], "O"),
    "truth values": (["True", "false", "TRUE"], [True, False, True], "b"),
    "missing truth values": (["True", "", "False"], [True, None, False], "O"),
    "nothing": (["", "", ""], [None, None, None], "f"),
    "dates": (["2024-02-29", "1969-12-31"], [datetime(2024, 2, 29), datetime(1969, 12, 31)], "M"),
    "times": (
        ["2024-01-01T12:00:00Z", "2024-01-01 12:00:00.5", "2024-01-01T12:00+02:00", ""],
        [
            datetime(2024, 1, 1, 12),
            datetime(2024, 1, 1, 12, 0, 0, 500000),
            datetime(2024, 1, 1, 10),
            None,
        ],
        "M",
    ),
    "no dates": (["2024-02-30", "2024-02-29"], ["2024-02-30", "2024-02-29"], "O"),
    "mixed": (["1", "2", "3", "many"], ["1", "2", "3", "many"], "O"),
}


@pytest.mark.parametrize("case", COLUMNS)
def test_what_texts_stand_for(case: str) -> None:
    texts, expected, kind = COLUMNS[case]
    found = read_text_column(texts)
    listed = [None if one is None or one != one else one for one in found.array.tolist()]
    assert (listed, found.array.dtype.kind) == (expected, kind)
    assert found.missing == {text for text, one in zip(texts, listed, strict=True) if one is None}


@pytest.mark.parametrize("texts", [["1", "2"], ["true", ""], ["2024-01-01"], ["1.5", "?"]])
def test_categories_are_what_is_written(texts: list[str]) -> None:
    found = read_text_column(texts, as_text=True).array.tolist()
    assert found == [text or None for text in texts]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1,5", "2"], [1.5, 2.0]),
        (["-0,25", "1,5e3"], [-0.25, 1500.0]),
        (["1,5", ""], [1.5, None]),
        (["1,234,5", "2"], ["1,234,5", "2"]),
        (["1.234,5", "2"], ["1.234,5", "2"]),
        (["1,5", "x"], ["1,5", "x"]),
    ],
)
def test_commas_as_decimal_signs(texts: list[str], expected: list[object]) -> None:
    found = read_text_column(texts, decimal_commas=True)
    assert [None if one != one else one for one in found.array.tolist()] == expected
    assert ("comma" in found.note) == isinstance(expected[0], float)
    assert read_text_column(texts).array.dtype == object


@pytest.mark.parametrize(
    ("texts", "others"),
    [
        (["1", "2", "many"], "'many'"),
        (["1", "2", "3", "4", "<5", ">9", "n.d."], "'<5', '>9', 'n.d.'"),
        ([*"12345", "a", "b", "c", "d"], "'a', 'b', 'c', ..."),
        (["1", "2", "1,000"], "'1,000'"),
        (["1", "2", "x\x1b[2J"], "'x\\x1b[2J'"),
    ],
)
def test_what_is_no_number_among_numbers_is_told(texts: list[str], others: str) -> None:
    note = f"most values are numbers, but not {others}: taken for categories"
    assert read_text_column(texts).note == note
    assert not read_text_column(texts, as_text=True).note


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["$12", "$1,200", "$7.50"], "'$1,200', '$12', '$7.50'"),
        (["1,200", "12,345", "980,000"], "'1,200', '12,345', '980,000'"),
        (["5%", "7.5 %", "100%", "n.d."], "'100%', '5%', '7.5 %'"),
        (["1.200,50 €", "3 €", "-4,5 €", "1'000 €"], "'-4,5 €', '1'000 €', '1.200,50 €', ..."),
        (["3", "4", "£5", "£6", "£7"], "'£5', '£6', '£7'"),
    ],
)
def test_numbers_that_are_adorned_are_told(texts: list[str], found: str) -> None:
    note = read_text_column(texts).note
    assert note.endswith(f"between thousands in numbers, found {found}: taken for categories")


@pytest.mark.parametrize(
    "texts", [["red", "blue"], ["3rd", "4th"], ["A1", "B2"], ["12-34", "56-78"], ["€", "$", "%"]]
)
def test_of_what_is_no_number_nothing_is_told(texts: list[str]) -> None:
    assert not read_text_column(texts).note
