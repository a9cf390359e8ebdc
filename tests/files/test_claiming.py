"""Names of one's own: whoever makes a file or a folder first has it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from dnn_xp.files.claiming import claim, claim_folder


def touch(path):
    path.open("x").close()


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("log.csv", {"suffix": ".csv"}, ["log.csv", "log-2.csv", "log-3.csv"]),
        ("log", {}, ["log", "log-2", "log-3"]),
        ("a.b", {"mark": "_"}, ["a.b", "a.b_2", "a.b_3"]),
    ],
)
def test_a_name_that_is_taken_gets_a_number(tmp_path, name, options, expected):
    found = [claim(tmp_path / name, touch, **options).name for _ in range(3)]
    assert found == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(expected)


def test_no_two_have_the_same(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(lambda _: claim_folder(tmp_path / "runs" / "a"), range(40))]
    assert len(set(found)) == 40
    assert set(found) == set((tmp_path / "runs").iterdir())


def test_what_cannot_be_made_is_an_error_but_of_a_folder_that_is_left_to_its_user(tmp_path):
    touch(tmp_path / "file")
    with pytest.raises(NotADirectoryError):
        claim(tmp_path / "file" / "a", touch)
    assert claim_folder(tmp_path / "file" / "a") == tmp_path / "file" / "a"
