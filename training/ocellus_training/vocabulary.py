"""The words the sentence encoder reads: MiniLM's, less those that pictures hardly need, and Chinese.

A Chinese word reads the row of what it means: that of the English word (狗 is dog), which costs no weights, or, where
the meaning takes several, one of its own, which starts as their mean. The tokenizer stays a WordPiece: with
`handle_chinese_chars` off, a run of characters is cut from the left into the longest words known, each of which stands
in the vocabulary with and without `##`.
"""

from __future__ import annotations

import copy
import itertools
import json
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

WORDS = Path(__file__).resolve().parents[1] / "words"
ALWAYS_A_WORD = 3  # characters; longer phrases are words only where shorter ones do not make them
LONGEST_WORD = 5
COMMON_RANK = 13_000  # MiniLM's ids are ordered by frequency: earlier ones are kept whatever they mean
SIGNS = frozenset("°£€½–—’“”…")
IDEOGRAPHS = re.compile("[一-鿿]+")
READ_AS_NOTHING = "."  # what a character that the list does not tell starts as


def read_pairs(name: str) -> list[tuple[str, str]]:
    """The rows of a file of two columns in `words/`."""
    rows = (line.split("\t") for line in (WORDS / name).read_text(encoding="utf-8").splitlines())
    return [(first, second) for first, second in rows]


@dataclass(frozen=True)
class WordList:
    """Chinese phrases with their English, and the characters that traditional writing has for simplified ones."""

    everyday: Mapping[str, str]  # the commonest words as captions mean them; they go before `phrases`
    phrases: Mapping[str, str]
    traditional: Mapping[str, str]  # to simplified

    @property
    def meanings(self) -> dict[str, str]:
        return {**self.phrases, **self.everyday}

    @property
    def english(self) -> set[str]:
        return {word for meaning in self.meanings.values() for word in re.findall("[a-z]+", meaning)}

    def words(self) -> dict[str, str]:
        """The phrases that are words of the vocabulary, with their meanings."""
        meanings = self.meanings
        joints = {phrase for phrase in self.everyday if len(phrase) == 1}
        parts = {phrase for phrase in meanings if len(phrase) > 1} | joints

        def is_word(phrase: str) -> bool:
            if not IDEOGRAPHS.fullmatch(phrase) or len(phrase) > LONGEST_WORD:
                return False
            return len(phrase) <= ALWAYS_A_WORD or not is_made_of(phrase, parts)

        return {phrase: meaning for phrase, meaning in meanings.items() if is_word(phrase)}

    def written_traditionally(self, phrase: str) -> list[str]:
        """The other ways to write a phrase."""
        ways: dict[str, str] = {c: c for c in phrase}
        for other, simplified in self.traditional.items():
            if simplified in ways:
                ways[simplified] += other
        every = ("".join(characters) for characters in itertools.product(*(ways[c] for c in phrase)))
        return [way for way in every if way != phrase]


def load_words() -> WordList:
    return WordList(
        dict(read_pairs("everyday.tsv")), dict(read_pairs("chinese.tsv")), dict(read_pairs("traditional.tsv"))
    )


def is_made_of(phrase: str, parts: Collection[str]) -> bool:
    """Whether a phrase can be cut into parts shorter than itself."""
    reached = [True]
    for end in range(1, len(phrase) + 1):
        reached.append(any(reached[s] and phrase[s:end] in parts for s in range(end) if end - s < len(phrase)))
    return reached[-1]


def common_characters() -> set[str]:
    """The characters of GB 2312 (simplified) and of the first level of Big5 (traditional)."""

    def decoded(encoding: str, first: range, second: Collection[int]) -> str:
        return "".join(bytes((a, b)).decode(encoding, "ignore") for a in first for b in second)

    simplified = decoded("gb2312", range(0xB0, 0xF8), range(0xA1, 0xFF))
    traditional = decoded("big5", range(0xA4, 0xC7), (*range(0x40, 0x7F), *range(0xA1, 0xFF)))
    return {c for c in simplified + traditional if IDEOGRAPHS.fullmatch(c)}


