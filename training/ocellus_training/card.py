"""The model card, written from what was measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ocellus_training import distil_vision, evaluate, narrow
from ocellus_training.settings import DIMENSION, MAX_ASPECT, MAX_TOKENS, TEXT_DIM, VISUAL_DIM
from ocellus_training.towers import LOOKS_HIDDEN, TEXT_LOOKS_SHARE

PLACEHOLDER = "# ocellus-default\n\nNot measured yet.\n"

PUBLISHED = {0: 32, 1: 96, 2: 144, 3: 144}  # channels of MobileNetV2's first blocks


# What was measured of earlier versions, and what limits all of them.
KEPT = Path(__file__).parents[1] / "card"
SUBJECTS = "| subjects and items |"
LICENCES = "## Licences\n"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _precision_table(exact: dict[str, Any], rounded: dict[str, Any]) -> str:
    rows = [
        ("class words, first 10", lambda m: m["class_words"]["all classes, all test pictures"]["r10"]),
        ("class words, mAP", lambda m: m["class_words"]["all classes, all test pictures"]["map"]),
        ("captions, R@1 of 150", lambda m: m["captions"]["all"]["r1"]),
        ("captions, R@10 of 150", lambda m: m["captions"]["all"]["r10"]),
        ("own name first of 1,000", lambda m: m["imagenet_names"]["seen classes"]["r1"]),
        ("picture to picture, mean mAP", lambda m: sum(v["both"] for v in m["looks"].values()) / len(m["looks"])),
    ]
    lines = ["| | float | 8 bits |", "|---|---|---|"]
    lines += [f"| {name} | {_percent(read(exact))} | {_percent(read(rounded))} |" for name, read in rows]
    return "\n".join(lines)


def _several(measures: Mapping[str, Any], names: Sequence[str], measure: str) -> str:
    return " / ".join(evaluate.percent(measures[n][measure]) if n in measures else "–" for n in names)


_SOURCES = ("caltech", "clothing", "grocery", "tiny")
_OTHERS, _SMALL, _LARGE = (
    "all, with every other test picture",
    f"all, among {evaluate.SMALL}",
    f"all, among {evaluate.LARGE}",
)
_NEVER = "classes never trained on, all held-out pictures"
VERSIONS: tuple[tuple[str, Callable[[dict[str, Any]], str]], ...] = (
    ("captions, R@1 / R@10 of 150", lambda r: _recalls(r["captions"]["all"])),
    ("captions among every other test picture, R@1 / R@10", lambda r: _recalls(r["captions"][_OTHERS])),
    (
        "captions among 10,000 small, 6,580 larger pictures, R@10",
        lambda r: ", ".join(evaluate.percent(r["captions"][among]["r10"]) for among in (_SMALL, _LARGE)),
    ),
    (
        "class words, mAP: objects / garments / groceries / small",
        lambda r: _several(r["class_words"], _SOURCES, "map"),
    ),
    ("class words never trained on, mAP", lambda r: _several(r["class_words"], [_NEVER], "map")),
    (
        "picture to picture, mAP: objects / garments / groceries / small",
        lambda r: _several(r["looks"], _SOURCES, "both"),
    ),
    (
        "own name first of 1,000, seen / unseen classes",
        lambda r: _several(r["imagenet_names"], ("seen classes", "unseen classes"), "r1"),
    ),
    ("grey copies that find themselves", lambda r: evaluate.percent(r["robust"]["grey"])),
)


def _recalls(captions: Mapping[str, float]) -> str:
    return f"{evaluate.percent(captions['r1'])} / {evaluate.percent(captions['r10'])}"


def _versions(version: str, measured: dict[str, Any]) -> str:
    """This version beside those of card/versions.json, each with the cells of VERSIONS."""
    columns = json.loads((KEPT / "versions.json").read_text(encoding="utf-8"))
    columns[version] = [read(measured) for _, read in VERSIONS]
    lines = [f"| on the same split | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for row, (name, _) in enumerate(VERSIONS):
        lines.append(f"| {name} | {' | '.join(cells[row] for cells in columns.values())} |")
    return "\n".join(lines)


def with_subjects(card: str, table: str) -> str:
    """The card with this table of what subjects and items reach, in place of another if it has one."""
    if SUBJECTS in card:
        start = card.index(SUBJECTS)
        card = card[:start] + card[card.index(LICENCES) :]
    return card.replace(LICENCES, f"{table}\n\n{LICENCES}")


def _widths(widths: Mapping[int, int]) -> str:
    *first, last = widths.values()
    return f"{', '.join(map(str, first))} and {last}"


def _moved(m: dict[str, Any]) -> str:
    return f"all {m['tensors']}; {m['least']:.2g}, {m['median']:.2g}"


def _made(run: dict[str, Any] | None) -> str:
    if run is None:
        return "The stages that made the weights of this folder were not all of one run of `make train`."
    return (
        f"The weights of this folder come from one run of `make train`, begun with nothing on {run['date']} with the code of "
        f"{run['version']}: PyTorch {run['torch']}, {run['device']}, {run['threads']} threads, seeds as in the code."
    )


def write(version: str, facts: dict[str, Any], rounded: dict[str, Any], exact: dict[str, Any]) -> str:
    d = facts["distillation"]
    told = facts["sentence"]
    known = facts["vocabulary"]
    recipe = facts["recipe"]
    scores = facts["scores"]
    cosines = facts["cosines"]
    roles = facts["roles"]
    dropped = facts["dropped"]
    share = facts["words_share"]
    most = (share * (1 - TEXT_LOOKS_SHARE)) ** 0.5 + ((1 - share) * TEXT_LOOKS_SHARE) ** 0.5
    draws = rounded["captions"]["all"]
    words = rounded["class_words"]["all classes, all test pictures"]
    return f"""# ocellus-default {version}

