"""Damaged and hostile files without number, against every reader: ``nox -s fuzz``.

Each case is a small file that is whole, changed by a generator with a fixed seed, sealed again
where it is of a kind that is sealed, and read. A reader may read it or refuse it by the errors that
it documents. It must not raise another, take more than some seconds or some memory, or end the
process. What fails is kept in a folder, and said with the numbers by which it comes again.

    python -m tests.fuzz --minutes 1 --findings fuzz-findings
    python -m tests.fuzz --reader model --case 17          # one case, in this process
"""

import argparse
import io
import json
import os
import select
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from dnn_xp.data import Preprocessing, load_arrays, open_examples, read_picture
from dnn_xp.files.sealing import BLOCK, seal
from dnn_xp.layers import BatchNorm, Dense, Dropout
from dnn_xp.models import (
    CheckpointError,
    Model,
    ModelFileError,
    load_checkpoint,
    load_model,
    save_checkpoint,
    save_model,
)
from dnn_xp.network import Network
from dnn_xp.training import AnotherRunError, adam, train
from tests.strangers import HOSTILE

SEED = 20_260
SECONDS, MEGABYTES = 10.0, 700
"""What one small file may cost, of the processor and of memory: a large picture of one colour."""
PATIENCE = 60.0
"""Seconds after which a reader that says nothing is one that reads for ever."""

Generator = np.random.Generator
NETWORK = Network(
    6, (Dense(4, ("elu", 0.5)), BatchNorm(), Dropout(0.1), Dense(3)), "softmax_cross_entropy"
)


class Reader(NamedTuple):
    """A way in for files.

    Attributes
    ----------
    suffix : str
    seeds : callable
        Returns the files that are changed, as bytes.
    change : callable
        ``change(rng, content)`` is one of them changed.
    read : callable
        Reads the file of a path, and uses what it held.
    errors : tuple of type
        That it documents.
    """

    suffix: str
    seeds: Callable[[Path], list[bytes]]
    change: Callable[[Generator, bytes], bytes]
    read: Callable[[Path], object]
    errors: tuple[type[Exception], ...]


# ----------------------------------------------------------------------------- changes

NUMBERS = (0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**32 - 1)
NUMBERS += (2**40, 2**62, 2**63 - 1, 2**64 - 1)


def change_bytes(rng: Generator, content: bytes, least: int = 0) -> bytes:
    """Change a few places: bits, bytes, numbers, stretches, the end."""
    changed = bytearray(content)
    for _ in range(1 + rng.poisson(1.5)):
        if len(changed) - least < 16:
            break
        place, other = rng.integers(least, len(changed) - 8, 2).tolist()
        length = int(rng.integers(1, 64))
        what = rng.integers(8)
        if what == 0:
            changed[place] ^= 1 << int(rng.integers(8))
        elif what == 1:
            changed[place] = int(rng.integers(256))
        elif what == 2:
            number, size = NUMBERS[rng.integers(len(NUMBERS))], 2 ** int(rng.integers(4))
            changed[place : place + size] = (number % 256**size).to_bytes(size, "little")
        elif what == 3:
            changed[place : place + length] = rng.bytes(length)
        elif what == 4:
            changed[place : place + length] = changed[other : other + length]
        elif what == 5:  # an address that points elsewhere in the file
            changed[place : place + 8] = struct.pack("<Q", other - least)
        elif what == 6:
            changed[place : place + length] = bytes([int(rng.choice([0, 255]))]) * length
        elif rng.random() < 0.2:
            del changed[place:]
    return bytes(changed)


def change_sealed(kind: str) -> Callable[[Generator, bytes], bytes]:
    """Change bytes, or values by the names under which they are held, and seal again."""

    def change(rng: Generator, content: bytes) -> bytes:
        if rng.random() < 0.5:
            changed = change_bytes(rng, content, least=BLOCK)
        else:
            changed = change_hdf5(rng, content)
        return bytes(seal(io.BytesIO(changed), kind)) if len(changed) > BLOCK else changed

    return change


VALUES = (
    None, True, -1, 0, 1.5, 2**70, 1e308, float("nan"), "", "x", "Dense", [], [[]], {},
    {"kind": "Dense"},
)  # fmt: skip
ARRAYS = (
    np.float64(np.nan), np.zeros(3), np.zeros((2, 2)), np.int64(-1), np.bytes_("x"), np.empty(0),
    np.array([b"a", b"\xff"]), np.complex128(1j), np.void(b"abc"), np.float16(2), True,
)  # fmt: skip


