"""The filter language: random filters against a brute force in Python, and errors that say where."""
import math
import operator
import random
import re

import pytest

from vector_front import ask, ask_wrongly, create, drop, push

ROWS = 300
WORDS = ["", "red", "green", "dark red", "Red", "it's", 'say "x"', "数", "a|b", "10", "zoë"]
INTEGERS = {"INT8": (-128, 127), "INT16": (-2**15, 2**15 - 1), "INT32": (-2**31, 2**31 - 1), "INT64": (-2**52, 2**52),
            "UINT8": (0, 255), "UINT16": (0, 2**16 - 1), "UINT32": (0, 2**32 - 1), "UINT64": (0, 2**52)}
KINDS = [*INTEGERS, "FLOAT", "DOUBLE", "STRING"]
NUMBERS = [f"one_{k}" for k in KINDS if k != "STRING"]
LISTS = [f"many_{k}" for k in KINDS if k != "STRING"]
# Fields that the schema does not know: some rows have them, values are compared as they are.
EXTRAS = {"extra_text": lambda rng: rng.choice(WORDS), "extra_number": lambda rng: rng.randrange(5)}


def value(rng, kind):
    if kind == "STRING":
        return rng.choice(WORDS)
    if kind in ("FLOAT", "DOUBLE"):
        return rng.randrange(-40, 40) / 4  # the same in 32 bits
    low, high = INTEGERS[kind]
    return rng.choice([max(low, rng.randrange(-6, 7)), rng.randrange(0, 7), low, high])


def make_row(number):
    rng = random.Random(number)
    row = {"id": number, "vector": [rng.random(), rng.random()]}
    for kind in KINDS:
        row[f"one_{kind}"] = value(rng, kind)
        row[f"many_{kind}"] = [value(rng, kind) for _ in range(rng.randrange(4))]
    row |= {name: make(rng) for name, make in EXTRAS.items() if rng.random() < .5}
    if number % 50 == 7:  # only what must be there: the rest takes its defaults
        row = {"id": number, "vector": row["vector"]}
    return row


PUSHED = [make_row(i) for i in range(ROWS)]
DEFAULTS = {f"one_{k}": "" if k == "STRING" else 0 for k in KINDS} | {f"many_{k}": [] for k in KINDS}
TRUTH = [DEFAULTS | row for row in PUSHED]


@pytest.fixture(scope="module")
def table(server):
    fields = {"id": "INT64", "vector": "MULTI_FLOAT"} | {f"one_{k}": k for k in KINDS
                                                        } | {f"many_{k}": f"MULTI_{k}" for k in KINDS}
    create(server, "filters_of_all_types", fields, [{"vectorField": "vector", "dimension": "2"}])
    push(server, "filters_of_all_types", PUSHED)
    yield "filters_of_all_types"
    drop(server, "filters_of_all_types")


def found(server, table, text):
    fetched = ask(server, "fetch",
                  {"tableName": table, "filter": text, "limit": 1000, "includeVector": False, "outputFields": ["id"]})
    return {hit["id"] for hit in fetched["result"]}


# The brute force: a filter is (its text, what it says of a row).

SYMBOLS = {"=": operator.eq, "==": operator.eq, "!=": operator.ne, "<>": operator.ne, "<": operator.lt, "<=": operator.le,
           ">": operator.gt, ">=": operator.ge}


def alike(a, b):
    return isinstance(a, str) == isinstance(b, str)


def holds(symbol, cell, constant):
    """A field against a constant: a list is equal to each of its elements, and has no order; != is the opposite of =."""
    if symbol in ("!=", "<>"):
        return not holds("=", cell, constant)
    if isinstance(cell, list):
        return symbol in ("=", "==") and constant in cell
    return cell is not None and alike(cell, constant) and SYMBOLS[symbol](cell, constant)


def compare(symbol, left, right):
    """Two values: without one of them, or of different kinds, nothing holds."""
    if left is None or right is None or isinstance(left, list) or isinstance(right, list) or not alike(left, right):
        return False
    return SYMBOLS[symbol](left, right)


def calculate(symbol, a, b):
    if not isinstance(a, (int, float)) or not isinstance(b, (int, float)) or symbol == "/" and b == 0:
        return None
    result = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}[symbol](float(a), float(b))
    return result if math.isfinite(result) else None


