from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image, ImageDraw

from ocellus_training import split, subject_data, subject_quality, subject_samples, subject_teachers, subjects
from ocellus_training.data import Picture, read_labels
from ocellus_training.mobilenet import MobileNetV2
from ocellus_training.settings import IMAGE_SIZE
from ocellus_training.split import Role
from ocellus_training.subject_data import Item, Sample
from ocellus_training.subject_teachers import Boxes
from ocellus_training.train_subjects import as_input, write


def on_plain(box: tuple[int, int, int, int], colour: str = "white") -> np.ndarray:
    picture = Image.new("RGB", (IMAGE_SIZE, IMAGE_SIZE), colour)
    ImageDraw.Draw(picture).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=(180, 20, 40))
    return np.asarray(picture)


def test_an_item_stands_out_of_plain_ground():
    mask = subject_data.item_mask(on_plain((40, 60, 120, 200)))
    assert mask is not None
    assert subject_data.mask_box(mask) * IMAGE_SIZE == pytest.approx([40, 60, 120, 200], abs=4)


def test_a_hole_belongs_to_the_item():
    pixels = on_plain((40, 60, 160, 200)).copy()
    pixels[100:140, 80:120] = 255
    mask = subject_data.item_mask(pixels)
    assert mask is not None and mask[60, 50]


