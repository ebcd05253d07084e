"""Does a picture that was changed on its way still find itself first?"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageOps

from ocellus_training.data import prepare

ORIENTATION = 0x0112  # EXIF tag
TURNED_RIGHT = 6  # shown upright only after a quarter turn clockwise

EmbedPictures = Callable[[Sequence[np.ndarray]], np.ndarray]


def _stored(image: Image.Image, quality: int, orientation: int | None = None) -> Image.Image:
    exif = Image.Exif()
    if orientation is not None:
        exif[ORIENTATION] = orientation
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, exif=exif)
    return Image.open(buffer)


def _scaled(image: Image.Image, factor: float) -> Image.Image:
    width, height = image.size
    return image.resize((max(1, int(width * factor)), max(1, int(height * factor))), Image.Resampling.BICUBIC)


def _cropped(image: Image.Image, share: float) -> Image.Image:
    width, height = image.size
    cut_x, cut_y = int(width * share / 2), int(height * share / 2)
    return image.crop((cut_x, cut_y, width - cut_x, height - cut_y))


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG, quality 50": lambda image: _stored(image, 50).convert("RGB"),
    "half the size": lambda image: _scaled(image, 0.5),
    "twice the size": lambda image: _scaled(image, 2.0),
    "a tenth cropped away": lambda image: _cropped(image, 0.1),
    "grey": lambda image: ImageOps.grayscale(image).convert("RGB"),
    "mirrored": ImageOps.mirror,
    "turned by EXIF": lambda image: ImageOps.exif_transpose(
        _stored(image.transpose(Image.Transpose.ROTATE_90), 95, TURNED_RIGHT)
    ).convert("RGB"),
}


def own_nearest(originals: Sequence[Image.Image], gallery: np.ndarray, embed: EmbedPictures) -> dict[str, float]:
    """`gallery` starts with the vectors of `originals`. Share of changed ones whose own original is nearest."""
    result = {}
    for name, change in CHANGES.items():
        vectors = embed([prepare(change(image)) for image in originals])
        result[name] = float(((vectors @ gallery.T).argmax(1) == np.arange(len(originals))).mean())
    return result
