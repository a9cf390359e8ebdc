"""Pictures: the order of pixels, orientation, transparency, depth, and what is no picture."""

import os
import struct
import subprocess
import threading
import tracemalloc
import zlib

import numpy as np
import pytest

from dnn_xp import backends
from dnn_xp.data import images
from dnn_xp.data.images import picture_suffixes, read_bytes, read_picture, read_pictures
from dnn_xp.data.picture_statistics import fit_ranges

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def saved(tmp_path):
    def save(pixels, name="picture.png", mode=None, **options):
        path = tmp_path / name
        image = Image.fromarray(np.asarray(pixels))
        (image.convert(mode) if mode else image).save(path, **options)
        return path

    return save


@pytest.fixture
def colours():
    """Return 2 x 3 pixels that are all different in all channels."""
    return np.arange(18, dtype=np.uint8).reshape(2, 3, 3) * 14


def test_pixels_come_in_the_order_of_training_data(saved, colours):
    pixels = read_picture(saved(colours), (2, 3, 3))
    assert pixels.dtype == np.float64
    assert pixels.tolist() == colours.reshape(-1).tolist()


def test_a_training_picture_comes_back_as_its_column(saved, cat_data):
    from dnn_xp.data.datasets import load_cats

    train, _ = load_cats(cat_data)
    path = saved(train.X[:, 2].reshape(train.image_shape))
    assert read_picture(path, train.image_shape).tolist() == train.X[:, 2].tolist()


def test_white_is_pixel_max(saved):
    path = saved(np.array([[0, 255]], dtype=np.uint8))
    assert read_picture(path, (1, 2, 1), pixel_max=16).tolist() == [0.0, 16.0]


def test_colour_becomes_grey_and_grey_becomes_colour(saved):
    grey = saved(np.full((2, 2), 90, dtype=np.uint8))
    assert read_bytes(grey, (2, 2, 3)).tolist() == np.full((2, 2, 3), 90).tolist()
    green = saved(np.full((1, 1, 3), [0, 255, 0], dtype=np.uint8))
    # ITU-R 601-2: 0.587 of green.
    assert read_bytes(green, (1, 1, 1)).tolist() == [[[150]]]


def test_the_picture_is_averaged_not_sampled(saved):
    stripes = np.tile(np.array([0, 255], dtype=np.uint8), (64, 32))
    small = read_bytes(saved(stripes), (8, 8, 1))
    # One pixel in eight would be all 0 or all 255; Lanczos may be off the mean by a level or two.
    assert np.abs(small[1:-1, 1:-1].astype(int) - 127).max() <= 2


def test_the_picture_is_squeezed_to_the_shape(saved):
    halves = np.zeros((10, 40), dtype=np.uint8)
    halves[:, 20:] = 255
    small = read_bytes(saved(halves), (2, 2, 1))[..., 0]
    assert (small[:, 0] < 30).all()
    assert (small[:, 1] > 225).all()


def test_the_orientation_of_the_camera_is_applied(saved, colours):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    turned = read_bytes(saved(colours, exif=exif), (3, 2, 3))
    assert turned.tolist() == np.rot90(colours, -1).tolist()


@pytest.mark.parametrize(
    ("name", "mode"), [("rgba.png", "RGBA"), ("la.png", "LA"), ("palette.gif", None)]
)
def test_the_transparent_is_white(saved, name, mode):
    clear_and_solid = np.array([[[10, 10, 10, 0], [10, 10, 10, 255]]], dtype=np.uint8)
    path = saved(clear_and_solid, name, mode)
    assert read_bytes(path, (1, 2, 1))[..., 0].tolist() == [[255, 10]]


def test_16_bits_are_scaled_not_cut_off(saved):
    path = saved(np.array([[0, 257 * 100, 65535]], dtype=np.uint16))
    assert read_bytes(path, (1, 3, 1))[..., 0].tolist() == [[0, 100, 255]]