class Writer:
    def __init__(self, seed):
        self.rng = random.Random(seed)

    def space(self):
        return self.rng.choice(["", " ", " ", "  ", "\n", "\t"])

    def keyword(self, word):
        return self.rng.choice([f" {word} ", f" {word.lower()} ", f" {word.title()} ", f"\n{word}\t"])

    def quoted(self, text):
        if '"' in text:
            return f"'{text}'"
        if "'" in text:
            return f'"{text}"'
        return self.rng.choice([f'"{text}"', f"'{text}'"])

    def number(self):
        rng = self.rng
        return rng.choice([rng.randrange(-6, 7), rng.randrange(0, 7), rng.randrange(-40, 40) / 4, 127, -128, 255, 2**52])

    def literal(self, number):
        text = repr(number)
        return self.rng.choice([text, text, f'"{text}"'])  # a number field takes it quoted, too

    def condition(self):
        rng = self.rng
        kind = rng.choice(["number", "number", "text", "texts", "numbers", "extra", "in", "call", "expressions", "fields"])
        symbol = rng.choice(list(SYMBOLS))
        between = f"{self.space()}{symbol}{self.space()}"
        if kind in ("number", "numbers"):
            field, constant = rng.choice(NUMBERS if kind == "number" else LISTS), self.number()
            return f"{field}{between}{self.literal(constant)}", lambda row: holds(symbol, row[field], constant)
        if kind in ("text", "texts"):
            field, constant = "one_STRING" if kind == "text" else "many_STRING", rng.choice(WORDS)
            return f"{field}{between}{self.quoted(constant)}", lambda row: holds(symbol, row[field], constant)
        if kind == "extra":
            field = rng.choice(list(EXTRAS))
            constant = EXTRAS[field](rng)
            text = self.quoted(constant) if isinstance(constant, str) else str(constant)
            return f"{field}{between}{text}", lambda row: holds(symbol, row.get(field), constant)
        if kind == "in":
            field = rng.choice([*NUMBERS, *LISTS, "one_STRING", "many_STRING"])
            texts = field.endswith("STRING")
            constants = [rng.choice(WORDS) if texts else self.number() for _ in range(rng.randrange(1, 5))]
            written = f"{self.space()},{self.space()}".join(self.quoted(c) if texts else repr(c) for c in constants)
            negated = rng.random() < .3
            word = self.keyword("NOT IN" if negated else "IN")
            return f"{field}{word}({self.space()}{written}{self.space()})", \
                lambda row: negated != any(holds("=", row[field], c) for c in constants)
        if kind == "call":
            field = rng.choice([*NUMBERS, *LISTS, "one_STRING", "many_STRING"])
            texts = field.endswith("STRING")
            plain = [w for w in WORDS if not set(w) & set("|'\"")]
            constants = [rng.choice(plain) if texts else self.number() for _ in range(rng.randrange(1, 5))]
            function = rng.choice(["in", "notin"])
            return f"{function}({field},{self.space()}{self.quoted('|'.join(map(str, constants)))})", \
                lambda row: (function == "notin") != any(holds("=", row[field], c) for c in constants)
        if kind == "fields":
            left, right = rng.choice([(rng.choice(NUMBERS), rng.choice(NUMBERS)), ("one_STRING", "extra_text"),
                                      ("one_INT8", "extra_number")])
            return f"{left}{between}{right}", lambda row: compare(symbol, row.get(left), row.get(right))
        left, left_value, _ = self.expression(3, arithmetic=True)
        right, right_value, _ = self.expression(2)
        return f"{left}{between}{right}", lambda row: compare(symbol, left_value(row), right_value(row))

    def expression(self, depth, arithmetic=False):
        """(its text, its value of a row, how tightly it binds)"""
        rng = self.rng
        if not arithmetic and (depth == 0 or rng.random() < .3):
            if rng.random() < .5:
                field = rng.choice(NUMBERS)
                return field, lambda row: float(row[field]), 3
            constant = abs(self.number())
            return repr(constant), lambda row: float(constant), 3
        if rng.random() < .15:
            inner, of, binds = self.expression(depth - 1)
            inner = inner if binds == 3 else f"({inner})"
            return f"-{inner}", lambda row: None if of(row) is None else -of(row), 3
        symbol = rng.choice("+-*/")
        binds = 1 if symbol in "+-" else 2
        left, left_of, left_binds = self.expression(depth - 1)
        right, right_of, right_binds = self.expression(depth - 1)
        left = left if left_binds >= binds else f"({left})"
        right = right if right_binds > binds else f"({right})"  # a - (b - c)
        return f"{left}{self.space()}{symbol} {right}", lambda row: calculate(symbol, left_of(row), right_of(row)), binds

    def filter(self, depth):
        """(its text, what it says, how tightly it binds)"""
        rng = self.rng
        if depth == 0 or rng.random() < .25:
            text, says = self.condition()
            return text, says, 4
        kind = rng.choice(["AND", "AND", "OR", "OR", "NOT", "()"])
        if kind == "()":
            text, says, _ = self.filter(depth - 1)
            return f"({self.space()}{text}{self.space()})", says, 5
        if kind == "NOT":
            text, says, binds = self.filter(depth - 1)
            text = text if binds >= 3 else f"({text})"
            return f"NOT {text}", lambda row: not says(row), 3
        binds = 1 if kind == "OR" else 2
        parts = [self.filter(depth - 1) for _ in range(rng.randrange(2, 4))]
        text = self.keyword(kind).join(t if b > binds else f"({t})" for t, _, b in parts)
        all_of = all if kind == "AND" else any
        return text, lambda row: all_of(says(row) for _, says, _ in parts), binds