def test_busy_ground_gives_no_item():
    noise = np.random.RandomState(0).randint(0, 256, (IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.uint8)
    assert subject_data.item_mask(noise) is None


def test_nothing_on_plain_ground_is_no_item():
    assert subject_data.item_mask(on_plain((9, 9, 10, 10))) is None


@pytest.mark.parametrize("turn", [0.0, 30.0])
def test_a_placed_item_is_where_its_box_says(turn: float):
    pixels = on_plain((40, 60, 120, 200))
    mask = Image.fromarray((pixels[..., 1] < 128).astype(np.uint8) * 255)
    scene = Image.new("RGB", (IMAGE_SIZE, IMAGE_SIZE), "black")
    item = Item(Image.fromarray(pixels), mask)
    made, box = subject_data.place(scene, item, 0.5, np.random.RandomState(3), turn)
    red = np.asarray(made)[..., 0] > 90
    assert subject_data.mask_box(red) == pytest.approx(box, abs=0.02)
    assert max(box[2:] - box[:2]) == pytest.approx(0.5, abs=0.03)


def test_a_view_moves_boxes_with_what_is_in_them():
    pixels = on_plain((70, 70, 150, 150))
    box = np.array([[70, 70, 150, 150]], np.float32) / IMAGE_SIZE
    for seed in range(12):
        made = subject_data.view(Image.fromarray(pixels), box, box[:0], np.random.RandomState(seed))
        if len(made.boxes):
            red = (made.pixels[..., 0].astype(int) - made.pixels[..., 1]) > 50
            assert subject_data.mask_box(red) == pytest.approx(made.boxes[0], abs=0.04)


def test_what_a_view_mostly_cuts_away_is_no_subject():
    part = np.array([0.0, 0.0, 0.5, 0.5], np.float32)
    kept, doubtful = subject_data._inside(np.array([[0.4, 0, 0.8, 0.5]], np.float32), part)
    assert len(kept) == 0 and doubtful[0] == pytest.approx([0.8, 0, 1, 1])


def test_suppression_keeps_the_best_of_those_that_overlap():
    boxes = np.array([[0, 0, 0.5, 0.5], [0.02, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]], np.float32)
    assert subject_teachers.suppress(boxes, np.array([0.5, 0.9, 0.7]), 0.5).tolist() == [1, 2]


def test_two_teachers_that_agree_are_surer():
    one = Boxes(np.array([[0, 0, 0.5, 0.5]], np.float32), np.array([0.5], np.float32))
    two = Boxes(np.array([[0, 0, 0.5, 0.54]], np.float32), np.array([0.5], np.float32))
    both = subject_teachers.merged([one, two])
    assert both.scores.tolist() == [0.75] and both.corners[0, 3] == pytest.approx(0.52)


def test_a_picture_of_one_thing_has_one_subject():
    found = Boxes(np.array([[0, 0, 0.5, 0.9], [0.6, 0.6, 0.9, 0.9]], np.float32), np.array([0.9, 0.8], np.float32))
    empty = Boxes(found.corners[:0], found.scores[:0])
    for source, count in (("caltech", 1), ("coco", 2)):
        lesson = subject_samples.lessons(Picture(0, 0, "", source, None, ()), [found, empty])
        assert lesson is not None and len(lesson[0]) == count


def test_targets_tell_subjects_from_maybes_and_padding():
    made = Sample(np.zeros(0), np.ones((2, 4), np.float32), np.ones((1, 4), np.float32))
    _, kinds = subject_samples.targets(made)
    assert kinds[:4].tolist() == [1, 1, 0, -1]


def test_the_loss_falls_when_the_right_box_scores_best():
    subject = torch.tensor([[[0.3, 0.3, 0.7, 0.8]]])
    kinds = torch.ones(1, 1, dtype=torch.int8)
    right = subject.expand(1, subjects.GRID**2, 4)
    wrong = torch.tensor([0.0, 0.0, 0.1, 0.1]).expand_as(right)
    high, low = torch.full((1, subjects.GRID**2), 3.0), torch.full((1, subjects.GRID**2), -3.0)
    good = subjects.loss(right, high, subject, kinds)
    assert good < subjects.loss(right, low, subject, kinds) < subjects.loss(wrong, high, subject, kinds)


def test_nothing_is_learnt_of_a_maybe():
    kinds = torch.zeros(1, 1, dtype=torch.int8)
    maybe = torch.tensor([[[0.0, 0.0, 1.0, 1.0]]])
    boxes = maybe.expand(1, subjects.GRID**2, 4)
    logits = torch.full((1, subjects.GRID**2), 4.0, requires_grad=True)
    subjects.loss(boxes, logits, maybe, kinds).backward()
    assert logits.grad is not None and not logits.grad.any()


def test_the_written_model_answers_as_the_network_and_picture_by_picture(tmp_path):
    torch.manual_seed(0)
    backbone, head = MobileNetV2().eval(), subjects.SubjectHead().eval()
    pictures = as_input(np.random.RandomState(0).randint(0, 256, (2, 224, 224, 3), dtype=np.uint8))
    write(backbone, head, tmp_path / "s.onnx", [p[None] for p in pictures])
    run = onnxruntime.InferenceSession(str(tmp_path / "s.onnx"))
    boxes, scores = run.run(["boxes", "scores"], {"pixel_values": pictures})
    with torch.no_grad():
        exact, chances = subjects.SubjectDetector(backbone, head)(torch.from_numpy(pictures))
    assert boxes.shape == (2, 196, 4) and scores.shape == (2, 196)
    assert np.abs(boxes - exact.numpy()).max() < 0.05 and np.abs(scores - chances.numpy()).max() < 0.05
    alone, _ = run.run(["boxes", "scores"], {"pixel_values": pictures[1:]})
    np.testing.assert_allclose(alone[0], boxes[1], atol=1e-5)


@pytest.mark.parametrize(
    ("picture", "box", "cut"),
    [  # as src/engine/item_cut_test.cc has them: left, top, width, height
        ((1, 1), (0, 0, 1, 1), (0, 0, 1, 1)),
        ((500, 1), (0, 0, 500, 1), (0, 0, 500, 1)),
        ((1, 500), (0, 17, 1, 300), (0, 17, 1, 300)),
        ((2000, 40), (0, 0, 2000, 3), (0, 0, 2000, 40)),
        ((300, 200), (10, 20, 50, 40), (10, 20, 50, 40)),
        ((300, 200), (299, 199, 1, 1), (299, 199, 1, 1)),
        ((300, 200), (50, 90, 200, 20), (50, 20, 200, 160)),
        ((300, 200), (90, 50, 20, 100), (60, 50, 80, 100)),
        ((300, 200), (50, 0, 200, 20), (50, 0, 200, 160)),
        ((300, 200), (50, 175, 200, 20), (50, 40, 200, 160)),
        ((300, 120), (0, 80, 300, 20), (0, 0, 300, 120)),
    ],
)
def test_items_are_cut_out_as_the_server_does_it(picture, box, cut):
    width, height = picture
    y, x = np.mgrid[:height, :width]
    places = Image.fromarray((y * width + x).astype(np.int32))
    left, top, wide, high = box
    corners = np.array([left, top, left + wide, top + high]) / (picture * 2)
    made = subject_quality.cut(places, corners)
    assert made.size == cut[2:] and made.getpixel((0, 0)) == cut[1] * width + cut[0]


def test_found_first_counts_own_vectors():
    gallery = np.eye(8, dtype=np.float32)
    assert subject_quality.found_first(gallery[::-1].copy(), gallery, 1) == 0
    assert subject_quality.found_first(gallery, gallery, 1) == 1


def test_labelled_boxes_are_boxes_of_held_out_pictures(paths):
    labelled = subject_data.hand_labelled()
    assert len(labelled) >= 120
    corners = np.stack(list(labelled.values()))
    assert (corners[:, :2] < corners[:, 2:]).all() and corners.min() >= 0 and corners.max() <= 1
    role = {p.file: split.role_of(p) for p in read_labels(paths.photos) if p.source == "tiny"}
    assert {role[name] for name in labelled} <= {Role.TEST, Role.UNSEEN}


def test_the_bundle_finds_a_thing_on_plain_ground(bundle):
    if not subject_quality.has_subjects(bundle):
        pytest.skip("the bundle has no subject model")
    runner = subject_quality.SubjectRunner(bundle)
    best = runner.best(Image.fromarray(on_plain((60, 40, 150, 190))))
    assert subject_quality.hit(best, np.array([60, 40, 150, 190], np.float32) / IMAGE_SIZE)
