from __future__ import annotations

import numpy as np
import torch

from ocellus_training import train_words
from ocellus_training.features import WIDTH, Features, FeatureTower
from ocellus_training.last_stage import FIRST, MAP, FeaturesAndMap, LastStage
from ocellus_training.mobilenet import POOLED, MobileNetV2
from ocellus_training.settings import TEXT_DIM
from ocellus_training.towers import GRID, TextMap, WordsHead
from ocellus_training.train_words import Member, Recipe, WordsData

PICTURES = 12


def network() -> MobileNetV2:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    backbone = MobileNetV2().eval()
    for block in backbone.body[-2:]:  # as strong as a trained one's: what goes through is to be seen at the end
        for parameter in block.parameters():
            parameter.data.mul_(3.0)
    return backbone


def pictures() -> torch.Tensor:
    return torch.randint(0, 256, (PICTURES, 224, 224, 3), dtype=torch.uint8)


@torch.no_grad()
def test_the_map_leads_to_the_features() -> None:
    backbone, seen = network(), pictures()[:2]
    both = FeaturesAndMap(backbone)(seen)
    assert both.shape == (2, WIDTH + MAP)
    assert torch.allclose(both[:, :WIDTH], FeatureTower(backbone)(seen), atol=1e-5)
    pooled, summary = LastStage(backbone)(both[:, WIDTH:])  # its weights are rounded to 8 bits
    for ours, wanted in ((pooled, both[:, :POOLED]), (summary, both[:, POOLED : POOLED + GRID])):
        assert torch.nn.functional.cosine_similarity(ours, wanted).min() > 0.999


def words_data(values: np.ndarray) -> WordsData:
    """Four pictures with a class, the others with a caption; `values` are their features and maps."""
    known = Features(PICTURES)
    known.add(np.arange(PICTURES), values)
    rs = np.random.RandomState(0)
    names = np.linalg.qr(rs.randn(TEXT_DIM, 1000 % TEXT_DIM + 8).astype(np.float32))[0].T[:8]
    bank = np.concatenate([np.tile(names, (125, 1))])[None]
    told = np.linalg.qr(rs.randn(TEXT_DIM, PICTURES).astype(np.float32))[0].T.astype(np.float32)
    return WordsData(
        features=known.finish(),
        classified=values[:, :POOLED],
        class_rows=np.arange(4),
        class_sources=np.array(["caltech"] * 4),
        fine=np.arange(PICTURES),
        coarse=np.full(PICTURES, -1),
        bank=bank.astype(np.float32),
        imagenet=1000,
        caption_rows=np.arange(4, PICTURES),
        caption_share=np.full(PICTURES - 4, 1 / (PICTURES - 4)),
        captions={i: told[i : i + 1] for i in range(4, PICTURES)},
    )


def test_it_learns_with_a_head_and_ends_in_the_network() -> None:
    backbone = network()
    with torch.no_grad():
        values = FeaturesAndMap(backbone)(pictures()).numpy().astype(np.float32)
    data = words_data(values)
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    stage = LastStage(backbone)
    maps = torch.from_numpy(values[:, WIDTH:])
    member = Member(1, 6, 0.0, 1.0, 4, PICTURES, 1.0, 1.0)
    train_words.train(WordsHead(16), TextMap(torch.zeros(TEXT_DIM)), data, Recipe(warm_up=1), member, stage)
    with torch.no_grad():
        learned = stage(maps)[0]
    stage.put_into(backbone)
    changed = {name for name, value in backbone.state_dict().items() if not torch.equal(value, before[name])}
    first = f"body.{FIRST}."
    tuned = {name for name in before if name.startswith(("last.", first, f"body.{FIRST + 1}."))}
    assert changed == tuned, "the last stage, all of it and nothing else"
    with torch.no_grad():
        start = maps.view(-1, 160, 7, 7)
        again = backbone.last(backbone.body[FIRST:](start)).mean((2, 3))
    assert torch.allclose(again, learned, atol=1e-4)