def check(server, table, text, says):
    wanted = {row["id"] for row in TRUTH if says(row)}
    got = found(server, table, text)
    assert got == wanted, f"{text!r}: too many {sorted(got - wanted)[:5]}, too few {sorted(wanted - got)[:5]}"
    return len(wanted)


def test_single_conditions(server, table):
    seed = random.randrange(1 << 30)
    print("seed", seed)
    writer = Writer(seed)
    sizes = [check(server, table, *writer.condition()) for _ in range(400)]
    assert sum(0 < size < ROWS for size in sizes) > 150  # most say something


def test_random_filters(server, table):
    seed = random.randrange(1 << 30)
    print("seed", seed)
    writer = Writer(seed)
    for _ in range(250):
        text, says, _ = writer.filter(4)
        wanted = check(server, table, text, says)
        counted = ask(server, "aggregate",
                      {"tableName": table, "filter": text, "aggFuncs": [{"name": "n", "func": "count", "args": ["id"]}]})
        assert sum(row["n"] for row in counted["result"]) == wanted, text


def test_filtered_queries_are_the_nearest_of_those_that_fit(server, table):
    writer = Writer(20)
    for _ in range(100):
        text, says, _ = writer.filter(3)
        x, y = writer.rng.random(), writer.rng.random()
        near = sorted((math.dist((x, y), row["vector"]), row["id"]) for row in TRUTH if says(row))[:10]
        hits = ask(server, "query", {"tableName": table, "vector": [x, y], "topK": 10, "filter": text})["result"]
        assert [h["score"] for h in hits] == pytest.approx([d * d for d, _ in near], abs=1e-5), text
        assert {h["id"] for h in hits} == {i for _, i in near} or len(near) == 10, text


def test_a_filter_that_leaves_three_gives_three(server, table):
    hits = ask(server, "query", {"tableName": table, "vector": [.5, .5], "topK": 3, "filter": "id IN (3, 150, 299)"})["result"]
    assert {h["id"] for h in hits} == {3, 150, 299}


@pytest.mark.parametrize("text, position", [("one_INT8 >", 11), ("one_INT8 > > 3", 12), ("one_INT8 = 1 AND", 17),
                                            ("AND one_INT8 = 1", 1), ("(one_INT8 = 1", 14), ("one_INT8 = 1)", 13),
                                            ("one_INT8 ~ 1", 10), ('one_STRING = "red', 14), ("one_STRING = 'red", 14),
                                            ("one_INT8 = 1 one_INT8 = 2", 14), ("one_INT8 IN 1", 13), ("one_INT8 IN (1", 15),
                                            ("in(one_INT8", 12), ("one_INT8", 1), ("one_INT8 = 1 AND 5", 18),
                                            ("one_INT8 = 99999999999999999999999999999x", None), ("sin(one_INT8) = 1", 1),
                                            ("one_INT8 + = 1", 12), ("NOT", 4), ("one_INT8 = \x01", 12),
                                            ("one_STRING = \"数数\" oops one_INT8 = 1", 19), ("one_INT8 = 'red'", 12),
                                            ("one_STRING + 1 = 2", 1), ("()", 2), ("one_INT8 !", 10),
                                            ("one_INT8 = 1 && one_INT8 = 2", 14)])
def test_a_syntax_error_names_the_position(server, table, text, position):
    for call, more in (("fetch", {}), ("query", {"vector": [0,
                                                            0]}), ("aggregate", {"aggFuncs": [{"func": "count",
                                                                                               "args": ["id"]}]})):
        body = ask_wrongly(server, call, {"tableName": table, "filter": text} | more)
        assert body["errorCode"] == 10004 and "filter" in body["errorMsg"]
        at = re.search(r"position (\d+)", body["errorMsg"])
        assert at and (position is None or int(at[1]) == position), body["errorMsg"]


def test_limits_of_a_filter(server, table):
    for text in ("(" * 5000 + "one_INT8 = 1" + ")" * 5000, "NOT " * 5000 + "one_INT8 = 1", "one_INT8 = " + "-" * 5000 + "1",
                 "one_INT8 = " + "+".join(["1", "one_INT8"] * 50_000), "one_INT8 = 1 AND " * 50_000 + "one_INT8 = 1",
                 f"one_INT8 IN ({','.join(map(str, range(100_000)))})"):
        assert ask_wrongly(server, "fetch", {"tableName": table, "filter": text})["errorCode"] == 10004
    many = " OR ".join(f"one_INT8 = {i % 100}" for i in range(1000))
    assert found(server, table, many) == {r["id"] for r in TRUTH if 0 <= r["one_INT8"] < 100}