def change_hdf5(rng: Generator, content: bytes) -> bytes:
    """Change a text of JSON at some depth, put something else for a data set, or link it wrong."""
    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r+") as file:
        names: list[str] = []
        file.visititems(lambda name, item: names.append(name))
        for _ in range(1 + rng.poisson(0.3)):
            # What was put there before may be in the way.
            with suppress(KeyError, OSError, RuntimeError, TypeError, ValueError):
                change_object(rng, file, names)
    return buffer.getvalue()


def change_object(rng: Generator, file: h5py.File, names: Sequence[str]) -> None:
    if rng.random() < 0.1:
        attribute = ("version", "image_shape", "pixel_max")[rng.integers(3)]
        file.attrs[attribute] = ARRAYS[rng.integers(len(ARRAYS))]
        return
    name = names[rng.integers(len(names))]
    held = file[name][()] if isinstance(file[name], h5py.Dataset) else None
    if isinstance(held, bytes) and held.startswith(b"{") and rng.random() < 0.9:
        value = np.bytes_(json.dumps(change_json(rng, json.loads(held))))
    else:
        value = another_object(rng, file, names)
    del file[name]
    if value is not None:
        file[name] = value


def another_object(rng: Generator, file: h5py.File, names: Sequence[str]) -> object:
    """Return something that a data set or a group may be replaced by, or None for nothing."""
    name = names[rng.integers(len(names))]
    choices = (
        lambda: None,
        lambda: ARRAYS[rng.integers(len(ARRAYS))],
        lambda: h5py.SoftLink(f"/{name}"),
        lambda: h5py.ExternalLink("/etc/passwd", "/"),
        lambda: file.get(name),
        lambda: np.array(["text of variable length"], dtype=h5py.string_dtype()),
        lambda: np.bytes_("[" * 10_000),
        lambda: h5py.Empty("f8"),
    )
    return choices[rng.integers(len(choices))]()


def change_json(rng: Generator, value: object) -> object:
    """Put something else for a value at some depth, or take it away."""
    if isinstance(value, dict | list) and value and rng.random() < 0.85:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = keys[rng.integers(len(keys))]
        if rng.random() < 0.1:
            return (
                [one for i, one in enumerate(value) if i != key]
                if isinstance(value, list)
                else {name: one for name, one in value.items() if name != key}
            )
        copy = value.copy()
        copy[key] = change_json(rng, value[key])
        return copy
    return VALUES[rng.integers(len(VALUES))]


def change_npz(rng: Generator, content: bytes) -> bytes:
    """Change the archive, or a member of it before it is packed."""
    if rng.random() < 0.4:
        return change_bytes(rng, content)
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            member = old.read(name)
            packing = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
            if rng.random() < 0.6:
                member = change_bytes(rng, member[:128]) + member[128:]
            new.writestr(zipfile.ZipInfo(name), member, packing[rng.choice(3, p=[0.45, 0.45, 0.1])])
    return buffer.getvalue()


def change_picture(rng: Generator, content: bytes) -> bytes:
    """Change bytes, and mostly make good the checksums of a PNG."""
    changed = change_bytes(rng, content)
    if not content.startswith(b"\x89PNG") or rng.random() < 0.2:
        return changed
    place, parts = 8, [changed[:8]]
    while place + 12 <= len(changed):
        (length,) = struct.unpack(">I", changed[place : place + 4])
        body = changed[place + 4 : place + 8 + length]
        parts.append(changed[place : place + 4] + body + struct.pack(">I", zlib.crc32(body)))
        place += 12 + length
    return b"".join(parts)


# ----------------------------------------------------------------------------- files that are whole

X = np.random.default_rng(0).normal(size=(6, 40))
Y = np.eye(3)[:, np.arange(40) % 3]
OPTIONS = {"optimizer": adam(0.01), "batch_size": 16}


def model_files(folder: Path) -> list[bytes]:
    path, found = folder / "seed.h5", []
    plain = Preprocessing(np.zeros((6, 1)), np.ones((6, 1)))
    about = {"seed": 0, "metrics": ["f1"], "fingerprint": 7}
    for shape, white in (((1, 2, 3), 255), (None, None)):
        theta = NETWORK.initialize(0)
        save_model(path, Model(NETWORK, theta, plain, ("a", "b", "c"), shape, white, about))
        found.append(path.read_bytes())
    return found