Finds pictures by pictures and by words, English best, everyday Chinese too. Two small networks for a CPU, {DIMENSION} numbers per picture or
sentence, compared by cosine.

| file | input | output |
|---|---|---|
| `onnx/vision_model.onnx` | `pixel_values`, uint8 [n, 224, 224, 3], RGB | `embedding`, float [n, {DIMENSION}], length 1 |
| `onnx/text_model.onnx` | `input_ids`, `attention_mask`, int64 [n, length <= {MAX_TOKENS}] | `embedding`, float [n, {DIMENSION}], length 1 |

**Pictures**: apply the EXIF orientation, take the centred part that is at most {MAX_ASPECT} times as long as wide,
squash it to 224x224 (bicubic). Scaling of pixel values happens in the network.
A vector is [√{share:g} · words ({TEXT_DIM}) | √{1 - share:g} · looks ({VISUAL_DIM})], both parts of length 1 before weighting.

**Sentences**: WordPiece as in `tokenizer.json` (lower-cased, [CLS] and [SEP], at most {MAX_TOKENS} tokens). A vector is
[√{1 - TEXT_LOOKS_SHARE:g} · words | √{TEXT_LOOKS_SHARE:g} · looks]: what the sentence says, and a little of what pictures of it look like. So its cosine to a picture is at most
{most:.2f}. {known["tokens"]:,} tokens share {known["rows"]:,} rows:
{known["english"]:,} English ones; of {known["chinese"]:,} Chinese words, {known["shared"]:,} read the row of the English word they mean, the others rows of
their own. Runs of Chinese characters are cut into the longest words known (`handle_chinese_chars` is off).

**Scores**: `config.json` gives `scores.picture` and `scores.text`, for 1 / (1 + exp(-(slope · cosine + offset))) of a cosine of whole vectors.
Fitted on validation pictures, with pairs that belong together (same class; own caption or class name) and pairs that do not weighing
the same: 0.5 is as likely as not when both were drawn equally often. A picture with itself is 0.999. Picture: slope {scores["picture"]["slope"]:g},
offset {scores["picture"]["offset"]:g}; text: slope {scores["text"]["slope"]:g}, offset {scores["text"]["offset"]:g}.

