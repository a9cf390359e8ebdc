"""What does a folder of pictures cost, from its files to the bytes that a network is fed from?

    python -m benchmarks.pictures [N]

N JPEGs of each size (3,000 unless told), of a camera's quality, in two classes, are made first.
Told are the seconds of the processor and of the clock that `load_picture_folder` takes, beside
those that Pillow alone takes to decode and squeeze them, one after the other: no reader that gives
the same pixels takes less.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.harness import keep
from dnn_xp.data import load_picture_folder

SIZES = ((100, 100), (200, 150), (256, 256), (640, 480))
WANTED = (64, 64)


def make(folder: Path, n: int, width: int, height: int) -> list[Path]:
    """Write pictures that are smooth with some grain, as photographs are."""
    rng, paths = np.random.default_rng(0), []
    for i in range(n):
        path = folder / "ab"[i % 2] / f"{i}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = rng.integers(0, 256, (height // 16 + 1, width // 16 + 1, 3), dtype=np.uint8)
        smooth = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        grain = rng.integers(-6, 7, (height, width, 1))
        pixels = np.clip(np.asarray(smooth) + grain, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(path, quality=85)
        paths.append(path)
    return paths


def with_pillow_alone(paths: list[Path]) -> None:
    for path in paths:
        with Image.open(path) as image:
            image.resize(WANTED[::-1], Image.Resampling.LANCZOS)


def seconds(program: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds of the processor, threads included, and of the clock."""
    began = time.process_time(), time.perf_counter()
    program()
    return time.process_time() - began[0], time.perf_counter() - began[1]


def main() -> None:
    n, rows = int(sys.argv[1]) if len(sys.argv) > 1 else 3000, []
    for width, height in SIZES:
        with tempfile.TemporaryDirectory() as name:
            paths = make(Path(name), n, width, height)
            dataset = load_picture_folder(name, WANTED)
            assert dataset.X.dtype == np.uint8
            assert dataset.X.shape[1] == n
            ours = seconds(partial(load_picture_folder, name, WANTED))
            pillow = seconds(partial(with_pillow_alone, paths))
        rows.append(
            {
                "pictures": f"{n} JPEGs of {width} x {height}",
                "processor s": ours[0],
                "s": ours[1],
                "Pillow alone, processor s": pillow[0],
                "Pillow alone, s": pillow[1],
            }
        )
    keep("pictures", rows)


if __name__ == "__main__":
    main()
