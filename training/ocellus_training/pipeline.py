"""The stages, in order. Each leaves its result in the work folder and is skipped when that is there."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ocellus_training import (
    card,
    distil_text,
    distil_vision,
    evaluate,
    export,
    features,
    metrics,
    mobilenet,
    quality,
    sentence,
    split,
    texts,
    train_looks,
    train_words,
)
from ocellus_training import (
    corpus as corpora,
)
from ocellus_training.corpus import Corpus
from ocellus_training.data import NAME_SOURCES, PixelCache, read_labels
from ocellus_training.mobilenet import POOLED, MobileNetV2
from ocellus_training.sentence import SentenceEncoder
from ocellus_training.settings import TEXT_DIM, Paths, seed_everything
from ocellus_training.split import Role
from ocellus_training.towers import LooksHead, TextMap, TextTower, VisionTower, WordsHead
from ocellus_training.train_words import Recipe

log = logging.getLogger(__name__)

VERSION = "1.0.0"
SMALL_IN_DISTILLATION = 5000  # of the 64-pixel pictures
VIEWS = 2  # the picture itself, and a random view of the larger training pictures
MEASURED = 240  # pictures the distilled backbone is compared with its teacher on
SHARES = (0.35, 0.5, 0.65, 0.8)


class Pipeline:
    def __init__(self, paths: Paths):
        self.paths = paths
        paths.work.mkdir(parents=True, exist_ok=True)
        self.pictures = read_labels(paths.photos)
        self.role = split.roles(self.pictures)
        self.pixels = PixelCache(paths.work / "pixels", self.pictures)
        self.imagenet = texts.imagenet_names(paths.imagenet_labels)
        self.tokenizer_file = paths.minilm / "tokenizer.json"

    @property
    def train_rows(self) -> np.ndarray:
        return np.flatnonzero(self.role == Role.TRAIN)

    def decode(self) -> None:
        self.pixels.build(self.paths.photos, self.pictures)

    # Backbones

    def distillation_texts(self) -> list[str]:
        """Captions of training pictures, class names, and names and definitions of household things."""
        told = [
            t
            for i in self.train_rows
            for t in self.pictures[i].texts
            if self.pictures[i].captioned or self.pictures[i].source in NAME_SOURCES
        ]
        named = sorted({t for p in self.pictures if not p.captioned for t in p.texts})
        synonyms = [s for names in self.imagenet for s in names]
        household = texts.household_names(self.paths.clip_text)
        twice = texts.templated([*synonyms, *household], texts.TEMPLATES[:2])
        return told + named + 2 * twice + texts.definitions(self.paths.clip_text)

    def text_encoder(self) -> SentenceEncoder:
        file = self.paths.work / "text_encoder.pt"
        if not file.exists():
            student = distil_text.distil(self.paths.minilm, self.distillation_texts())
            torch.save(student.state_dict(), file)
        model = SentenceEncoder()
        model.load_state_dict(torch.load(file))
        return model.eval()

    def backbone(self) -> MobileNetV2:
        file = self.paths.work / "vision_backbone.pt"
        if not file.exists():
            rs = seed_everything(3)
            small = self.pixels.small[self.train_rows]
            pool = np.concatenate(
                [
                    self.train_rows[~small],
                    rs.choice(self.train_rows[small], SMALL_IN_DISTILLATION, False),
                ]
            )
            torch.save(distil_vision.distil(self.paths.mobilenet, self.pixels, pool).state_dict(), file)
        model = MobileNetV2()
        model.load_state_dict(torch.load(file))
        return model.eval().to(memory_format=torch.channels_last)

    # Features and sentences

    def calibration(self) -> np.ndarray:
        return features.calibration_pictures(self.pixels, self.train_rows)

    def features(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        folder = self.paths.work / "features"
        folder.mkdir(exist_ok=True)
        model = folder / "features.onnx"
        if not model.exists():
            features.export_features(self.backbone(), self.pixels, self.calibration(), folder)
        views, has = [], []
        for view in range(VIEWS):
            wanted = self.role != Role.DROPPED
            if view > 0:
                wanted = (self.role == Role.TRAIN) & ~self.pixels.small
            target = folder / f"view{view}.npy"
            features.extract(model, self.pixels, np.flatnonzero(wanted), view, target, len(self.pictures))
            views.append(np.load(target))
            has.append(wanted)
        return views, has

    def corpus(self) -> Corpus:
        views, has = self.features()
        pooled = np.asarray(views[0][:, :POOLED])
        role, dropped = corpora.drop_leaks(self.pictures, self.role, pooled)
        log.info("dropped from training: %s", dropped)
        wanted = corpora.wanted_texts(self.pictures, texts.build_bank(self.imagenet, self.pictures))
        bank = texts.build_bank(self.imagenet, self.pictures, role == Role.TRAIN)
        sentences = corpora.embed_all(
            self.text_encoder(), self.tokenizer_file, wanted, self.paths.work / "sentences.npy"
        )
        corpus = Corpus(
            self.pictures, role, views, has, self.imagenet, bank, sentences, np.zeros(TEXT_DIM, np.float32), dropped
        )
        classes = [[sentences[t] for t in texts.templated(n, texts.TEMPLATES[:2])] for n in self.imagenet]
        corpus.mean = metrics.unit(np.stack([np.mean(c, 0) for c in classes])).mean(0).astype(np.float32)
        return corpus

    # Heads

    def new_heads(self, corpus: Corpus, recipe: Recipe) -> tuple[WordsHead, TextMap]:
        seed_everything(recipe.seed)
        words = WordsHead(recipe.hidden, recipe.dropout)
        words.classifier.load_state_dict(self.backbone().classifier.state_dict())
        vectors = np.stack([corpus.concept(names) for names in self.imagenet])
        with torch.no_grad():
            words.class_vectors.copy_(torch.from_numpy(vectors))
        return words, TextMap(torch.from_numpy(corpus.mean))

    def heads(self, corpus: Corpus, recipe: Recipe) -> tuple[WordsHead, TextMap, LooksHead]:
        file = self.paths.work / "heads.pt"
        words, text_map = self.new_heads(corpus, recipe)
        looks = LooksHead()
        if not file.exists():
            check = lambda: self.summary(self.evaluate_heads(corpus, words, text_map, looks, 0.5))
            train_words.train(words, text_map, corpora.words_data(corpus), recipe, check)
            self.train_looks(corpus, looks)
            torch.save([m.state_dict() for m in (words, text_map, looks)], file)
        for module, state in zip((words, text_map, looks), torch.load(file)):
            module.load_state_dict(state)
        return words.eval(), text_map.eval(), looks.eval()

    def train_looks(self, corpus: Corpus, looks: LooksHead) -> None:
        sources = np.array([p.source for p in self.pictures])
        labels = np.array([str(p.cls) for p in self.pictures])
        plain, varied = (np.asarray(v[:, :POOLED]) for v in corpus.views[:2])
        data = train_looks.LooksData(plain, varied, corpus.has_view[1], sources, labels)
        train_looks.train(looks, data, corpus.train)

    # Measuring while training

    @torch.no_grad()
    def vectors(self, corpus: Corpus, rows: np.ndarray, words: WordsHead, looks: LooksHead, share: float) -> np.ndarray:
        tower = VisionTower(nn.Identity(), words, looks, share).eval()  # type: ignore[arg-type]
        parts = []
        for start in range(0, len(rows), 1024):
            x = torch.from_numpy(corpus.views[0][rows[start : start + 1024]].astype(np.float32))
            parts.append(tower.combine(x[:, :POOLED], x[:, POOLED:]).numpy())
        return np.concatenate(parts)

    def evaluate_heads(
        self,
        corpus: Corpus,
        words: WordsHead,
        text_map: TextMap,
        looks: LooksHead,
        share: float,
        test: Role = Role.VALIDATION,
    ) -> dict[str, Any]:
        rows = np.flatnonzero(np.isin(corpus.role, (test, Role.UNSEEN)))
        known = {text.lower(): vector for text, vector in corpus.sentences.items()}  # the tokenizer lowers them anyway

        @torch.no_grad()
        def embed(names: Sequence[str]) -> np.ndarray:
            return text_map(torch.from_numpy(np.stack([known[n.lower()] for n in names]))).numpy()

        vectors = self.vectors(corpus, rows, words, looks, share)
        return evaluate.evaluate(self.pictures, corpus.role, rows, vectors, embed, self.imagenet, test)

    @staticmethod
    def summary(result: dict[str, Any]) -> str:
        captions = result["captions"]["all"]
        words = result["class_words"]
        return " ".join(
            [
                f"captions {captions['r1']:.3f}/{captions['r5']:.3f}/{captions['r10']:.3f}",
                f"words r10 {words['all classes, all test pictures']['r10']:.3f}",
                "map " + " ".join(f"{s}:{words[s]['map']:.2f}" for s in ("tiny", "caltech", "clothing", "grocery")),
                f"unseen {words['classes never trained on, all held-out pictures']['map']:.3f}",
                "names " + " ".join(f"{m['r1']:.3f}" for m in result["imagenet_names"].values()),
                "looks " + " ".join(f"{m['both']:.3f}" for m in result["looks"].values()),
            ]
        )

    def choose_share(self, corpus: Corpus, words: WordsHead, text_map: TextMap, looks: LooksHead) -> float:
        """The weight of words in a picture's vector that serves picture search best on validation pictures."""
        means = {}
        for share in SHARES:
            result = self.evaluate_heads(corpus, words, text_map, looks, share)
            means[share] = float(np.mean([m["both"] for m in result["looks"].values()]))
        log.info("picture to picture by share of words: %s", means)
        return max(means, key=means.__getitem__)

    # The bundle

    def bundle(self, target: Path, recipe: Recipe) -> None:
        corpus = self.corpus()
        words, text_map, looks = self.heads(corpus, recipe)
        share = self.choose_share(corpus, words, text_map, looks)
        folder = self.paths.work / "export"
        folder.mkdir(exist_ok=True)
        log.info("exporting with %g of words", share)
        backbone = self.backbone()
        vision = VisionTower(backbone, words, looks, share)
        text = TextTower(self.text_encoder(), text_map)
        export.export_pictures_to(vision, folder / "vision_float.onnx")
        export.export_text(text, folder / "text_float.onnx")
        export.quantise_vision(
            folder / "vision_float.onnx",
            folder / "vision.onnx",
            (self.pixels.pixels(int(i))[None] for i in self.calibration()),
        )
        export.quantise_text(folder / "text_float.onnx", folder / "text.onnx")

        def write(text_of_card: str) -> None:
            export.write_bundle(
                target,
                vision=folder / "vision.onnx",
                text=folder / "text.onnx",
                tokenizer=self.tokenizer_file,
                card=text_of_card,
                version=VERSION,
                words_share=share,
            )

        write(card.PLACEHOLDER)
        log.info("bundle in place, measuring")
        facts = {
            "recipe": asdict(recipe),
            "dropped": corpus.dropped,
            "roles": {r.name.lower(): int((corpus.role == r).sum()) for r in Role},
            "words_share": share,
            "distillation": self.distillation_facts(),
        }
        rounded, vectors = quality.measure(self.paths, target)
        exact, float_vectors = quality.measure(
            self.paths, target, folder / "vision_float.onnx", folder / "text_float.onnx", (Role.TEST,)
        )
        facts["cosines"] = self.rounding_facts(target, folder, vectors, float_vectors)
        for name, content in (("facts", facts), ("quality", rounded), ("quality_float", exact)):
            (self.paths.work / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        write(card.write(VERSION, facts, rounded, exact))
        print(evaluate.table(rounded))

    def distillation_facts(self) -> dict[str, Any]:
        """How far our two networks are their teachers, on held-out pictures and captions."""
        file = self.paths.work / "distillation.json"
        if file.exists():
            return dict(json.loads(file.read_text(encoding="utf-8")))
        teacher = mobilenet.load_teacher(self.paths.mobilenet).to(memory_format=torch.channels_last)
        student = self.backbone()
        test = np.flatnonzero(self.role == Role.TEST)
        small = self.pixels.small[test]
        rows = np.concatenate([test[~small][:MEASURED], test[small][: MEASURED // 2]])
        facts: dict[str, Any] = {
            "clean": distil_vision.agreement(student, teacher, self.pixels, rows, damaged=False),
            "damaged": distil_vision.agreement(student, teacher, self.pixels, rows, damaged=True),
            "damaged_teacher": distil_vision.agreement(teacher, teacher, self.pixels, rows, damaged=True),
        }
        tiny = test[small][:MEASURED]
        row = {names[0]: i for i, names in enumerate(self.imagenet)}
        truth = np.array([row.get(self.pictures[int(i)].texts[0], -1) for i in tiny])
        for name, model in (("accuracy_teacher", teacher), ("accuracy", student)):
            facts[name] = distil_vision.accuracy(model, self.pixels, tiny[truth >= 0], truth[truth >= 0])
        captions = [self.pictures[int(i)].texts[0] for i in test if self.pictures[int(i)].captioned]
        tokenizer = sentence.load_tokenizer(self.tokenizer_file)
        ours = sentence.embed_texts(self.text_encoder(), tokenizer, captions)
        original = sentence.load_teacher(self.paths.minilm)
        theirs = sentence.embed_texts(original, tokenizer, captions)
        cosines = (ours * theirs).sum(1)
        facts["text_cosine"], facts["text_cosine_least"] = float(cosines.mean()), float(cosines.min())
        facts["moved"] = {"picture": _moved(student, teacher), "sentence": _moved(self.text_encoder(), original)}
        file.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        return facts

    def rounding_facts(
        self, bundle: Path, folder: Path, rounded_by: dict[int, np.ndarray], float_by: dict[int, np.ndarray]
    ) -> dict[str, Any]:
        """Cosines (mean, least) between the 8-bit and the float files, and what the runtime's shortcuts change."""
        captions = [p.texts[0] for p in self.pictures if p.captioned and self.role[p.index] == Role.TEST]
        rounded = quality.BundleRunner(bundle).texts(captions)
        exact = quality.BundleRunner(bundle, text=folder / "text_float.onnx").texts(captions)
        default = quality.BundleRunner(bundle, options={}).texts(captions)
        shortcut = metrics.cosines(default, rounded)
        both = sorted(rounded_by.keys() & float_by.keys())
        vectors, float_vectors = (np.stack([by[i] for i in both]) for by in (rounded_by, float_by))
        return {
            "words": metrics.spread(metrics.cosines(vectors[:, :TEXT_DIM], float_vectors[:, :TEXT_DIM])),
            "looks": metrics.spread(metrics.cosines(vectors[:, TEXT_DIM:], float_vectors[:, TEXT_DIM:])),
            "text": metrics.spread(metrics.cosines(rounded, exact)),
            "runtime": (
                f"with both left at their defaults, sentence vectors have a cosine of {shortcut.mean():.4f} "
                f"(least {shortcut.min():.4f}) to those without."
            ),
        }


def _moved(student: nn.Module, teacher: nn.Module) -> dict[str, Any]:
    """Relative change of the tensor that moved least, of the middle one, and whether any stayed."""
    before = dict(teacher.named_parameters())
    changes = sorted(((p - before[name]).norm() / before[name].norm()).item() for name, p in student.named_parameters())
    return {"tensors": len(changes), "least": changes[0], "median": changes[len(changes) // 2]}
