"""Pictures with boxes for the subject detector: cut-out items, compositions of them on scenes, views of photographs.

Boxes are x0, y0, x1, y1 in 0..1 of the whole picture, squashed to a square.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from ocellus_training import views
from ocellus_training.settings import IMAGE_SIZE

MASK_SIDE = IMAGE_SIZE // 2
PLAIN_BORDER = 3  # pixels at the edge that must all look alike
PLAIN_SPREAD = 9.0  # standard deviation of the border's colours, of 255
LEAST_CONTRAST = 18.0
ITEM_AREA = (0.03, 0.9)
VISIBLE = 0.5  # share of a box that must stay in a view
SIZE = (IMAGE_SIZE, IMAGE_SIZE)
HAND_LABELLED = Path(__file__).resolve().parents[1] / "subjects" / "boxes.tsv"


@dataclass(frozen=True)
class Sample:
    pixels: np.ndarray  # uint8 [224, 224, 3]
    boxes: np.ndarray  # float32 [n, 4]; the subjects
    unsure: np.ndarray  # float32 [m, 4]; maybe subjects: nothing is learnt from them


def hand_labelled(path: Path = HAND_LABELLED) -> dict[str, np.ndarray]:
    """The main subject of held-out pictures, by member name; drawn by eye to about three hundredths."""
    with open(path, encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines, delimiter="\t")
        return {name: np.array(corners, np.float32) / 100 for name, *corners in rows}


# Items on plain ground


def item_mask(pixels: np.ndarray) -> np.ndarray | None:
    """What stands out from a plain background, bool [112, 112]; None where the background is not plain.

    Background is what reaches the border without leaving its colour; holes belong to the item.
    """
    values = np.asarray(Image.fromarray(pixels).reduce(2), np.float32)
    ring = np.ones(values.shape[:2], bool)
    ring[PLAIN_BORDER:-PLAIN_BORDER, PLAIN_BORDER:-PLAIN_BORDER] = False
    middle = np.median(values[ring], axis=0)
    if (np.abs(values[ring] - middle).max(1) < 3 * LEAST_CONTRAST).mean() < 0.75:
        return None
    y, x = np.mgrid[-1 : 1 : MASK_SIDE * 1j, -1 : 1 : MASK_SIDE * 1j]
    plane = np.stack([np.ones_like(x), x, y], 2).astype(np.float32)
    chosen = ring
    for _ in range(3):  # an item that touches the border must not tilt the plane
        fit, *_ = np.linalg.lstsq(plane[chosen], values[chosen], rcond=None)
        away = np.abs(values - plane @ fit).max(2)
        chosen = ring & (away < np.quantile(away[ring], 0.85) + 1)
    spread = float(away[chosen].mean())
    if spread > PLAIN_SPREAD or (away[ring] < LEAST_CONTRAST).mean() < 0.8:
        return None
    plain = away < max(LEAST_CONTRAST, 4 * spread)
    item = ~_connected(plain, ring & plain)
    item = np.asarray(Image.fromarray(item.astype(np.uint8) * 255).filter(ImageFilter.MedianFilter(3))) > 127
    return item if ITEM_AREA[0] < item.mean() < ITEM_AREA[1] else None


def _connected(passable: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """Everything of `passable` that four-neighbour steps reach from `seed`."""
    reached = seed
    while True:
        wider = reached.copy()
        wider[1:] |= reached[:-1]
        wider[:-1] |= reached[1:]
        wider[:, 1:] |= reached[:, :-1]
        wider[:, :-1] |= reached[:, 1:]
        wider &= passable
        if (wider == reached).all():
            return reached
        reached = wider


def mask_box(mask: np.ndarray, least: int = 2) -> np.ndarray:
    """The box around a mask, without rows and columns of fewer than `least` pixels."""
    rows, columns = (np.flatnonzero(mask.sum(axis) >= least) for axis in (1, 0))
    if not len(rows) or not len(columns):
        return np.array([0, 0, 1, 1], np.float32)
    height, width = mask.shape
    corners = [columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height]
    return np.array(corners, np.float32)


# Compositions


@dataclass(frozen=True)
class Item:
    picture: Image.Image  # RGB, any size
    mask: Image.Image | None  # L, of the same size: the item alone; None: the whole picture is pasted


def place(
    scene: Image.Image, item: Item, scale: float, rs: np.random.RandomState, turn: float = 0.0
) -> tuple[Image.Image, np.ndarray]:
    """Pastes an item so that its longer side takes `scale` of the scene's side; returns the picture and its box."""
    picture, mask = item.picture, item.mask
    if mask is not None:
        corners = mask_box(np.asarray(mask) > 127) * (picture.size * 2)
        picture, mask = picture.crop(tuple(corners.astype(int))), mask.crop(tuple(corners.astype(int)))
    else:
        mask = Image.new("L", picture.size, 255)
    if turn:
        picture = picture.rotate(turn, Image.Resampling.BICUBIC, expand=True)
        mask = mask.rotate(turn, Image.Resampling.BILINEAR, expand=True)
    side = scale * IMAGE_SIZE
    longest = max(picture.size)
    size = tuple(max(6, min(IMAGE_SIZE, round(side * s / longest))) for s in picture.size)
    picture, mask = picture.resize(size, Image.Resampling.BICUBIC), mask.resize(size, Image.Resampling.BILINEAR)
    left, top = (int(rs.randint(0, IMAGE_SIZE - s + 1)) for s in size)
    result = scene.copy()
    result.paste(picture, (left, top), mask)
    box = mask_box(np.asarray(mask) > 127, 1)
    return result, (box * (size * 2) + (left, top, left, top)).astype(np.float32) / IMAGE_SIZE