def checkpoint_files(folder: Path) -> list[bytes]:
    path = folder / "seed.checkpoint"
    run = train(NETWORK, X, Y, epochs=2, ema_decay=0.9, **OPTIONS)
    save_checkpoint(path, run.progress._replace(callbacks={"Notes": {"n": 1, "t": "x", "a": X}}))
    return [path.read_bytes()]


DATED = {"virtual", "virtual_of_a_pipe", "named_type"}
"""Kinds in which HDF5 notes the time, so that the same case would be another file."""


def hdf5_files(folder: Path) -> list[bytes]:
    found = []
    x, y = X.T, np.array([b"cat", b"dog"])[np.arange(40) % 2]
    for options in (
        {}, {"chunks": (8, 6)}, {"chunks": (8, 6), "compression": "gzip", "shuffle": True},
        {"chunks": (8, 6), "fletcher32": True, "maxshape": (None, 6)},
    ):  # fmt: skip
        for version in ("earliest", "latest"):
            buffer = io.BytesIO()
            with h5py.File(buffer, "w", libver=version) as file:
                file.create_dataset("x", data=x, **options)
                file["y"] = y
            found.append(buffer.getvalue())
    for name in sorted(HOSTILE.keys() - DATED):
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            file["y"] = y
            HOSTILE[name](file, "x")
        found.append(buffer.getvalue())
    return found


def npz_files(folder: Path) -> list[bytes]:
    found = []
    for save in (np.savez, np.savez_compressed):
        for y in (np.arange(40) % 2, np.array(["cat", "dog"])[np.arange(40) % 2], X[0]):
            buffer = io.BytesIO()
            save(buffer, x=X.T, y=y)
            found.append(buffer.getvalue())
    return found


def picture_files(folder: Path) -> list[bytes]:
    from PIL import Image, features

    noise = np.random.default_rng(0).integers(0, 256, (17, 23, 4), dtype=np.uint8)
    deep = noise.astype(np.uint16)[..., 0] * 257
    kinds = [
        ("PNG", noise, {}), ("PNG", noise[..., 0], {}), ("PNG", deep, {}),
        ("JPEG", noise[..., :3], {}), ("JPEG", noise[..., :3], {"progressive": True}),
        ("GIF", noise[..., 0], {}), ("BMP", noise[..., :3], {}), ("PPM", noise[..., :3], {}),
        ("PPM", deep, {}), ("TIFF", noise, {}), ("TIFF", deep, {}),
        ("TIFF", noise[..., :3], {"compression": "tiff_lzw"}), ("WEBP", noise, {}),
        ("JPEG2000", noise[..., :3], {}), ("AVIF", noise[..., :3], {}),
    ]  # fmt: skip
    if not features.check("avif"):
        kinds = [kind for kind in kinds if kind[0] != "AVIF"]
    found = []
    for kind, pixels, options in kinds:
        buffer = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, kind, **options)
        found.append(buffer.getvalue())
    return found


# ----------------------------------------------------------------------------- readers


def use_model(path: Path) -> None:
    model = load_model(path, backend="numpy")
    model.network.predict(model.theta, np.zeros((model.network.n_inputs, 2), model.theta.dtype))
    str(model.about.get("metrics", ()))


def use_checkpoint(path: Path) -> None:
    progress = load_checkpoint(path)
    train(NETWORK, X, Y, epochs=3, ema_decay=0.9, resume=progress, **OPTIONS)


def use_rows(path: Path) -> None:
    with open_examples(path, like=X) as rows:
        for start in range(0, min(rows.shape[1], 1000), 100):
            rows.read(slice(start, start + 100))


READERS = {
    "model": Reader(".h5", model_files, change_sealed("model"), use_model, (ModelFileError,)),
    "checkpoint": Reader(
        ".checkpoint",
        checkpoint_files,
        change_sealed("checkpoint"),
        use_checkpoint,
        (CheckpointError, AnotherRunError),  # the latter from train, which goes on from it
    ),
    "hdf5": Reader(".h5", hdf5_files, change_bytes, load_arrays, (ValueError,)),
    "rows": Reader(".h5", hdf5_files, change_bytes, use_rows, (ValueError,)),
    "npz": Reader(".npz", npz_files, change_npz, load_arrays, (ValueError,)),
    "picture": Reader(
        ".png",
        picture_files,
        change_picture,
        lambda path: read_picture(path, (8, 8, 3)),
        (ValueError,),
    ),
}


