"""The rules of the house, read from the syntax trees: each rule returns its breaches, as lines."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Imports run from a higher floor to a lower one, or stay inside a room: rooms of one floor do not
# know each other.
FLOORS = {
    "arguments": 0,
    "reprs": 0,
    "wakeup": 0,
    "svg": 1,
    "files": 1,
    "recording": 1,  # below the backends, which know symbols from arrays
    "backends": 2,
    "functions": 3,
    "data": 4,
    "layers": 4,
    "network": 5,
    "training": 6,
    "models": 7,
    "callbacks": 8,
    "reports": 9,
    "article": 10,
    "estimators": 10,
    "": 11,  # the public names, for the command line as for any user
    "app": 12,
}
ARRAY_LIBRARIES = {
    "array_api_compat",
    "array_api_extra",
    "array_api_strict",
    "cupy",
    "dask",
    "jax",
    "mpi4py",
    "torch",
}
NUMERIC_ROOMS = {"functions", "layers", "network", "training"}
NUMERIC_MODULES = {"dnn_xp.data.sources"}
# What is made once is made by NumPy on the host and moved: parameters, shuffles, directions.
# L-BFGS has SciPy search its lines, and SciPy takes no other arrays.
HOST_MODULES = {
    "dnn_xp.functions.initializers",
    "dnn_xp.training.batches",
    "dnn_xp.training.identity",
    "dnn_xp.training.quasi_newton",
}
HOST_FUNCTIONS = {"initialize", "draw", "weight_mask", "check_gradient"}


# ----------------------------------------------------------------------------- reading


def modules(root: Path) -> dict[str, ast.Module]:
    """Return the syntax tree of every module of dnn_xp, by its dotted name."""
    trees = {}
    for path in sorted((root / "dnn_xp").rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        trees[name] = parse(path.read_text(encoding="utf-8"))
    return trees


# Each rule reads all modules anew, most of which stay as they are.
parse = cache(ast.parse)


def imports(name: str, tree: ast.Module, known: dict[str, ast.Module]) -> Iterator[str]:
    """Yield the dotted names of the modules that a module imports, wherever it does so."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: write imports absolutely, from dnn_xp"
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                yield submodule if submodule in known else str(node.module)


def room(name: str) -> str:
    return [*name.split("."), ""][1]


# ----------------------------------------------------------------------------- rules


def unknown_rooms(root: Path) -> list[str]:
    rooms = {room(name) for name in modules(root)} - {"", "__main__"}
    return sorted(rooms - set(FLOORS))


def upward_imports(root: Path) -> list[str]:
    trees = modules(root)
    return [
        f"{name} imports {other}"
        for name, tree in trees.items()
        if room(name) in FLOORS
        for other in imports(name, tree, trees)
        if other.split(".")[0] == "dnn_xp" and room(other) != room(name)
        if FLOORS.get(room(other), 99) >= FLOORS[room(name)]
    ]


