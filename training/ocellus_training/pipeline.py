"""The stages, in order. Each leaves its result in the work folder and is skipped when that is there."""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from ocellus_training import (
    calibrate,
    card,
    distil_text,
    distil_vision,
    distil_words,
    evaluate,
    export,
    extend_text,
    features,
    metrics,
    mobilenet,
    narrow,
    quality,
    sentence,
    split,
    text_looks,
    texts,
    towers,
    train_looks,
    train_words,
    vocabulary,
)
from ocellus_training import (
    corpus as corpora,
)
from ocellus_training.chinese import Phrases
from ocellus_training.corpus import Corpus
from ocellus_training.data import CAPTION_SOURCES, NAME_SOURCES, PixelCache, read_labels
from ocellus_training.features import WIDTH, Features, FeatureTower, Group
from ocellus_training.last_stage import FeaturesAndMap, LastStage
from ocellus_training.mobilenet import POOLED, MobileNetV2
from ocellus_training.sentence import SentenceEncoder
from ocellus_training.settings import SEED, TEXT_DIM, VISUAL_DIM, Paths, seed_everything
from ocellus_training.split import Role
from ocellus_training.towers import Heads, LooksHead, TextMap, TextTower, VisionTower, WordsHead
from ocellus_training.train_looks import LooksData
from ocellus_training.train_words import Member, Recipe, WordsData
from ocellus_training.vocabulary import Vocabulary

log = logging.getLogger(__name__)

VERSION = "1.4.0"
RUN = "run.json"  # in the work folder
SMALL_IN_DISTILLATION = 5000  # of the 64-pixel pictures
CALIBRATION_STEPS = 12  # of 64 texts each
MEASURED = 240  # pictures the distilled backbone is compared with its teacher on
SHARES = (0.35, 0.5, 0.65, 0.8)
NEARLY = 0.01  # of a mean average precision
LARGER_CLASSES = ("caltech", "clothing", "grocery")