def tiff(path, pixels, bits, interpretation=1, sample_format=1):
    """Write a grey TIFF by hand, of any depth: Pillow writes fewer kinds than it reads."""
    height, width = pixels.shape
    if bits == 12:  # two pixels in three bytes
        high, low = pixels[:, ::2].astype(int), pixels[:, 1::2].astype(int)
        parts = np.stack([high >> 4, (high & 15) << 4 | low >> 8, low & 255], axis=-1)
        data = parts.astype(np.uint8).tobytes()
    else:
        data = pixels.astype("<u2").tobytes()
    tags = [
        *((256, width), (257, height), (258, bits), (259, 1), (262, interpretation), (273, 8)),
        *((277, 1), (278, height), (279, len(data)), (339, sample_format)),
    ]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    head = struct.pack("<2sHI", b"II", 42, 8 + len(data))
    path.write_bytes(head + data + struct.pack("<H", len(tags)) + entries + bytes(4))
    return path


def test_12_bits_are_scaled(tmp_path):
    path = tiff(tmp_path / "scan.tif", np.array([[0, 4095], [2048, 100]]), 12)
    expected = np.round(np.array([[0, 4095], [2048, 100]]) / 4095 * 255)
    assert read_bytes(path, (2, 2, 1))[..., 0].tolist() == expected.tolist()


def test_16_bits_where_0_is_white_are_turned_over(tmp_path):
    path = tiff(tmp_path / "scan.tif", np.array([[0, 65535], [257, 257 * 100]]), 16, 0)
    assert read_bytes(path, (2, 2, 1))[..., 0].tolist() == [[255, 0], [254, 155]]


def test_16_bits_below_0_are_refused(tmp_path):
    path = tiff(tmp_path / "scan.tif", np.array([[0, 65535]]), 16, sample_format=2)
    with pytest.raises(ValueError, match="found pixels of 32 bits, whose white is unknown"):
        read_bytes(path, (1, 2, 1))


@pytest.mark.parametrize(
    ("white", "values", "expected"),
    [
        (65535, [0, 25700, 65535], [0, 100, 255]),
        (4095, [0, 1606, 4095], [0, 100, 255]),
        (1023, [0, 401, 1023], [0, 100, 255]),
    ],
)
def test_pgm_of_more_than_8_bits_is_scaled_by_its_own_white(tmp_path, white, values, expected):
    path = tmp_path / "grey.pgm"
    path.write_bytes(b"P5 3 1 %d\n" % white + struct.pack(">3H", *values))
    assert read_bytes(path, (1, 3, 1))[..., 0].tolist() == [expected]


def test_jpeg_2000_of_16_bits_is_scaled(saved):
    pixels = np.tile(np.array([[0, 257 * 100, 65535]], dtype=np.uint16), (3, 1))
    path = saved(pixels, "deep.jp2", irreversible=False)
    assert read_bytes(path, (3, 3, 1))[0, :, 0].tolist() == [0, 100, 255]


def test_a_jpeg_of_12_bits_is_named(saved, colours):
    path = saved(colours, "deep.jpg")
    content = path.read_bytes()
    place = content.index(b"\xff\xc0")
    path.write_bytes(content[: place + 4] + b"\x0c" + content[place + 5 :])
    with pytest.raises(ValueError, match=r"deep\.jpg: .*does not read, such as a JPEG of 12 bits"):
        read_bytes(path, (2, 3, 3))


def test_pixels_without_a_white_are_refused(saved):
    path = saved(np.zeros((2, 2), dtype=np.float32), "picture.tiff")
    with pytest.raises(ValueError, match=r"picture\.tiff: cannot be .*: found pixels of 32 bits"):
        read_bytes(path, (2, 2, 1))


def test_an_orientation_that_is_none_is_passed_over(saved, colours):
    exif = Image.Exif()
    exif[0x0112] = 99  # of which there are 8
    assert read_bytes(saved(colours, exif=exif), (2, 3, 3)).tolist() == colours.tolist()


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_named(tmp_path, content):
    path = tmp_path / "cat.png"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"cat\.png: cannot be read as a picture"):
        read_picture(path, (64, 64, 3))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".bmp"])