def english_words(vocabulary: Mapping[str, int], told: Collection[str]) -> list[str]:
    """What is kept of the old vocabulary, in its order: pieces, signs, short numbers, common words, and those that
    are told of pictures. Rare names go; they are then read in pieces."""

    def kept(token: str) -> bool:
        bare = token.removeprefix("##")
        if token.startswith("["):
            return not token.startswith("[unused")
        if re.fullmatch("[a-z]+", bare):
            piece = len(bare) == 1 or token != bare
            return piece or vocabulary[token] < COMMON_RANK or token in told
        if re.fullmatch("[0-9a-z.]+", bare) and re.search("[0-9]", bare):
            return len(bare) <= 3
        return len(bare) == 1 and (ord(bare) < 128 or token in SIGNS)

    return [token for token in vocabulary if kept(token)]


@dataclass
class Vocabulary:
    tokenizer: dict[str, Any]  # as in tokenizer.json
    rows: np.ndarray  # int32: the row of every token id
    starts: list[list[int]]  # per row: the rows of the old table whose mean it starts as
    english: list[str]
    words: dict[str, str]  # Chinese ones with their meanings

    @property
    def first_new_row(self) -> int:
        return len(self.english)

    def save(self, target: Path) -> None:
        """Writes tokenizer.json."""
        text = json.dumps(self.tokenizer, ensure_ascii=False, separators=(",", ":"))
        target.write_text(text, encoding="utf-8")


def extend(old: dict[str, Any], chinese: WordList, told: Counter[str]) -> Vocabulary:
    """`old` is MiniLM's tokenizer.json, `told` the English words of names, definitions and captions."""
    source: dict[str, int] = old["model"]["vocab"]
    english = english_words(source, told.keys() | chinese.english)
    words = chinese.words()
    starts = [[source[token]] for token in english]
    reader = Tokenizer.from_str(json.dumps(old))
    reader.no_truncation()
    reader.no_padding()

    def read(meaning: str) -> list[int]:
        return list(reader.encode(meaning, add_special_tokens=False).ids)

    row_of_meaning = {token: row for row, token in enumerate(english)}
    for meaning in words.values():
        if meaning not in row_of_meaning:
            row_of_meaning[meaning] = len(starts)
            starts.append(read(meaning))
    row_of = {word: row_of_meaning[meaning] for word, meaning in words.items()}

    # A character that is no word itself stands for the words that it is part of.
    parts: dict[str, list[int]] = {}
    for word, meaning in words.items():
        for character in dict.fromkeys(word):
            if character not in words:
                parts.setdefault(character, []).extend(read(meaning))
    nothing = len(starts)
    starts.append([source[READ_AS_NOTHING]])
    told_once = Counter(c for word in words for c in set(word))
    for character, meant in parts.items():
        if told_once[character] > 1:
            row_of[character] = len(starts)
            starts.append(meant)
    for word, row in list(row_of.items()):
        for way in chinese.written_traditionally(word):
            row_of.setdefault(way, row)
    for character in sorted(common_characters() | {c for phrase in chinese.meanings for c in phrase}):
        if IDEOGRAPHS.fullmatch(character):
            row_of.setdefault(character, nothing)

    ids = {token: row for row, token in enumerate(english)}
    rows = list(range(len(english)))
    for word, row in row_of.items():
        for prefix in ("", "##"):
            ids[prefix + word] = len(rows)
            rows.append(row)
    fresh = copy.deepcopy(old)
    fresh["model"]["vocab"] = ids
    fresh["normalizer"]["handle_chinese_chars"] = False
    fresh["truncation"] = fresh["padding"] = None
    for token in fresh["added_tokens"]:
        token["id"] = ids[token["content"]]
    for name, special in fresh["post_processor"]["special_tokens"].items():
        special["ids"] = [ids[name]]
    return Vocabulary(fresh, np.array(rows, np.int32), starts, english, words)
