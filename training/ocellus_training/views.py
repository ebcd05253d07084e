"""Random views of a picture: a crop with colour changes, and the damage that pictures suffer on their way."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageEnhance

from ocellus_training.settings import IMAGE_SIZE

_SIZE = (IMAGE_SIZE, IMAGE_SIZE)
GREY = 0.12  # share of grey views


def random_crop(image: Image.Image, rs: np.random.RandomState, smallest: float = 0.35) -> Image.Image:
    """A random part of at least `smallest` of the area, maybe mirrored, squashed to the model's square."""
    side = image.size[0]
    area = rs.uniform(smallest, 1.0)
    aspect = np.exp(rs.uniform(-0.25, 0.25))
    width = min(side, side * (area * aspect) ** 0.5)
    height = min(side, side * (area / aspect) ** 0.5)
    left, top = rs.uniform(0, side - width), rs.uniform(0, side - height)
    view = image.resize(_SIZE, Image.Resampling.BICUBIC, box=(left, top, left + width, top + height))
    return view.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rs.rand() < 0.5 else view


def recolour(image: Image.Image, rs: np.random.RandomState) -> Image.Image:
    for enhancer in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = enhancer(image).enhance(rs.uniform(0.7, 1.3))
    return image


def degrade(image: Image.Image, rs: np.random.RandomState) -> Image.Image:
    """Shrinks and enlarges, and stores as JPEG now and then: the same picture from a worse source."""
    if rs.rand() < 0.7:
        side = int(rs.randint(64, 176))
        image = image.resize((side, side), Image.Resampling.BICUBIC).resize(_SIZE, Image.Resampling.BICUBIC)
    if rs.rand() < 0.5:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=int(rs.randint(35, 90)))
        image = Image.open(buffer).convert("RGB")
    return image


def training_view(image: Image.Image, rs: np.random.RandomState) -> Image.Image:
    view = random_crop(image, rs)
    return recolour(view, rs) if rs.rand() < 0.8 else view


def head_view(image: Image.Image, rs: np.random.RandomState, smallest: float) -> Image.Image:
    """What the heads see of a training picture: a crop, often recoloured, now and then grey or damaged."""
    if rs.rand() < GREY:
        image = image.convert("L").convert("RGB")
        view = random_crop(image, rs, 0.5) if rs.rand() < 0.6 else image.resize(_SIZE, Image.Resampling.BICUBIC)
    else:
        view = random_crop(image, rs, smallest)
        view = recolour(view, rs) if rs.rand() < 0.7 else view
    return degrade(view, rs) if rs.rand() < 0.3 else view