class Pipeline:
    """`leave_out`: sources whose pictures and texts nothing is trained on (they are still measured on)."""

    def __init__(self, paths: Paths, leave_out: Collection[str] = ()):
        self.paths = paths
        self.begin()
        self.pictures = read_labels(paths.photos)
        self.role = split.roles(self.pictures)
        left_out = np.isin([p.source for p in self.pictures], list(leave_out))
        self.role[left_out & (self.role == Role.TRAIN)] = Role.DROPPED
        self.pixels = PixelCache(paths.work / "pixels", self.pictures)
        self.imagenet = texts.imagenet_names(paths.imagenet_labels)
        self.tokenizer_file = paths.work / "tokenizer.json"

    def begin(self) -> None:
        """Notes in a work folder without a stage's result what begins there: the card tells of it."""
        self.paths.work.mkdir(parents=True, exist_ok=True)
        if not (self.paths.work / "pixels").exists():
            run = {
                "date": date.today().isoformat(),
                "version": VERSION,
                "torch": str(torch.__version__),
                "device": str(torch.get_default_device()),
                "threads": torch.get_num_threads(),
            }
            (self.paths.work / RUN).write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")

    def run_facts(self) -> dict[str, Any] | None:
        """None: the work folder is older than this note."""
        file = self.paths.work / RUN
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None

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

    def distilled_encoder(self) -> SentenceEncoder:
        file = self.paths.work / "text_encoder.pt"
        if not file.exists():
            student = distil_text.distil(self.paths.minilm, self.distillation_texts())
            torch.save(student.state_dict(), file)
        return sentence.from_state(_load(file))

    def text_encoder(self) -> SentenceEncoder:
        """The encoder that ships: distilled, then taught the vocabulary of `self.tokenizer_file`."""
        file = self.paths.work / "text_extended.pt"
        if not file.exists():
            self.vocabulary.save(self.tokenizer_file)
            student = extend_text.train(
                extend_text.start(self.distilled_encoder(), self.vocabulary),
                sentence.load_tokenizer(self.tokenizer_file),
                sentence.load_teacher(self.paths.minilm),
                sentence.load_tokenizer(self.paths.minilm / "tokenizer.json"),
                self.lessons(),
                self.vocabulary.first_new_row,
            )
            torch.save(student.state_dict(), file)
        return sentence.from_state(_load(file))

    @cached_property
    def told_words(self) -> Counter[str]:
        """English words of training texts, names and definitions, with their counts."""
        clip_text = self.paths.clip_text
        every = [t for i in self.train_rows for t in self.pictures[i].texts]
        every += texts.definitions(clip_text) + texts.household_names(clip_text)
        every += [s for names in self.imagenet for s in names]
        return Counter(word for text in every for word in re.findall("[a-z]+", text.lower()))

    @cached_property
    def vocabulary(self) -> Vocabulary:
        old = json.loads((self.paths.minilm / "tokenizer.json").read_text(encoding="utf-8"))
        return vocabulary.extend(old, vocabulary.load_words(), self.told_words)

    def lessons(self) -> extend_text.Lessons:
        told, named = [], set(texts.household_names(self.paths.clip_text))
        for i in self.train_rows:
            picture = self.pictures[i]
            if picture.captioned or picture.source in NAME_SOURCES:
                told.extend(picture.texts)
            if not picture.captioned:
                named.update(picture.texts)
        named.update(s for names in self.imagenet for s in names)
        old = json.loads((self.paths.minilm / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
        kept = set(self.vocabulary.english)
        chinese = vocabulary.load_words()
        return extend_text.Lessons(
            captions=told,
            names=sorted(named),
            definitions=texts.definitions(self.paths.clip_text),
            pruned=[word for word in old if re.fullmatch("[a-z]+", word) and word not in kept],
            chinese=sorted(chinese.meanings.items()),
            phrases=Phrases(self.vocabulary.words, chinese.everyday),
        )

    def backbone(self) -> MobileNetV2:
        """The picture network as distilled: subjects are found by its beginning."""
        file = self.paths.work / "vision_backbone.pt"
        if not file.exists():
            student = distil_vision.distil(self.paths.mobilenet, self.pixels, self.distillation_pictures())
            torch.save(student.state_dict(), file)
        return _network(file)

    def distillation_pictures(self) -> np.ndarray:
        rs = seed_everything(3)
        small = self.pixels.small[self.train_rows]
        few = features.some(rs, self.train_rows[small], SMALL_IN_DISTILLATION)
        return np.concatenate([self.train_rows[~small], few])

    def tuned_backbone(self, recipe: Recipe) -> MobileNetV2:
        """The picture network whose last stage was tuned with a head."""
        file = self.paths.work / "vision_tuned.pt"
        if not file.exists():
            backbone = self.backbone()
            corpus = self.distilled_corpus()
            data = corpora.words_data(corpus)
            seed_everything(recipe.tuning.seed)
            words, text_map = self.new_head(corpus, recipe.hidden, recipe.tuning.dropout)
            train_words.train(words, text_map, data, recipe, recipe.members[0])
            stage = LastStage(backbone)
            train_words.train(words, text_map, data, replace(recipe, rate=recipe.tuning_rate), recipe.tuning, stage)
            stage.put_into(backbone)
            torch.save(backbone.state_dict(), file)
        return _network(file)

    def narrowed_backbone(self, recipe: Recipe) -> MobileNetV2:
        """The picture network that ships: the tuned one with fewer channels where it is widest."""
        file = self.paths.work / "vision_narrowed.pt"
        if not file.exists():
            teacher = self.tuned_backbone(recipe)
            seen = [Image.fromarray(self.pixels.pixels(int(i))) for i in self.calibration()]
            student = narrow.narrow(teacher, distil_vision.to_input(seen))
            distil_vision.teach(student, teacher, self.pixels, self.distillation_pictures(), narrow.LESSON)
            torch.save(student.state_dict(), file)
        return _network(file, narrow.WIDTHS)

    # Features and sentences

    def calibration(self) -> np.ndarray:
        return features.calibration_pictures(self.pixels, self.train_rows)

    def text_calibration(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Ids and mask of texts of every kind that the encoder has learned, one by one."""
        rs = np.random.RandomState(SEED)
        tokenizer = sentence.load_tokenizer(self.tokenizer_file)
        lessons = self.lessons()
        for _ in range(CALIBRATION_STEPS):
            for text, _ in lessons.step(rs):
                yield sentence.encode_batch(tokenizer, [text])

    def groups(self) -> list[Group]:
        sources = np.array([p.source for p in self.pictures])[self.train_rows]
        told = np.isin(sources, CAPTION_SOURCES + NAME_SOURCES)
        small = self.pixels.small[self.train_rows]
        return [
            Group("captioned", self.train_rows[told], 8, 0.45),  # a caption speaks of the whole picture
            Group("larger", self.train_rows[~told & ~small], 3, 0.35),
            Group("small", self.train_rows[small], 1, 0.35),
        ]

    def features(self, tower: FeatureTower, name: str) -> Features:
        """What `tower` makes of every picture and its views; `name` is that of the folder that keeps it."""
        folder = self.paths.work / name
        folder.mkdir(exist_ok=True)
        model = folder / "features.onnx"
        if not model.exists():
            features.export_features(tower, self.pixels, self.calibration(), folder)
        result = Features(len(self.pictures))
        rows = np.flatnonzero(self.role != Role.DROPPED)
        result.add(rows, features.extract(model, rows, self.pixels.pixels, folder / "plain.npy"))
        for group in self.groups():
            for view in range(1, group.views + 1):
                look = partial(features.varied, self.pixels, view, group.smallest)
                target = folder / f"{group.name}-{view}.npy"
                result.add(group.rows, features.extract(model, group.rows, look, target))
        return result.finish()

    def distilled_corpus(self) -> Corpus:
        """As the distilled network sees it, with the map that its last stage starts from."""
        return self.corpus(self.features(FeaturesAndMap(self.backbone()), "features-distilled"))

    def tuned_corpus(self, recipe: Recipe) -> Corpus:
        """The same pictures and texts, as the network that ships sees them."""
        found = self.features(FeatureTower(self.narrowed_backbone(recipe)), "features")
        return replace(self.distilled_corpus(), features=found)

    def corpus(self, found: Features) -> Corpus:
        pooled = np.zeros((len(self.pictures), POOLED), np.float16)
        pooled[found.plain >= 0] = found.values[found.plain[found.plain >= 0], :POOLED]
        role, dropped = corpora.drop_leaks(self.pictures, self.role, pooled)
        log.info("dropped from training: %s", dropped)
        wanted = corpora.wanted_texts(self.pictures, texts.build_bank(self.imagenet, self.pictures))
        bank = texts.build_bank(self.imagenet, self.pictures, role == Role.TRAIN)
        sentences = corpora.embed_all(
            self.text_encoder(), self.tokenizer_file, wanted, self.paths.work / "sentences.npy"
        )
        corpus = Corpus(
            self.pictures,
            role,
            found,
            found.values[:, :POOLED].copy(),
            self.imagenet,
            bank,
            sentences,
            np.zeros(TEXT_DIM, np.float32),
            dropped,
        )
        classes = [[sentences[t] for t in texts.templated(n, texts.TEMPLATES[:2])] for n in self.imagenet]
        corpus.mean = metrics.unit(np.stack([np.mean(c, 0) for c in classes])).mean(0).astype(np.float32)
        return corpus

    # Heads

    def new_head(self, corpus: Corpus, hidden: int, dropout: float) -> tuple[WordsHead, TextMap]:
        words = WordsHead(hidden, dropout)
        words.classifier.load_state_dict(self.backbone().classifier.state_dict())
        vectors = np.stack([corpus.concept(names) for names in self.imagenet])
        with torch.no_grad():
            words.class_vectors.copy_(torch.as_tensor(vectors))
        return words, TextMap(torch.as_tensor(corpus.mean))

    def member(self, corpus: Corpus, data: WordsData, recipe: Recipe, member: Member) -> tuple[WordsHead, TextMap]:
        file = self.paths.work / f"member-{member.seed}.pt"
        seed_everything(member.seed)
        words, text_map = self.new_head(corpus, recipe.hidden, member.dropout)
        if not file.exists():
            train_words.train(words, text_map, data, recipe, member)
            torch.save([words.state_dict(), text_map.state_dict()], file)
        for module, state in zip((words, text_map), _load(file)):
            module.load_state_dict(state)
            module.eval()
        return words, text_map

    def heads(self, corpus: Corpus, recipe: Recipe) -> Heads:
        file = self.paths.work / "heads.pt"
        if not file.exists():
            data = corpora.words_data(corpus)
            trained = [self.member(corpus, data, recipe, member) for member in recipe.members]
            text_map = towers.mean_map([m for _, m in trained])
            seed_everything(recipe.student.seed)
            words, _ = self.new_head(corpus, recipe.student.hidden, recipe.student.dropout)
            distil_words.distil(words, [w for w, _ in trained], text_map, data, recipe)
            looks = LooksHead()
            self.train_looks(corpus, looks)
            text_of_looks = TextMap(text_map.mean, VISUAL_DIM)
            text_looks.train(text_of_looks, looks, data, recipe)
            torch.save([m.state_dict() for m in Heads(words, text_map, looks, text_of_looks)], file)
        mean = torch.as_tensor(corpus.mean)
        heads = Heads(WordsHead(recipe.student.hidden, 0.0), TextMap(mean), LooksHead(), TextMap(mean, VISUAL_DIM))
        for module, state in zip(heads, _load(file)):
            module.load_state_dict(state)
            module.eval()
        return heads

    def train_looks(self, corpus: Corpus, looks: LooksHead) -> None:
        rows = self.train_rows[~self.pixels.small[self.train_rows]]
        folder = self.paths.work / "features"
        copies = Features(len(self.pictures))
        for name, change in features.COPIES.items():
            look = partial(features.copied, self.pixels, change)
            copies.add(rows, features.extract(folder / "features.onnx", rows, look, folder / f"{name}.npy"))
        sources = np.array([p.source for p in self.pictures])
        labels = np.array([str(p.cls) for p in self.pictures])
        train_looks.train(looks, LooksData(corpus.features, copies.finish(), sources, labels), corpus.train)

    # Measuring while training

    @torch.no_grad()
    def vectors(self, corpus: Corpus, rows: np.ndarray, heads: Heads, share: float) -> np.ndarray:
        tower = VisionTower(nn.Identity(), heads.words, heads.looks, share).eval()  # type: ignore[arg-type]
        parts = []
        for start in range(0, len(rows), 1024):
            x = torch.as_tensor(corpus.features.of(rows[start : start + 1024]))
            parts.append(tower.combine(x[:, :POOLED], x[:, POOLED:WIDTH]).numpy(force=True))
        return np.concatenate(parts)

    @torch.no_grad()
    def text_vectors(self, corpus: Corpus, told: Sequence[str], heads: Heads) -> np.ndarray:
        known = {text.lower(): vector for text, vector in corpus.sentences.items()}  # the tokenizer lowers them anyway
        tower = TextTower(nn.Identity(), heads.text_map, heads.text_looks)
        result: np.ndarray = tower.combine(torch.as_tensor(np.stack([known[t.lower()] for t in told]))).numpy(
            force=True
        )
        return result

    def evaluate_heads(
        self, corpus: Corpus, heads: Heads, share: float, test: Role = Role.VALIDATION
    ) -> dict[str, Any]:
        rows = np.flatnonzero(np.isin(corpus.role, (test, Role.UNSEEN)))
        vectors = self.vectors(corpus, rows, heads, share)

        def embed(told: Sequence[str]) -> np.ndarray:
            return self.text_vectors(corpus, told, heads)

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

    def choose_share(self, corpus: Corpus, heads: Heads) -> float:
        """The least weight of words in a picture's vector with which picture search on validation pictures is nearly at its
        best: looks are what tells a picture's own copies from others of its class."""
        means = {}
        for share in SHARES:
            result = self.evaluate_heads(corpus, heads, share)
            means[share] = float(np.mean([m["both"] for m in result["looks"].values()]))
        log.info("picture to picture by share of words: %s", means)
        return min(share for share, mean in means.items() if mean > max(means.values()) - NEARLY)

    def scores(self, corpus: Corpus, heads: Heads, share: float) -> dict[str, dict[str, float]]:
        """Calibration on validation pictures: of one class or not, told by the caption or name or not."""
        rows = np.flatnonzero(corpus.role == Role.VALIDATION)
        vectors = self.vectors(corpus, rows, heads, share)
        labels = np.array([f"{self.pictures[int(i)].source}/{self.pictures[int(i)].cls}" for i in rows])
        sources = np.array([self.pictures[int(i)].source for i in rows])
        one, other = np.triu_indices(len(rows), 1)
        classed = np.isin(sources, LARGER_CLASSES)
        cosines = (vectors @ vectors.T)[one, other]
        alike = (labels[one] == labels[other]) & classed[one]
        picture = calibrate.fit_through_itself(cosines[alike], cosines[labels[one] != labels[other]])
        told = [i for i, s in enumerate(sources) if s in (*CAPTION_SOURCES, *LARGER_CLASSES)]
        texts_of = self.text_vectors(corpus, [self.pictures[int(rows[i])].texts[0] for i in told], heads)
        against = texts_of @ vectors[told].T
        own = np.eye(len(told), dtype=bool)
        same_label = labels[told][:, None] == labels[told]
        return {
            "picture": picture.as_config(),
            "text": calibrate.fit(against[own], against[~same_label | (~own & ~classed[told])]).as_config(),
        }

    # The bundle

    def bundle(self, target: Path, recipe: Recipe) -> None:
        corpus = self.tuned_corpus(recipe)
        heads = self.heads(corpus, recipe)
        share = self.choose_share(corpus, heads)
        folder = self.paths.work / "export"
        folder.mkdir(exist_ok=True)
        scores = self.scores(corpus, heads, share)
        log.info("exporting with %g of words, scores %s", share, scores)
        vision = VisionTower(self.narrowed_backbone(recipe), heads.words, heads.looks, share)
        text = TextTower(self.text_encoder(), heads.text_map, heads.text_looks)
        export.export_pictures_to(vision, folder / "vision_float.onnx")
        export.export_text(text, folder / "text_float.onnx")
        export.quantise_vision(
            folder / "vision_float.onnx",
            folder / "vision.onnx",
            (self.pixels.pixels(int(i))[None] for i in self.calibration()),
        )
        export.quantise_text(folder / "text_float.onnx", folder / "text.onnx", self.text_calibration())

        def write(text_of_card: str) -> None:
            export.write_bundle(
                target,
                vision=folder / "vision.onnx",
                text=folder / "text.onnx",
                tokenizer=self.tokenizer_file,
                card=text_of_card,
                configuration=export.configuration(VERSION, share, scores),
            )

        write(card.PLACEHOLDER)
        log.info("bundle in place, measuring")
        facts = {
            "run": self.run_facts(),
            "recipe": asdict(recipe),
            "dropped": corpus.dropped,
            "roles": {r.name.lower(): int((corpus.role == r).sum()) for r in Role},
            "words_share": share,
            "scores": scores,
            "vocabulary": self.vocabulary_facts(),
            "distillation": self.distillation_facts(),
            "narrowed": self.narrowing_facts(recipe),
            "sentence": self.sentence_facts(),
        }
        rounded, vectors = quality.measure(self.paths, target)
        exact, float_vectors = quality.measure(
            self.paths, target, folder / "vision_float.onnx", folder / "text_float.onnx", full=False
        )
        facts["cosines"] = self.rounding_facts(target, folder, vectors, float_vectors)
        for name, content in (("facts", facts), ("quality", rounded), ("quality_float", exact)):
            (self.paths.work / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        write(card.write(VERSION, facts, rounded, exact))
        print(evaluate.table(rounded))

    def vocabulary_facts(self) -> dict[str, int]:
        english = set(self.vocabulary.english)
        meanings = self.vocabulary.words.values()
        return {
            "rows": len(self.vocabulary.starts),
            "tokens": len(self.vocabulary.rows),
            "english": len(english),
            "chinese": len(meanings),
            "shared": sum(meaning in english for meaning in meanings),
        }

    def distillation_facts(self) -> dict[str, Any]:
        """How far our backbone is its teacher, on held-out pictures."""
        file = self.paths.work / "distillation.json"
        if file.exists():
            return dict(json.loads(file.read_text(encoding="utf-8")))
        teacher = mobilenet.load_teacher(self.paths.mobilenet).to(memory_format=torch.channels_last)
        student = self.backbone()
        rows, tiny = self.measured_pictures()
        facts: dict[str, Any] = {
            "clean": distil_vision.agreement(student, teacher, self.pixels, rows, damaged=False),
            "damaged": distil_vision.agreement(student, teacher, self.pixels, rows, damaged=True),
            "damaged_teacher": distil_vision.agreement(teacher, teacher, self.pixels, rows, damaged=True),
        }
        row = {names[0]: i for i, names in enumerate(self.imagenet)}
        truth = np.array([row.get(self.pictures[int(i)].texts[0], -1) for i in tiny])
        for name, model in (("accuracy_teacher", teacher), ("accuracy", student)):
            facts[name] = distil_vision.accuracy(model, self.pixels, tiny[truth >= 0], truth[truth >= 0])
        facts["moved"] = _moved(student, teacher)
        file.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        return facts

    def measured_pictures(self) -> tuple[np.ndarray, np.ndarray]:
        """Test pictures of both kinds, and small ones alone."""
        test = np.flatnonzero(self.role == Role.TEST)
        small = self.pixels.small[test]
        return np.concatenate([test[~small][:MEASURED], test[small][: MEASURED // 2]]), test[small][:MEASURED]

    def narrowing_facts(self, recipe: Recipe) -> dict[str, float]:
        """How far the narrowed network is the one before."""
        rows, _ = self.measured_pictures()
        before, narrowed = self.tuned_backbone(recipe), self.narrowed_backbone(recipe)
        return distil_vision.agreement(narrowed, before, self.pixels, rows, damaged=False)

    def sentence_facts(self) -> dict[str, Any]:
        """How far our sentence encoder is MiniLM on held-out captions, each reading its own vocabulary."""
        captions = [p.texts[0] for p in self.pictures if p.captioned and self.role[p.index] == Role.TEST]
        ours, original = self.text_encoder(), sentence.load_teacher(self.paths.minilm)
        tokenizer = sentence.load_tokenizer(self.paths.minilm / "tokenizer.json")
        theirs = sentence.embed_texts(original, tokenizer, captions)
        vectors = sentence.embed_texts(ours, sentence.load_tokenizer(self.tokenizer_file), captions)
        return {
            "cosine": metrics.spread(metrics.cosines(vectors, theirs)),
            "moved": _moved(ours, extend_text.start(original, self.vocabulary)),
        }

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


def _load(file: Path) -> Any:
    return torch.load(file, map_location=torch.get_default_device())


def _network(file: Path, widths: Mapping[int, int] | None = None) -> MobileNetV2:
    model = MobileNetV2(widths)
    model.load_state_dict(_load(file))
    return model.eval().to(memory_format=torch.channels_last)


def _moved(student: nn.Module, teacher: nn.Module) -> dict[str, Any]:
    """Relative change of the tensor that moved least, of the middle one, and whether any stayed."""
    before = dict(teacher.named_parameters())
    changes = sorted(((p - before[name]).norm() / before[name].norm()).item() for name, p in student.named_parameters())
    return {"tensors": len(changes), "least": changes[0], "median": changes[len(changes) // 2]}