def test_a_truncated_picture_is_named(saved, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    path = saved(noise, f"cat{suffix}")
    whole = path.read_bytes()
    # The last bytes may be an end mark that a reader can do without.
    for length in range(0, len(whole) * 9 // 10, max(1, len(whole) // 60)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=rf"cat\{suffix}: cannot be read as a picture"):
            read_picture(path, (64, 64, 3))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "found none of .*; it is empty"),
        (b"<!doctype html><title>404</title>", "it seems to be a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull fetches"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EOF\n", "a PostScript program"),
        (b"\xc5\xd0\xd3\xc6" + bytes(40), "found none of"),  # EPS in its binary form
        (b"%PDF-1.7\n", "a PDF document"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"\x89HDF\r\n\x1a\n" + bytes(40), "an HDF5 file"),
        (b"\0\0\1\xb3\2\0\x10\x14" + bytes(40), "found none of"),  # MPEG
        (b"GRIB" + bytes(40), "found none of"),
        (b"\xd7\xcd\xc6\x9a" + bytes(40), "found none of"),  # WMF
        (b"SIMPLE  =                    T" + bytes(80), "found none of"),  # FITS
    ],
)
@pytest.mark.parametrize("name", ["cat.png", "cat.eps"])
def test_other_formats_are_not_handed_to_pillow(tmp_path, monkeypatch, content, said, name):
    """Whatever the file is called; no other program is run."""
    monkeypatch.setattr(subprocess, "Popen", None)
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=said) as error:
        read_picture(path, (8, 8, 3))
    assert "object at" not in str(error.value)
    assert "_io" not in str(error.value)


def png(path, width, height, mode=2):
    """Write a PNG of zeros without holding it: some kB of any size."""
    samples = {0: 1, 2: 3, 6: 4}[mode]
    packer = zlib.compressobj(9)
    rows = [packer.compress(bytes(1 + width * samples)) for _ in range(height)]
    parts = [b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, mode, 0, 0, 0)]
    parts += [b"IDAT" + b"".join(rows) + packer.flush(), b"IEND"]
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for part in parts:
            file.write(
                struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part))
            )
    return path


def test_the_bound_of_pixels_follows_from_the_size_wanted(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "_PIXELS", 1000)
    assert read_bytes(png(tmp_path / "a.png", 40, 25), (2, 2, 3)).max() == 0
    path = png(tmp_path / "b.png", 40, 26)
    with pytest.raises(ValueError, match=r"b\.png: .*found 40 x 26 pixels, expected at most 1,000"):
        read_bytes(path, (2, 2, 3))
    assert read_bytes(path, (8, 9, 3)).max() == 0  # 16 times 72 are more than 1,040


@pytest.mark.parametrize("mode", [0, 2, 6])
def test_a_picture_that_unfolds_to_a_hundred_megapixels_is_refused_before_it_does(tmp_path, mode):
    path = png(tmp_path / "bomb.png", 9300, 9300, mode)
    assert path.stat().st_size < 400_000
    with pytest.raises(ValueError, match=r"bomb\.png: .*found 9300 x 9300 pixels"):
        read_bytes(path, (8, 8, 1))


def test_a_file_that_is_larger_than_any_such_picture_is_not_read(tmp_path):
    path = png(tmp_path / "long.png", 2, 2)
    os.truncate(path, 2**40)
    with pytest.raises(ValueError, match=r"long\.png: found 1\.1 TB, expected at most"):
        read_bytes(path, (8, 8, 1))


def test_a_jpeg_of_scans_without_number_is_refused(saved, colours):
    path = saved(colours, "scans.jpg", progressive=True)
    content = path.read_bytes()
    scan = content[content.index(b"\xff\xda") : -2]
    path.write_bytes(content[:-2] + scan * 200 + content[-2:])
    with pytest.raises(ValueError, match=r"scans\.jpg: .*found a JPEG of more than 100 scans"):
        read_bytes(path, (2, 3, 3))


def test_the_transparent_is_laid_on_white_in_bands(saved, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (41, 7, 4), dtype=np.uint8)
    path = saved(pixels)
    whole = read_bytes(path, (41, 7, 3))
    plain = Image.alpha_composite(Image.new("RGBA", (7, 41), "white"), Image.fromarray(pixels))
    assert whole.tolist() == np.asarray(plain.convert("RGB")).tolist()
    in_bands = images._on_white(Image.fromarray(pixels), rows=5)
    assert np.asarray(in_bands).tolist() == np.asarray(plain).tolist()


def test_formats_that_this_pillow_lacks_are_left_out(monkeypatch, saved, colours):
    monkeypatch.delitem(Image.OPEN, "WEBP")
    monkeypatch.setattr(Image, "init", lambda: None)
    assert ".webp" not in picture_suffixes()
    assert read_bytes(saved(colours), (2, 3, 3)).tolist() == colours.tolist()


