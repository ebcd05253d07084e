from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from tokenizers import Tokenizer

from ocellus_training import extend_text, vocabulary
from ocellus_training.chinese import Phrases

CHINESE = vocabulary.WordList(
    everyday={"的": "of", "红": "red", "狗": "dog"},
    phrases={"汽车": "car", "手机": "cell phone", "移动电话": "cell phone", "红汽车的狗": "dog of the red car"},
    traditional={"車": "车", "紅": "红"},
)


def _old() -> dict:
    words = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "car", "cell", "phone", "red", "dog", "of"]
    words += ["zagreb", "##s", "##za", "z", "##a", "##g", "##r", "##e", "##b", "1987", "12", "漢"]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": i, "special": True, "content": words[i], "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False}
            for i in (0, 2, 3, 4, 5)
        ],
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                       "strip_accents": None, "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                       {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {t: {"id": t, "ids": [i], "tokens": [t]} for t, i in (("[CLS]", 3), ("[SEP]", 4))},
        },
        "decoder": None,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": {w: i for i, w in enumerate(words)}},
    }  # fmt: skip


@pytest.fixture
def extended(tmp_path, monkeypatch) -> tuple[vocabulary.Vocabulary, Tokenizer]:
    monkeypatch.setattr(vocabulary, "COMMON_RANK", 0)
    made = vocabulary.extend(_old(), CHINESE, Counter(["red", "dog", "cell", "phone"]))
    made.save(tmp_path / "tokenizer.json")
    return made, Tokenizer.from_file(str(tmp_path / "tokenizer.json"))


def _read(extended: tuple[vocabulary.Vocabulary, Tokenizer], text: str) -> list[str]:
    return [token.removeprefix("##") for token in extended[1].encode(text).tokens[1:-1]]


def test_a_phrase_that_shorter_words_make_is_no_word(extended) -> None:
    assert "红汽车的狗" not in extended[0].words
    assert _read(extended, "红汽车的狗") == ["红", "汽车", "的", "狗"]


@pytest.mark.parametrize(
    ("phrase", "made"), [("ab", True), ("abc", True), ("abab", True), ("abd", False), ("", True), ("c", False)]
)
def test_cutting_into_parts(phrase: str, made: bool) -> None:
    assert vocabulary.is_made_of(phrase, {"a", "b", "bc", "c", "abd"}) == made


def test_words_share_the_row_of_what_they_mean(extended) -> None:
    made, tokenizer = extended
    ids = tokenizer.encode("红汽车").ids
    assert [tokenizer.id_to_token(i) for i in ids] == ["[CLS]", "红", "##汽车", "[SEP]"]
    assert made.rows[ids].tolist() == made.rows[tokenizer.encode("red car").ids].tolist()
    assert made.rows[tokenizer.encode("手机").ids].tolist() == made.rows[tokenizer.encode("移动电话").ids].tolist()


def test_traditional_writing_reads_the_same_rows(extended) -> None:
    made, tokenizer = extended
    assert made.rows[tokenizer.encode("紅汽車").ids].tolist() == made.rows[tokenizer.encode("红汽车").ids].tolist()


def test_a_character_that_is_no_word_stands_for_the_words_it_is_in(extended) -> None:
    made, tokenizer = extended
    assert made.starts[made.rows[tokenizer.token_to_id("动")]] == [_old()["model"]["vocab"]["."]]  # in one word only
    assert "[UNK]" not in _read(extended, "蜈蚣爬")  # characters of no word at all


def test_new_rows_start_from_their_meaning(extended) -> None:
    made, tokenizer = extended
    old = _old()["model"]["vocab"]
    row = made.rows[tokenizer.token_to_id("手机")]
    assert row >= made.first_new_row
    assert made.starts[row] == [old["cell"], old["phone"]]
    assert made.rows.max() == len(made.starts) - 1


def test_rare_names_are_read_in_pieces(extended) -> None:
    made, tokenizer = extended
    assert "zagreb" not in made.english and "1987" not in made.english and "12" in made.english
    assert tokenizer.encode("zagreb").tokens[1:-1] == ["z", "##a", "##g", "##r", "##e", "##b"]
    assert tokenizer.encode("dog").tokens == ["[CLS]", "dog", "[SEP]"]


def test_misspelling_changes_a_long_word_only() -> None:
    rs = np.random.RandomState(0)
    wrong = [extend_text.misspell("a red bicycle", rs) for _ in range(50)]
    assert all(w.startswith("a red ") for w in wrong)
    assert len({w for w in wrong if w != "a red bicycle"}) > 20
    assert extend_text.misspell("a dog", rs) == "a dog"


def test_lessons_pair_what_is_read_with_english() -> None:
    phrases = Phrases({"苹果": "apple", "香蕉": "banana", "狗": "dog", "上面": "on"}, everyday=("上面",))
    material = extend_text.Lessons(["a red bicycle"], ["bicycle"], ["a thing"], ["zagreb"], [("猫", "cat")], phrases)
    pairs = material.step(np.random.RandomState(0))
    assert len(pairs) == extend_text.ENGLISH + extend_text.MISSPELT + extend_text.LISTED + extend_text.COMPOSED
    assert pairs.count(("猫", "cat")) == extend_text.LISTED
    assert all(english.isascii() for _, english in pairs)
    composed = [chinese for chinese, _ in pairs if not chinese.isascii() and chinese != "猫"]
    assert len(composed) == extend_text.COMPOSED
    assert not any("上面" in phrase for phrase in composed)


def test_the_list() -> None:
    """Every row is a phrase with its English; what is measured is never learned from."""
    chinese = vocabulary.load_words()
    for phrase, meaning in chinese.meanings.items():
        assert any(vocabulary.IDEOGRAPHS.fullmatch(c) for c in phrase), phrase
        assert meaning.isascii() and meaning.strip() == meaning != "", phrase
    assert all(len(a) == len(b) == 1 for a, b in vocabulary.read_pairs("traditional.tsv"))
    queries = dict(vocabulary.read_pairs("queries.tsv"))
    assert len(queries) == 80
    assert not queries.keys() & chinese.meanings.keys()
    assert not set(queries.values()) & set(chinese.meanings.values())