def run_case(reader: Reader, seeds: Sequence[bytes], path: Path, name: str, number: int) -> str:
    """Make and read one file; return what went wrong, or nothing."""
    rng = np.random.default_rng([SEED, *name.encode(), number])
    path.write_bytes(reader.change(rng, seeds[rng.integers(len(seeds))]))
    before, begun = peak_megabytes(), time.process_time()
    try:
        reader.read(path)
    except reader.errors:
        pass
    except Exception:
        return traceback.format_exc()
    if (seconds := time.process_time() - begun) > SECONDS:
        return f"took {seconds:.1f} s"
    if (grown := peak_megabytes() - before) > MEGABYTES:
        return f"took {grown:.0f} MB"
    return ""


def peak_megabytes() -> float:
    """Return the most memory that this process has ever had, where the system tells."""
    try:
        import resource
    except ImportError:
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# ----------------------------------------------------------------------------- the two processes


def work(name: str, start: int) -> None:
    """Run cases one after the other, and say before each which one, and after it how it went."""
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    reader = READERS[name]
    with tempfile.TemporaryDirectory() as folder:
        seeds = reader.seeds(Path(folder))
        path = Path(folder, f"case{reader.suffix}")
        print(json.dumps([]), flush=True)
        number = start
        while True:
            print(json.dumps([number]), flush=True)
            print(json.dumps([number, run_case(reader, seeds, path, name, number)]), flush=True)
            number += 1


def command(name: str, start: int) -> list[str]:
    return [sys.executable, "-m", "tests.fuzz", "--work", name, "--case", str(start)]


def watch(name: str, start: int, until: float) -> Iterator[tuple[int, str]]:
    """Yield each case that is done, and what went wrong with it, from a process of its own."""
    number = start
    # Libraries of pictures write to stderr what they think of each.
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "bufsize": 0}
    with subprocess.Popen(command(name, start), **pipes) as process:
        lines = Lines(process)
        try:
            lines.next(PATIENCE)  # it has made its files
            while time.monotonic() < until:
                line = lines.next(PATIENCE)
                if line is None:
                    yield number, f"still reading after {PATIENCE:.0f} s"
                    return
                if line == b"":
                    yield number, f"ended the process: {process.wait()}"
                    return
                answer = json.loads(line)
                number = answer[0]
                if len(answer) == 2:
                    yield number, answer[1]
        finally:
            process.kill()


class Lines:
    """Lines of a process, each waited for up to a time."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.pipe, self.held = process.stdout, b""

    def next(self, seconds: float) -> bytes | None:
        """Return the next line; b"" at the end, None where none has come in time."""
        until = time.monotonic() + seconds
        while b"\n" not in self.held:
            ready, _, _ = select.select([self.pipe], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                return None
            part = os.read(self.pipe.fileno(), 65_536)
            if not part:
                return b""
            self.held += part
        line, _, self.held = self.held.partition(b"\n")
        return line


def fuzz(names: Sequence[str], minutes: float, findings: Path) -> int:
    """Try each reader for its part of the time, and return how many cases failed."""
    failed = 0
    for name in names:
        begun, done = time.monotonic(), 0
        until = begun + 60 * minutes / len(names)
        while time.monotonic() < until:
            for number, problem in watch(name, done, until):
                done = number + 1
                if problem:
                    failed += 1
                    print(f"{name} {number}: {problem.strip().splitlines()[-1]}", flush=True)
                    keep(name, number, problem, findings)
        print(f"{name}: {done:,} files in {time.monotonic() - begun:.0f} s", flush=True)
    return failed


def keep(name: str, number: int, problem: str, findings: Path) -> None:
    """Write down a file that a reader did not stand, and what it did."""
    findings.mkdir(parents=True, exist_ok=True)
    reader = READERS[name]
    with tempfile.TemporaryDirectory() as folder:
        seeds = reader.seeds(Path(folder))
    rng = np.random.default_rng([SEED, *name.encode(), number])
    content = reader.change(rng, seeds[rng.integers(len(seeds))])
    (findings / f"{name}-{number}{reader.suffix}").write_bytes(content)
    (findings / f"{name}-{number}.txt").write_text(problem)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="fuzz")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--reader", choices=READERS, action="append")
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"))
    parser.add_argument("--case", type=int)
    parser.add_argument("--work", choices=READERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work, options.case)
    elif options.case is not None:
        (name,) = options.reader
        keep(name, options.case, "", options.findings)
        READERS[name].read(options.findings / f"{name}-{options.case}{READERS[name].suffix}")
    else:
        failed = fuzz(options.reader or list(READERS), options.minutes, options.findings)
        sys.exit(f"{failed} files failed: see {options.findings}" if failed else 0)


if __name__ == "__main__":
    main()