def import_cycle(root: Path) -> list[str]:
    trees = modules(root)
    graph = {name: set(imports(name, tree, trees)) - {name} for name, tree in trees.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def library_names(root: Path) -> list[str]:
    trees = modules(root)
    found = []
    for name, tree in trees.items():
        if room(name) == "backends":
            continue
        words = {other.split(".")[0] for other in imports(name, tree, trees)}
        words |= {
            node.value.split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
            if " " not in node.value
        }
        found += [f"{name} names {word}" for word in sorted(words & ARRAY_LIBRARIES)]
    return found


def numpy_in_numeric_modules(root: Path) -> list[str]:
    return [
        f"{name} uses numpy in line {line}"
        for name, tree in modules(root).items()
        if room(name) in NUMERIC_ROOMS or name in NUMERIC_MODULES
        if name not in HOST_MODULES
        for line in numpy_lines(tree)
    ]


def numpy_lines(node: ast.AST) -> Iterator[int]:
    """Yield the lines outside HOST_FUNCTIONS that use numpy, or import it by other names."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef) and child.name in HOST_FUNCTIONS:
            continue
        if isinstance(child, ast.Import):
            others = any(a.name.startswith("numpy") and a.asname != "np" for a in child.names)
        elif isinstance(child, ast.ImportFrom):
            others = str(child.module).startswith("numpy")
        else:
            others = isinstance(child, ast.Name) and child.id == "np"
        if others:
            yield child.lineno
        yield from numpy_lines(child)


def missing_docstrings(root: Path) -> list[str]:
    trees = modules(root)
    return [
        f"{name}.{where}" if where else name
        for name, tree in trees.items()
        for where, node in [("", tree), *public_definitions(tree, methods_of_room(name, trees))]
        if not ast.get_docstring(node)
    ]


def methods_of_room(name: str, trees: dict[str, ast.Module]) -> dict[str, set[str]]:
    """Return the names of the methods of each class of a module's room."""
    return {
        node.name: {child.name for child in node.body if isinstance(child, ast.FunctionDef)}
        for other, tree in trees.items()
        if room(other) == room(name)
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }


def public_definitions(
    tree: ast.Module, known: dict[str, set[str]]
) -> Iterator[tuple[str, ast.AST]]:
    """Yield the public functions, classes and methods of a module.

    Not the methods that a class takes over from a class that is known: they say the same.
    """
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        yield node.name, node
        if not isinstance(node, ast.ClassDef):
            continue
        taken_over = {
            name for base in node.bases for name in known.get(getattr(base, "id", ""), ())
        }
        for child in node.body:
            public = isinstance(child, ast.FunctionDef) and not child.name.startswith("_")
            if public and child.name not in taken_over:
                yield f"{node.name}.{child.name}", child


def modules_without_tests(root: Path) -> list[str]:
    package, tests = root / "dnn_xp", root / "tests"
    return [
        str(path.relative_to(package))
        for path in sorted(package.rglob("*.py"))
        if not path.stem.startswith("__")
        if not (tests / path.relative_to(package)).with_name(f"test_{path.name}").is_file()
    ]


def wrong_all(tree: ast.Module, package: Any) -> list[str]:
    """Compare ``__all__`` with the public names: those that are defined here or in the package.

    They may be loaded lazily.
    """
    public = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(package.__name__):
            public |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            public.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            public |= {target.id for target in targets if isinstance(target, ast.Name)}
    public = {name for name in public if not name.startswith("_") and name != "TYPE_CHECKING"}
    names = package.__all__
    return [f"{name} is not in it" for name in sorted(public - set(names))] + [
        f"{name} is nowhere" for name in names if not hasattr(package, name)
    ]


# ----------------------------------------------------------------------------- this house


def test_every_module_has_a_room():
    assert not unknown_rooms(ROOT), "give the module a room, and the room a floor in FLOORS"


def test_imports_run_downwards():
    assert not upward_imports(ROOT), "move the code down, or hand in what it needs"


def test_no_import_cycle():
    assert not import_cycle(ROOT), "these modules import each other in a circle: split one"


def test_only_backends_names_array_libraries():
    assert not library_names(ROOT), "put what is special about a library into backends/"


def test_numeric_modules_take_their_namespace_from_arguments():
    assert not numpy_in_numeric_modules(ROOT), "use namespace(X), not numpy"


def test_everything_public_has_a_docstring():
    assert not missing_docstrings(ROOT), "say in one sentence what it is, or make it private"


def test_every_module_has_its_tests():
    assert not modules_without_tests(ROOT), "add tests/<same path>/test_<module>.py"


@pytest.mark.parametrize(
    "name", [name for name in modules(ROOT) if (ROOT / name.replace(".", "/")).is_dir()]
)
def test_all_is_the_public_names(name):
    if name.startswith("dnn_xp.estimators"):
        pytest.importorskip("sklearn", reason="estimators need dnn-xp[sklearn]")
    wrong = wrong_all(modules(ROOT)[name], import_module(name))
    assert not wrong, "__all__ lists what the package is for, and no more"


# ----------------------------------------------------------------------------- the rules can fail


@pytest.fixture
def house(tmp_path):
    """Return a function that writes a module of a made-up dnn_xp and returns the root."""

    def write(path: str, text: str) -> Path:
        file = tmp_path / "dnn_xp" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("rule", "path", "text", "breach"),
    [
        (unknown_rooms, "utils.py", "", "utils"),
        (
            upward_imports,
            "network/a.py",
            "import dnn_xp.training.loop",
            "dnn_xp.training.loop",
        ),
        (
            upward_imports,
            "network/a.py",
            "from dnn_xp.training import train",
            "dnn_xp.training",
        ),
        (upward_imports, "network/a.py", "from dnn_xp import app", "dnn_xp"),
        (upward_imports, "layers/dense.py", "from dnn_xp.data import load", "dnn_xp.data"),
        (upward_imports, "files/sealing.py", "import dnn_xp.backends", "dnn_xp.backends"),
        (upward_imports, "models/h5.py", "def f():\n    from dnn_xp import xp", "dnn_xp"),
        (library_names, "network/a.py", "import torch.nn", "names torch"),
        (
            library_names,
            "network/a.py",
            "def f():\n    from array_api_compat import size",
            "compat",
        ),
        (library_names, "network/a.py", "import_module('jax.numpy')", "names jax"),
        (library_names, "training/a.py", "from mpi4py import MPI", "names mpi4py"),
        (numpy_in_numeric_modules, "training/loop.py", "import numpy", "training.loop"),
        (numpy_in_numeric_modules, "network/a.py", "from numpy import exp", "network"),
        (
            numpy_in_numeric_modules,
            "network/a.py",
            "import numpy as np\nx = np.exp(1)",
            "line 2",
        ),
        (numpy_in_numeric_modules, "layers/dense.py", "class A:\n def forward(X): np.exp(X)", "2"),
        (numpy_in_numeric_modules, "data/sources.py", "import numpy", "data.sources"),
        (
            missing_docstrings,
            "network/a.py",
            "'''Networks.'''\ndef predict(): ...",
            "predict",
        ),
        (
            missing_docstrings,
            "network/a.py",
            "'''N.'''\nclass A:\n '''A.'''\n def f(self): 1",
            "A.f",
        ),
        (missing_docstrings, "network/a.py", "", "dnn_xp.network.a"),
        (modules_without_tests, "training/loop.py", "", "loop.py"),
    ],
)
def test_a_breach_is_found(house, rule, path, text, breach):
    found = rule(house(path, text))
    assert len(found) == 1
    assert breach in found[0]


