"""Chinese phrases with their English, put together from words."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

COLOURS = (
    ("红色", "red"), ("蓝色", "blue"), ("绿色", "green"), ("黄色", "yellow"), ("黑色", "black"), ("白色", "white"),
    ("灰色", "gray"), ("粉色", "pink"), ("紫色", "purple"), ("橙色", "orange"), ("棕色", "brown"), ("红", "red"),
    ("白", "white"), ("黑", "black"),
)  # fmt: skip
SUBJECTS = (
    ("一个男人", "a man"), ("男人", "a man"), ("女人", "a woman"), ("一个女孩", "a girl"), ("小男孩", "a little boy"),
    ("孩子", "a child"), ("一只狗", "a dog"), ("狗", "a dog"), ("猫", "a cat"), ("两个人", "two people"),
    ("人们", "people"), ("一群人", "a group of people"),
)  # fmt: skip
ACTIONS = (
    ("骑自行车", "riding a bicycle"), ("骑马", "riding a horse"), ("跑步", "running"), ("在跑", "running"),
    ("跳", "jumping"), ("踢足球", "playing soccer"), ("打篮球", "playing basketball"), ("滑雪", "skiing"),
    ("冲浪", "surfing"), ("游泳", "swimming"), ("坐着", "sitting"), ("站着", "standing"), ("吃饭", "eating"),
    ("走路", "walking"), ("爬山", "climbing a mountain"), ("拍照", "taking a photo"), ("睡觉", "sleeping"),
)  # fmt: skip
PLACES = (
    ("在草地上", "on the grass"), ("在雪地里", "in the snow"), ("在水里", "in the water"), ("在海滩上", "on the beach"),
    ("在街上", "on the street"), ("在公园里", "in the park"), ("在房间里", "in a room"), ("在山上", "on a mountain"),
    ("在桌子上", "on the table"), ("在椅子上", "on the chair"),
)  # fmt: skip


class Phrases:
    def __init__(self, words: Mapping[str, str], everyday: Collection[str]):
        """`words` with their meanings; those of two characters and more that mean one or two are put into phrases."""
        self._nouns = [
            (word, meaning)
            for word, meaning in words.items()
            if len(word) >= 2 and word not in everyday and len(meaning.split()) <= 2
        ]

    def sample(self, rs: np.random.RandomState) -> tuple[str, str]:
        """A Chinese phrase and the same in English."""

        def one(pairs: tuple[tuple[str, str], ...] | list[tuple[str, str]]) -> tuple[str, str]:
            return pairs[rs.randint(len(pairs))]

        (a, a_en), (b, b_en) = one(self._nouns), one(self._nouns)
        (colour, colour_en), (who, who_en) = one(COLOURS), one(SUBJECTS)
        (does, does_en), (where, where_en) = one(ACTIONS), one(PLACES)
        of = "的" if rs.rand() < 0.7 else ""
        choices = (
            (f"{colour}{of}{a}", f"{colour_en} {a_en}"),
            (f"{a}和{b}", f"{a_en} and {b_en}"),
            (f"{a}在{b}上", f"{a_en} on {b_en}"),
            (f"{b}上的{a}", f"{a_en} on {b_en}"),
            (f"一个{a}", f"a {a_en}"),
            (f"{who}{does}", f"{who_en} {does_en}"),
            (f"{who}{where}{does}", f"{who_en} {does_en} {where_en}"),
            (f"穿{colour}{of}衣服的{who}", f"{who_en} in {colour_en} clothes"),
            (f"{a}{where}", f"{a_en} {where_en}"),
            (f"{who}拿着{a}", f"{who_en} holding a {a_en}"),
        )
        return choices[rs.randint(len(choices))]