def test_picture_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png"):
        read_picture(tmp_path / "nowhere.png", (64, 64, 3))


@pytest.mark.parametrize("shape", [(8, 8, 4), (0, 8, 1), (8, 8, 2)])
def test_a_shape_that_is_none_is_refused(saved, colours, shape):
    with pytest.raises(ValueError, match=r"shape: found .*, expected \(height, width, 1 or 3\)"):
        read_picture(saved(colours), shape)


def test_without_pillow_the_extra_is_named(monkeypatch, saved, colours):
    path = saved(colours)
    monkeypatch.setitem(__import__("sys").modules, "PIL.Image", None)
    assert images.require is backends.require
    with pytest.raises(ImportError, match=r"dnn-xp\[app\]"):
        read_picture(path, (2, 3, 3))


def test_suffixes_are_those_of_pictures():
    assert {".png", ".jpg", ".jpeg", ".gif", ".webp"} <= picture_suffixes()
    assert not {".txt", ".npz", ".pdf", ""} & picture_suffixes()
    assert not {".eps", ".ps", ".h5", ".hdf", ".mpg", ".grib", ".bufr", ".wmf"} & picture_suffixes()


@pytest.fixture
def many(saved):
    """Return 40 pictures of several formats, each of which is unlike the others."""
    rng = np.random.default_rng(0)
    return [
        saved(rng.integers(0, 256, (9 + i, 30 - i % 7, 3), dtype=np.uint8), f"{i}.{suffix}")
        for i, suffix in zip(range(40), ["png", "jpg", "bmp", "gif", "tif"] * 8, strict=True)
    ]


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_read_ahead_and_come_in_their_order(many, channels):
    told = []
    pictures = read_pictures(many, (5, 4, channels), lambda *done: told.append(done))
    assert pictures.dtype == np.uint8
    assert pictures.tolist() == [read_bytes(path, (5, 4, channels)).tolist() for path in many]
    assert told == [(done, 40) for done in range(1, 41)]


def test_the_first_of_several_bad_pictures_is_named(many):
    for place in (3, 4, 30):
        many[place].write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"[/\\]3\.gif: cannot be read as a picture"):
        read_pictures(many, (5, 4, 3))


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupt_leaves_the_pictures_that_are_not_read_yet(many, monkeypatch, error):
    read, seen = images.read_bytes, []
    monkeypatch.setattr(
        images, "read_bytes", lambda path, shape: (seen.append(path), read(path, shape))[1]
    )

    def interrupt(done, total):
        raise error

    with pytest.raises(error):
        read_pictures(many, (5, 4, 3), interrupt)
    assert len(seen) < len(many)
    assert not [one for one in threading.enumerate() if one.name.startswith("dnn_xp picture")]


def test_no_more_is_in_memory_than_the_bytes_of_the_pictures(many):
    read_pictures(many[:1], (5, 4, 3))
    tracemalloc.start()
    pictures = read_pictures(many, (100, 100, 3))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Of those that are read ahead there are a few more.
    assert peak < pictures.nbytes + 12 * 30_000 + 300_000


def test_dark_becomes_light_where_it_is_asked_for(saved):
    path = saved(np.array([[0, 100, 255]], dtype=np.uint8))
    assert read_picture(path, (1, 3, 1), invert=True).tolist() == [255.0, 155.0, 0.0]
    clear = np.zeros((1, 1, 4), dtype=np.uint8)  # the transparent is white, and so black
    assert read_picture(saved(clear), (1, 1, 3), invert=True).tolist() == [0.0, 0.0, 0.0]


def test_a_drawing_is_read_as_it_would_be_among_the_training_pictures(saved):
    """A square of 20 pixels in a corner of the paper, where those of the training fill a half."""
    training = np.zeros((8, 8, 1), np.uint8)
    training[2:6, 2:6] = 255
    ranges = fit_ranges(training.reshape(-1, 1), (8, 8, 1), 255)
    paper = np.full((100, 100), 250, np.uint8)
    paper[5:25, 70:90] = 30
    found = read_bytes(saved(paper), (8, 8, 1), invert=True, crop_like=ranges)
    assert np.abs(found.astype(int) - training).max() <= 60  # of what rings at the borders
    with pytest.raises(ValueError, match=r"picture\.png: .*one colour"):
        read_bytes(saved(paper[:5]), (8, 8, 1), crop_like=ranges)