TAKEN_OVER = """'Layers.'
class Layer:
    'What every layer has.'
    def forward(self):
        'Return A.'
class Dense(Layer):
    'A dense layer.'
    def forward(self): ...
"""


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (upward_imports, "training/loop.py", "from dnn_xp.network import Network"),
        (upward_imports, "training/loop.py", "from dnn_xp.training import batches"),
        (upward_imports, "__init__.py", "from dnn_xp.models import h5"),
        (upward_imports, "app/cli.py", "import dnn_xp"),
        (library_names, "backends/moving.py", "import torch"),
        (library_names, "network/a.py", "'''Networks, on torch and jax.'''"),
        (numpy_in_numeric_modules, "training/batches.py", "import numpy"),
        (numpy_in_numeric_modules, "data/datasets.py", "import numpy"),
        (numpy_in_numeric_modules, "layers/base.py", "class A:\n def initialize(m): np.zeros(m)"),
        (missing_docstrings, "network/a.py", "'''Networks.'''\ndef _private(): ..."),
        (missing_docstrings, "layers/base.py", TAKEN_OVER),
        (modules_without_tests, "__main__.py", ""),
    ],
)
def test_what_is_allowed_is_no_breach(house, rule, path, text):
    assert rule(house(path, text)) == []


def test_a_cycle_is_found(house):
    house("training/loop.py", "from dnn_xp.training import batches")
    root = house("training/batches.py", "def f():\n    from dnn_xp.training.loop import train")
    assert import_cycle(root) != []


def test_a_wrong_all_is_found():
    tree = ast.parse(
        "from dnn_xp.models.h5 import load_model, there\n"
        "from dnn_xp.backends import Array\n"
        "__all__ = ['there', 'nowhere']\n"
        "_private = 1\n"
        "if TYPE_CHECKING:\n    from dnn_xp.layers import Dense\n"
    )
    package = SimpleNamespace(__name__="dnn_xp.models", __all__=["there", "nowhere"], there=1)
    assert wrong_all(tree, package) == ["load_model is not in it", "nowhere is nowhere"]