def ground(scene: Image.Image, rs: np.random.RandomState) -> Image.Image:
    """A scene as it is, a part of it, its blur, a part of it as a texture, or a plain colour."""
    kind = rs.rand()
    if kind < 0.35:
        return views.random_crop(scene, rs, 0.5)
    if kind < 0.6:
        return scene.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rs.rand() < 0.5 else scene
    if kind < 0.75:
        return scene.filter(ImageFilter.GaussianBlur(rs.uniform(1, 10)))
    if kind < 0.87:
        width = int(rs.randint(24, 90))
        x, y = rs.randint(0, IMAGE_SIZE - width, 2)
        return scene.resize(SIZE, Image.Resampling.BICUBIC, box=(x, y, x + width, y + width))
    slope = np.linspace(-1, 1, IMAGE_SIZE)[:, None, None] * rs.uniform(-40, 40)
    colour = rs.randint(0, 256, 3)[None, None] if rs.rand() < 0.6 else rs.randint(215, 256)
    noise = rs.randn(IMAGE_SIZE, IMAGE_SIZE, 1) * rs.uniform(0, 9)
    return Image.fromarray(np.clip(np.zeros((1, 1, 3)) + colour + slope + noise, 0, 255).astype(np.uint8))


def compose(scene: Image.Image, items: list[Item], rs: np.random.RandomState) -> Sample:
    """One to three items; a single one takes 14 to 100 % of the side, small ones more often."""
    picture = ground(scene, rs)
    boxes: list[np.ndarray] = []
    for position, item in enumerate(items):
        scale = np.exp(rs.uniform(np.log(0.14), 0)) if len(items) == 1 else rs.uniform(0.15, 0.55)
        shown = Item(views.recolour(item.picture, rs), item.mask) if rs.rand() < 0.7 else item
        if rs.rand() < 0.5:
            flip = Image.Transpose.FLIP_LEFT_RIGHT
            shown = Item(shown.picture.transpose(flip), shown.mask and shown.mask.transpose(flip))
        turn = rs.uniform(-40, 40) if rs.rand() < 0.35 else 0.0
        trial, box = place(picture, shown, scale, rs, turn)
        if position and any(_covered(other, box) > 0.3 for other in boxes):
            continue
        picture = trial
        boxes.append(box)
    return Sample(_finished(picture, rs), np.stack(boxes), np.zeros((0, 4), np.float32))


def _covered(box: np.ndarray, by: np.ndarray) -> float:
    """Share of `box` inside `by`."""
    both = np.clip(np.minimum(box[2:], by[2:]) - np.maximum(box[:2], by[:2]), 0, None).prod()
    return float(both / max((box[2:] - box[:2]).prod(), 1e-9))


def _finished(picture: Image.Image, rs: np.random.RandomState) -> np.ndarray:
    if rs.rand() < 0.5:
        picture = views.recolour(picture, rs)
    if rs.rand() < 0.35:
        picture = views.degrade(picture, rs)
    return np.asarray(picture)


# Photographs


def view(picture: Image.Image, boxes: np.ndarray, unsure: np.ndarray, rs: np.random.RandomState) -> Sample:
    """A random part of a photograph, maybe mirrored, with what is left of its boxes."""
    if rs.rand() < 0.3:
        part = np.array([0, 0, 1, 1], np.float32)
    else:
        size = np.clip(rs.uniform(0.45, 1) ** 0.5 * np.exp(rs.uniform(-0.15, 0.15, 2)), 0.3, 1)
        start = rs.uniform(0, 1 - size)
        part = np.concatenate([start, start + size]).astype(np.float32)
    pixels = tuple(float(v) * picture.size[0] for v in part)
    image = picture.resize(SIZE, Image.Resampling.BICUBIC, box=pixels)
    kept, doubtful = _inside(boxes, part)
    maybe, rest = _inside(unsure, part)
    maybe = np.concatenate([maybe, doubtful, rest])
    if rs.rand() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        kept, maybe = (np.stack([1 - b[:, 2], b[:, 1], 1 - b[:, 0], b[:, 3]], 1) for b in (kept, maybe))
    return Sample(_finished(image, rs), kept, maybe)


def _inside(boxes: np.ndarray, part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Boxes cut to `part` in its coordinates: those mostly visible, and the others of which something is left."""
    if not len(boxes):
        return boxes, boxes
    size = part[2:] - part[:2]
    moved = (boxes - np.tile(part[:2], 2)) / np.tile(size, 2)
    cut = np.clip(moved, 0, 1)
    area, whole = ((b[:, 2:] - b[:, :2]).prod(1) for b in (cut, moved))
    visible = area / np.maximum(whole, 1e-9)
    return cut[visible >= VISIBLE], cut[(visible > 0.05) & (visible < VISIBLE)]