Mean pooling, centring and all else happen in the network. Pad lengths to multiples of 8: padding changes nothing, and the
runtime keeps memory for every shape it sees. Nothing is quantised dynamically in the files. OpenVINO's CPU plugin quantises
activations of 8-bit linear layers by default on processors with VNNI (`DYNAMIC_QUANTIZATION_GROUP_SIZE`), and may compute in
bf16 (`INFERENCE_PRECISION_HINT`): {cosines["runtime"]} Nothing is left for it to quantise in the sentence network; in the picture network the heads are. Vectors do not depend on their neighbours in
a batch either way. Tables that more than one machine writes should set them to `0` and `f32`.

## How it was made

The picture network is a MobileNetV2 1.0/224 and the sentence network a six-layer MiniLM, each fine-tuned through every
layer, with its weights rounded to 8 bits while it learned, to give its published original's answers; half of the pictures
were damaged (shrunk, hard-compressed) for the student only. The sentence network was then taught its vocabulary: rare names were taken out of it,
Chinese put in, and 64 texts a step (clean, misspelt, Chinese of the list and composed of it) were held to what MiniLM says of
the clean English. The picture network's last stage (its last three blocks, all on the 7x7 map, and the last convolution) then learned together with
one of the heads below, {recipe["tuning"]["steps"]} steps of {recipe["tuning"]["class_batch"] + recipe["tuning"]["caption_batch"]} pictures, again with rounded weights. Its first four blocks
were then narrowed, from {_widths(PUBLISHED)} channels to {_widths(narrow.WIDTHS)}, what is left making up for what went, and all of it learned to answer as before,
{narrow.LESSON.steps} steps of {distil_vision.BATCH} pictures. On the frozen result were trained: {len(recipe["members"])} heads, each a mixture of 1,000 class vectors by the network's own class
probabilities plus one hidden layer of {recipe["hidden"]} on pooled features, a summary of the last 7x7 map and a count of colours (by class names and
captions), with a linear map of sentence vectors; then one head with a hidden layer of {recipe["student"]["hidden"]} that learned the mean of what they say, and the
mean of their maps; and a linear map with a hidden layer of {LOOKS_HIDDEN} for looks (by classes, and by a picture's own copies, grey or shrunk), and a
linear map of sentence vectors to them (by class names and captions). Every captioned picture was seen in
8 random views beside itself (crop, mirror, colours, damage, one in eight grey), every larger one of a class in 3, every small one in one.
Convolutions are static int8 (activations clipped at the 99.99th percentile, the first on the bytes of the picture), and so are the sentence network's linear
layers (each channel divided by a scale that its weights take over) but for the map at its end, which has 16 bits. Everything else has 8-bit weights and float
activations.

Training used {roles["train"]:,} pictures of at most 160 pixels: two fifths of tiny-imagenet-200 (64 pixels), Caltech-101, the clothing dataset,
GroceryStoreDataset, Flickr8k (five captions each), 2,000 of COCO (one caption each) and 1,000 product pictures. Chinese words and
phrases with their English are the project's own list (`training/words`).

{_made(facts["run"])}

## What it reaches

Measured by `make -C training quality` on the files of this folder and pictures that training never saw: a hash of the name
sets one picture in ten aside, and whole classes. {dropped["same caption"]} training pictures were dropped because a held-out picture has the same caption,
and {dropped["nearly the same picture"]} because it looks nearly the same. Class words are the bare class name, a hit means one picture of that class
among the first ten, and what stands behind ± is the standard error by queries. Captions: {draws["pool"]} pictures in the pool, 30 draws of 150 with one caption each, mean ± spread of the draws.

What the product aims at (on other pictures, so these goals are a direction, not a test that this table passes or fails):

{evaluate.goal_table(rounded)}

{evaluate.table(rounded)}

Distractors: 10,000 64-pixel pictures that took no part in training, and 6,580 larger ones that did, none of them captioned.

Headline: {_percent(words["r10"])} of class words find their class in the first ten; {_percent(draws["r1"])} (± {100 * draws["r1_sd"]:.1f}) of captions find their own picture first among 150.

| teacher and student | teacher's weights | ours |
|---|---|---|
| as distilled, before the last stage was tuned: pooled features, cosine to the teacher, clean held-out pictures | 1 | {d["clean"]["cosine"]:.4f} |
| narrowed, to the network before that: pooled features, cosine; same first class | 1 | {facts["narrowed"]["cosine"]:.4f}; {_percent(facts["narrowed"]["top1"])} |
| as distilled: same first class of 1,000, clean | 100 % | {_percent(d["clean"]["top1"])} |
| same first class, student sees a damaged copy | {_percent(d["damaged_teacher"]["top1"])} | {_percent(d["damaged"]["top1"])} |
| first class right, of 1,000, held-out 64-pixel pictures | {_percent(d["accuracy_teacher"])} | {_percent(d["accuracy"])} |
| sentence vectors, cosine to the teacher, held-out captions (least) | 1 | {told["cosine"][0]:.4f} ({told["cosine"][1]:.4f}) |
| tensors that training moved; relative change, least and median (picture) | – | {_moved(d["moved"])} |
| the same (sentence) | – | {_moved(told["moved"])} |

| 8 bits and float of the same network | mean cosine | least |
|---|---|---|
| picture, words part | {cosines["words"][0]:.4f} | {cosines["words"][1]:.4f} |
| picture, looks part | {cosines["looks"][0]:.4f} | {cosines["looks"][1]:.4f} |
| sentence | {cosines["text"][0]:.4f} | {cosines["text"][1]:.4f} |

{_precision_table(exact, rounded)}

{_versions(version, rounded)}

{(KEPT / "limits.md").read_text(encoding="utf-8")}
## Where it fails

- The bundle's figures are one seed.
- Captions: 8,500 captioned pictures are the limit, also with a last stage that learns with them.
- Household things outside ImageNet's 1,000 classes, small things in large scenes, colours and materials, text in pictures.
- The captions of training tell of people, dogs and streets; other everyday pictures are found less well than the table says.
- The held-out pictures come from the training sources. Small (64-pixel) pictures dominate the class words.
- Chinese is read word by word: word order and grammar are lost, and words outside the list are read by their characters.
- Counting, negation and who does what to whom are mostly lost.
- It is not made to recognise persons and must not be used to judge them; captions of the training sets carry their
  writers' habits of describing people.

## Subjects

`onnx/subject_model.onnx` finds what a picture shows, whatever it is: `pixel_values`, float [n, 3, 224, 224], the whole picture squashed (no crop), RGB,
v / 127.5 - 1; `boxes`, float [n, 196, 4], x0 y0 x1 y1 in 0..1 of the picture, and `scores`, float [n, 196], the chance that the box has an IoU above a half with
a subject. `subjects.json` says from which score on and how overlapping boxes are thinned out. It is the picture network's beginning (in the file that ships since 1.1.0: as distilled) and a head trained on
items pasted on scenes, on photographs with boxes of YOLOX-nano and NanoDet (Apache-2.0) taken as one kind, and on items on plain ground. What it reaches, and where it
fails: `docs/decisions/0011-subject-detector.md`; `make quality` measures it. No vector of a whole picture depends on it.

## Licences

The networks started from MobileNetV2 (Apache-2.0, Google) and all-MiniLM-L6-v2 (Apache-2.0, sentence-transformers);
`tokenizer.json` is the latter's with this project's own Chinese words. Training pictures came with terms of their own, some for research only; see NOTICE at
the top of the repository.
"""
