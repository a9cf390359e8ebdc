"""What importing dnn_xp costs and needs: nothing optional is loaded, and its lack is explained."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

import pytest

import dnn_xp

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# What a distribution is imported as, where that is not its name in lower case with underscores.
IMPORTED_AS = {"pillow": "PIL", "scikit-learn": "sklearn"}
# NumPy's f2py, which array-api-compat loads with all of NumPy, uses the last one where it is there.
CORE = {"numpy", "array_api_compat", "array_api_extra", "charset_normalizer"}
# What these rooms are made of they load at once: each is for those who have its extra.
OF_ROOM = {"app": {"typer", "rich"}, "estimators": {"sklearn", "scipy"}}


def run(code: str) -> str:
    """Run a program in a fresh interpreter, as a new user, and return its output."""
    surroundings = {k: v for k, v in os.environ.items() if not k.startswith("DNN_XP_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=surroundings | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def loaded_by(statement: str) -> set[str]:
    """Return the installed packages that a statement loads."""
    found = run(
        f"import json, sys; before = set(sys.modules)\n{statement}\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in set(sys.modules) - before})))"
    )
    return set(json.loads(found)) & set(packages_distributions()) - {"dnn_xp"}


def distributions(requirements: list[str]) -> set[str]:
    """Return the import names of a list of requirements."""
    names = [re.match(r"[\w-]+", requirement)[0].lower() for requirement in requirements]
    return {IMPORTED_AS.get(name, name.replace("-", "_")) for name in names} - {"dnn_xp"}


def imported(path: Path, *, eagerly: bool) -> set[str]:
    """Return the packages outside the standard library that a module imports (as it loads)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = set()
    for node in tree.body if eagerly else ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module).split(".")[0])
    return names - set(sys.stdlib_module_names) - {"dnn_xp"}


@pytest.mark.parametrize(
    ("statement", "core"),
    [
        ("import dnn_xp", CORE),
        ("from dnn_xp import Network, train", CORE),
        ("import dnn_xp; dnn_xp.use_backend('numpy'); dnn_xp.xp", CORE),
        (
            "import os; os.environ['DNN_XP_BACKEND'] = 'numpy'; from dnn_xp import *",
            CORE | {"h5py"},
        ),
    ],
)
def test_import_loads_nothing_optional(statement, core):
    assert loaded_by(statement) <= core


def test_what_is_loaded_is_seen():
    assert loaded_by("import pytest") >= {"pytest", "pluggy"}


def room_of(path):
    return path.relative_to(ROOT / "dnn_xp").parts[0]


def test_modules_load_core_dependencies_only():
    core = distributions(PROJECT["dependencies"])
    eager = {
        path.relative_to(ROOT).as_posix(): others
        for path in (ROOT / "dnn_xp").rglob("*.py")
        if (others := imported(path, eagerly=True) - core - OF_ROOM.get(room_of(path), set()))
    }
    assert not eager, "import what is optional where it is used, by backends.require"


def test_every_core_dependency_is_used():
    used = set()
    for path in (ROOT / "dnn_xp").rglob("*.py"):
        used |= imported(path, eagerly=False)
    unused = distributions(PROJECT["dependencies"]) - used
    assert not unused, "take it out of pyproject.toml"


def test_every_extra_that_is_named_exists():
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "dnn_xp").rglob("*.py"))
    named = set(re.findall(r"dnn-xp\[(\w+)\]", text))
    named |= set(re.findall(r"""require\(\s*["'][\w.]+["'],\s*(?:extra=)?["'](\w+)["']""", text))
    assert named
    assert named <= set(PROJECT["optional-dependencies"])


BLOCKED = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocker())
try:
{use}
except ImportError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("blocked", "extra", "use"),
    [
        ("PIL", "app", "from dnn_xp import read_picture; read_picture('cat.png', (8, 8, 3))"),
        (
            "matplotlib",
            "app",
            "from dnn_xp.reports import learning_curve; learning_curve([1.0, 0.5])",
        ),
        (
            "tensorboard",
            "tensorboard",
            "from dnn_xp import TensorBoard; TensorBoard('runs')",
        ),
        (
            "scipy",
            "scipy",
            "import numpy as np; from dnn_xp import Dense, Network, lbfgs\n"
            "    lbfgs(Network(1, (Dense(1),), 'squared_error'), np.ones((1, 2)), np.ones((1, 2)))",
        ),
        ("sklearn", "sklearn", "from dnn_xp import MLPClassifier"),
        ("torch", "torch", "import dnn_xp; dnn_xp.use_backend('torch')"),
        ("jax", "jax", "import dnn_xp; dnn_xp.use_backend('jax')"),
        ("dask", "dask", "import dnn_xp; dnn_xp.use_backend('dask')"),
        ("cupy", "cuda12", "import dnn_xp; dnn_xp.use_backend('cupy')"),
    ],
)
def test_a_missing_extra_is_named_where_it_is_needed(blocked, extra, use):
    said = run(BLOCKED.format(blocked={blocked}, use=f"    {use}"))
    assert f"pip install 'dnn-xp[{extra}]'" in said


def test_the_version_stands_in_one_place():
    assert PROJECT["dynamic"] == ["version"]
    assert "version" not in PROJECT
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", dnn_xp.__version__)
    try:
        installed = version("dnn-xp")
    except PackageNotFoundError:
        pytest.skip("dnn-xp is not installed here: the tests run from the checkout")
    assert installed == dnn_xp.__version__
