"""Pictures: the order of pixels, orientation, transparency, depth, and what is no picture."""

import numpy as np
import pytest

from dnn_xp import backends
from dnn_xp.data import images
from dnn_xp.data.images import picture_suffixes, read_bytes, read_picture

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
