#!/usr/bin/env python3
"""Writes tokenizer_cases.jsonl: texts and the ids that the reference tokenizers give them.

    python -m venv venv && venv/bin/pip install tokenizers transformers
    venv/bin/python make_tokenizer_cases.py --wordpiece ../../../models/default/tokenizer.json \
        --clip ../../../../shared/data/tokenizers/clip

WordPiece is the file as `tokenizers` reads it, CLIP is transformers' CLIPTokenizer from vocab.json
and merges.txt. Each line is [text, wordpiece, clip]. A text is a string, {"repeat": s, "times": n}, or
{"characters": [first, last], "group": n}: these code points, surrogates left out, n at a time as
"a" + characters + "b ".
Ids are a list, or [count, first 16 digits of the SHA-256 of the ids as little-endian 32-bit numbers] as
an object where there are more than 40. The same texts come out of every run.
"""
import argparse
import hashlib
import json
import random
import struct
from pathlib import Path

from tokenizers import Tokenizer
from transformers import CLIPTokenizer

WORDS = """a the of in on with and red blue green yellow black white wooden old small dog cat puppy horse bird
car bicycle airplane boat train person man woman child people beach mountain street kitchen table chair mug cup
bottle laptop phone keyboard guitar piano pizza sandwich apple banana strawberry sneakers dress shirt jacket
photograph photo picture painting drawing close-up running sitting standing playing holding eating sunset snow
unbelievable internationalization antidisestablishmentarianism don't it's we're they've I'm you'll he'd O'Neill
naïve café résumé Zürich Ångström façade jalapeño coöperate fiancée smörgåsbord ﬁne Ⅷ ½ ℃ № ™""".split()
OTHER = """собака на пляже;красная машина;σκύλος στην παραλία;ΟΔΥΣΣΕΥΣ;כלב על החוף;كلب على الشاطئ;कुत्ता समुद्र तट पर;
สุนัขบนชายหาด;海滩上的狗;赤い車;빨간 자동차;ΐ ΰ;İstanbul ıI;Straße GROẞ;Ǆ ǅ ǆ;ﷺ;クリームパン;がぎぐ;ｶﾞ;한국어;ㄱㅏ;ᄀ​ᅡ;𠀋𠮷;㐀;豈更車;〇〆;
𝒜𝓑𝔠;ᾳ ᾼ;Ω Ω;Å Å;é é;ộ ộ;ẛ̣;a̴̵̶b;नमस्ते;ক্ষ;தமிழ்;မြန်မာ;ខ្មែរ;བོད་ཡིག;ᠮᠣᠩᠭᠣᠯ;ᏣᎳᎩ;ꭰ;ⴰⵎⴰⵣⵉⵖ;𐐀𐐨;𞤀𞤢;ꙮ""".replace("\n", "").split(";")
CHINESE = "骑自行车的女孩;紅色的汽車;一只狗在草地上奔跑;男士红色T恤;蜈蚣;犇羴鱻;狗,猫和鸟;iPhone手机壳;3只小猫;日落🌅海滩;你好 世界;杯子 mug".split(";")
EMOJI = ["👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇯🇵", "👍🏽", "❤️", "☺️", "1️⃣", "🧑🏿‍🚀", "🐶", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🫠", "🪿", "©️", "㊗️"]
SIGNS = list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") + ["...", "--", "''", "?!", "“”", "‘s", "’s", "—", "–", "…", "«»", "、", "。", "「」", "！", "¿", "¡", "·", "§", "¶", "†", "€", "£", "¥", "¬", "±", "×", "÷", "°", "←", "∑", "√", "■", "★", "♪", "🅰"]
SPACES = [" ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u2003", "\u2028", "\u3000", "\u200b", "\u200d", "\ufeff", "\u0085", "\x0b", "\x0c", "\x1c", "\x1f", "\u1680", "\u180e", "\u202f", "\u2060"]
CONTROLS = ["\x00", "\x01", "\x07", "\x08", "\x1b", "\x7f", "\x80", "\x9f", "\u00ad", "\u200e", "\u202e", "\ufffd", "\ufffe", "\uffff", "\ue000", "\U0010ffff", "\U000e0001", "\u061c", "\ufff9", "\u0600"]
MARKS = [chr(c) for c in (*range(0x300, 0x316), 0x327, 0x328, 0x345, 0x483, 0x5B0, 0x64B, 0x670, 0x93C, 0x94D, 0xE31, 0x1DC0, 0x20D0, 0x20E3, 0x3099, 0x309A, 0xFE0F, 0xFE20, 0x1D165, 0x1E8D0)]
TOKENS = ["[CLS]", "[SEP]", "[UNK]", "[PAD]", "[MASK]", "[cls]", "<|startoftext|>", "<|endoftext|>", "<|STARTOFTEXT|>", "<|EndOfText|>", "</w>", "##ing", "<|", "|>"]


def random_text(rng):
    kind = rng.randrange(9)
    if kind == 0:  # what people type
        return " ".join(rng.choices(WORDS, k=rng.randint(1, 9)))
    if kind == 1:  # the same with signs and capitals
        words = [rng.choice((str, str.upper, str.title))(w) for w in rng.choices(WORDS, k=rng.randint(1, 6))]
        return "".join(w + rng.choice(SIGNS + [" "] * 30) for w in words)
    if kind == 2:
        return rng.choice(SPACES).join(rng.choices(OTHER + EMOJI, k=rng.randint(1, 3)))
    if kind == 3:  # letters and marks
        return "".join(rng.choice("aeiounzAEK가がΩд") + "".join(rng.choices(MARKS, k=rng.randint(0, 3))) for _ in range(rng.randint(1, 8)))
    if kind == 4:  # a bit of everything
        pool = rng.choices(WORDS, k=4) + rng.choices(SIGNS, k=3) + rng.choices(SPACES, k=3) + rng.choices(CONTROLS, k=2) + rng.choices(EMOJI + OTHER, k=2)
        rng.shuffle(pool)
        return "".join(pool[:rng.randint(2, 12)])
    if kind == 5:  # any assigned-looking characters
        return "".join(chr(rng.choice((rng.randrange(0x20, 0x250), rng.randrange(0x250, 0x3000), rng.randrange(0x3000, 0xD800), rng.randrange(0xF900, 0x12000), rng.randrange(0x1F000, 0x1FB00)))) for _ in range(rng.randint(1, 9)))
    if kind == 6:  # numbers, codes, addresses
        return rng.choice(("{}.{}", "{}-{}", "IMG_{}_{}.JPG", "https://example.com/{}?q={}", "{}x{}cm", "№{}/{}", "1e{}+{}", "a{}b{}c", "${},{}", "@{}#{}")).format(rng.randrange(10**6), rng.randrange(1000))
    if kind == 7:
        parts = rng.choices(TOKENS, k=rng.randint(1, 3)) + rng.choices(WORDS + SPACES + SIGNS, k=rng.randint(1, 4))
        rng.shuffle(parts)
        return "".join(parts)
    letters = "".join(rng.choices("etaoinshrdlucmfwypvbgkjqxzETAOIN'", k=rng.randint(1, 60)))  # no words at all
    return letters


def texts():
    yield from ["", " ", "\x00", "'", "''", "'s", "'S", "a's", "'LL", "don't", "Ünï", "a b", "a\u0301", "\u0301", "\u0301a"]
    yield from WORDS + OTHER + CHINESE + EMOJI + SIGNS + SPACES + CONTROLS + MARKS + TOKENS
    yield from ("a" + s + "b" for s in SIGNS + SPACES + CONTROLS + MARKS + EMOJI)
    rng = random.Random(20250321)
    for _ in range(1700):
        yield random_text(rng)
    for length in (99, 100, 101, 200):  # WordPiece's limit of a word, in characters
        yield "x" * length
        yield "é" * length
        yield "x" * (length - 1) + "\u0301" + "y"
    for text, times in (("a", 5000), ("ab", 20000), ("dog ", 5000), ("é", 3000), ("🐶", 2000), ("犬", 3000), ("!", 5000),
                        ("the cat's 12 hats. ", 500), ("\u0301", 2000), (" ", 5000), ("\x00", 5000), ("[SEP]", 300),
                        ("<|endoftext|>", 300), ("abcdefghijklmnopqrstuvwxyz", 400)):
        yield {"repeat": text, "times": times}
    for first in range(0, 0x20000, 256):
        yield {"characters": [first, first + 255], "group": 1}
    for first in range(0x20000, 0x110000, 4096):  # of one kind over long stretches
        yield {"characters": [first, first + 4095], "group": 32}


def expand(text):
    if isinstance(text, str):
        return text
    if "repeat" in text:
        return text["repeat"] * text["times"]
    first, last = text["characters"]
    characters = [chr(c) for c in range(first, last + 1) if not 0xD800 <= c < 0xE000]
    group = text["group"]
    return "".join(f"a{''.join(characters[at:at + group])}b " for at in range(0, len(characters), group))


def compact(ids):
    if len(ids) <= 40:
        return ids
    digest = hashlib.sha256(struct.pack(f"<{len(ids)}i", *ids)).hexdigest()
    return {"count": len(ids), "sha256": digest[:16]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wordpiece", type=Path, required=True)
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("tokenizer_cases.jsonl"))
    args = parser.parse_args()

    wordpiece = Tokenizer.from_file(str(args.wordpiece))
    wordpiece.no_truncation()
    wordpiece.no_padding()
    merges = (args.clip / "merges.txt").read_text("utf-8").split("\n")[1:]
    clip = CLIPTokenizer(vocab=json.loads((args.clip / "vocab.json").read_text("utf-8")),
                         merges=[tuple(line.split(" ")) for line in merges if line]).backend_tokenizer
    cases = []
    for text in texts():
        if text not in cases:
            cases.append(text)
    with args.out.open("w", encoding="utf-8") as out:
        for text in cases:
            plain = expand(text)
            line = [text, compact(wordpiece.encode(plain).ids), compact(clip.encode(plain).ids)]
            print(json.dumps(line, separators=(",", ":")), file=out)
    print(f"{len(cases)} texts, {args.out.stat().st_size} bytes")


main()
