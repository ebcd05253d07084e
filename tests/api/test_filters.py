"""tag_filter: every operator and combination against a brute force over the same tags."""
import random

import pytest

from conftest import picture

COLOURS = ["red", "green", "blue", "dark red", None]
SEASONS = ["spring", "summer", "autumn", "winter"]
ROWS = 40


def make_tags(number):
    rng = random.Random(number)
    tags = {"number": number, "price": rng.choice([1, 5, 9.5, 10, 59]), "even": number % 2 == 0}
    colour = rng.choice(COLOURS)
    if colour:
        tags["color"] = colour
    if rng.random() < 0.7:
        tags["season"] = rng.sample(SEASONS, rng.randrange(0, 4))
    if rng.random() < 0.5:
        tags["sizes"] = rng.sample([36, 38, 40, 42], 2)
    return tags


TAGS = [make_tags(i) for i in range(ROWS)]


@pytest.fixture(scope="module")
def filled(server):
    server.create("filters")
    for i, tags in enumerate(TAGS):
        server.add("filters", str(i), "u", picture(i % 8), tags)
    yield "filters"
    server.delete("filters")


def same(a, b):
    """1 is 1.0, but neither is true."""
    if isinstance(a, bool) or isinstance(b, bool):
        return isinstance(a, bool) and isinstance(b, bool) and a == b
    if isinstance(a, str) or isinstance(b, str):
        return isinstance(a, str) and isinstance(b, str) and a == b
    return a == b


def comparable(a, b):
    numbers = all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in (a, b))
    return numbers or all(isinstance(x, str) for x in (a, b))


def elements(cell):
    return cell if isinstance(cell, list) else [cell]


OPERATORS = {
    "=": lambda c, v: any(same(x, v) for x in elements(c)),
    "in": lambda c, v: any(same(x, y) for x in elements(c) for y in v),
    "contains": lambda c, v: (isinstance(c, str) and isinstance(v, str) and v in c) or
                             (isinstance(c, list) and any(same(x, v) for x in c)),
    "<": lambda c, v: any(comparable(x, v) and x < v for x in elements(c)),
    "<=": lambda c, v: any(comparable(x, v) and x <= v for x in elements(c)),
    ">": lambda c, v: any(comparable(x, v) and x > v for x in elements(c)),
    ">=": lambda c, v: any(comparable(x, v) and x >= v for x in elements(c)),
}
SPELLINGS = {"=": ["=", "==", "eq"], "!=": ["!=", "<>", "ne"], "in": ["in"], "not in": ["not in", "nin"],
             "contains": ["contains"], "<": ["<", "lt"], "<=": ["<=", "lte"], ">": [">", "gt"], ">=": [">=", "gte"]}
CANONICAL = {s: op for op, spellings in SPELLINGS.items() for s in spellings}


def brute(f, tags):
    if f is None:
        return True
    if isinstance(f, list):
        return all(brute(c, tags) for c in f)
    for name in ("conditions", "filters", "children"):
        if name in f:
            return (all if (f.get("op") or f["logic"]).lower() == "and" else any)(brute(c, tags) for c in f[name]) \
                if (f.get("op") or f.get("logic")).lower() != "not" else not brute(f[name][0], tags)
    if "and" in f:
        return all(brute(c, tags) for c in f["and"])
    if "or" in f:
        return any(brute(c, tags) for c in f["or"])
    if "not" in f:
        return not brute(f["not"], tags)
    op, cell, value = CANONICAL.get(f["op"], f["op"]), tags.get(f["field"]), f.get("value")
    if op == "exists":
        return (cell is not None) == value
    if op == "!=":
        return cell is None or not OPERATORS["="](cell, value)
    if op == "not in":
        return cell is None or not OPERATORS["in"](cell, value)
    return cell is not None and OPERATORS[op](cell, value)


def check(server, library, f):
    found = server.by_image(library, picture(0), top_k=1000, tag_filter=f)
    wanted = {str(i) for i, tags in enumerate(TAGS) if brute(f, tags)}
    assert {r["image_id"] for r in found} == wanted, f
    return wanted


SIMPLE = [
    {"field": "color", "op": "=", "value": "red"}, {"field": "even", "op": "=", "value": True},
    {"field": "season", "op": "=", "value": "summer"}, {"field": "price", "op": "=", "value": 9.5},
    {"field": "price", "op": "=", "value": 10.0}, {"field": "sizes", "op": "=", "value": 38},
    {"field": "color", "op": "in", "value": ["red", "blue"]}, {"field": "season", "op": "in", "value": ["spring", "winter"]},
    {"field": "price", "op": "in", "value": [1, 59]}, {"field": "color", "op": "in", "value": []},
    {"field": "color", "op": "contains", "value": "red"}, {"field": "season", "op": "contains", "value": "autumn"},
    {"field": "price", "op": "<", "value": 9.5}, {"field": "price", "op": "<=", "value": 9.5},
    {"field": "price", "op": ">", "value": 5}, {"field": "price", "op": ">=", "value": 5},
    {"field": "color", "op": ">", "value": "dark"}, {"field": "color", "op": "<", "value": 5},
    {"field": "nothing", "op": "=", "value": 1}, {"field": "nothing", "op": "<", "value": 1},
    {"field": "color", "op": "exists", "value": True}, {"field": "color", "op": "exists", "value": False},
]


@pytest.mark.parametrize("op", SPELLINGS)
def test_each_spelling(server, filled, op):
    value = ["red", "blue"] if op in ("in", "not in") else 10 if op in ("<", "<=", ">", ">=") else "red"
    field = "price" if value == 10 else "color"
    for spelling in SPELLINGS[op]:
        assert check(server, filled, {"field": field, "op": spelling, "value": value}), spelling


def test_simple_conditions(server, filled):
    for condition in SIMPLE:
        check(server, filled, condition)
        check(server, filled, [condition])
        check(server, filled, {"not": condition})
    for missing in ("!=", "not in"):
        value = ["red"] if missing == "not in" else "red"
        assert check(server, filled, {"field": "nothing", "op": missing, "value": value}) == {str(i) for i in range(ROWS)}


def test_like(server, filled):
    for pattern, fits in [("%red", lambda c: c.endswith("red")), ("r_d", lambda c: c == "red"), ("%", lambda c: True)]:
        found = server.by_image(filled, picture(0), top_k=1000, tag_filter={"field": "color", "op": "like", "value": pattern})
        assert {r["image_id"] for r in found} == {str(i) for i, t in enumerate(TAGS) if "color" in t and fits(t["color"])}


def test_every_form_of_logic(server, filled):
    a, b = SIMPLE[0], SIMPLE[12]
    for word in ("and", "AND", "Or", "or"):
        for name in ("conditions", "filters", "children"):
            check(server, filled, {"op": word, name: [a, b]})
        check(server, filled, {"logic": word.lower(), "conditions": [a, b]})
    check(server, filled, {"and": [a, b]})
    check(server, filled, {"or": [a, {"not": b}]})
    check(server, filled, {"op": "NOT", "conditions": [a]})
    check(server, filled, [])


def test_random_trees(server, filled):
    seed = random.randrange(1 << 30)
    print("seed", seed)
    rng = random.Random(seed)

    def tree(depth):
        if depth == 0 or rng.random() < 0.3:
            return rng.choice(SIMPLE)
        kind = rng.choice(["and", "or", "not", "list"])
        if kind == "not":
            return {"not": tree(depth - 1)}
        children = [tree(depth - 1) for _ in range(rng.randrange(1, 4))]
        return children if kind == "list" else {kind: children}

    for _ in range(60):
        check(server, filled, tree(4))


def test_a_filter_that_leaves_three_gives_three(server, filled):
    found = server.by_text(filled, "anything", top_k=3, tag_filter={"field": "number", "op": "in", "value": [3, 17, 39]})
    assert {r["image_id"] for r in found} == {"3", "17", "39"}
