"""Expected bodies with holes: {"$": "string"} stands for any string, and so on."""
import re


def fits(expected, actual, place="body"):
    """None when it fits, else where it does not."""
    if isinstance(expected, dict) and set(expected) == {"$"}:
        return _hole(expected["$"], actual, place)
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            return f"{place}: {actual!r} is no object"
        if set(expected) != set(actual):
            return f"{place}: members {sorted(actual)}, expected {sorted(expected)}"
        return next(filter(None, (fits(v, actual[k], f"{place}.{k}") for k, v in expected.items())), None)
    if isinstance(expected, list):
        if not isinstance(actual, list) or len(expected) != len(actual):
            return f"{place}: {actual!r} is no list of {len(expected)}"
        return next(filter(None, (fits(e, a, f"{place}[{i}]") for i, (e, a) in enumerate(zip(expected, actual)))), None)
    same = expected == actual and type(expected) is type(actual)
    return None if same else f"{place}: {actual!r}, expected {expected!r}"


def _hole(kind, actual, place):
    if kind.startswith("contains "):
        fine = isinstance(actual, str) and kind[9:].lower() in actual.lower()
    elif kind == "string":
        fine = isinstance(actual, str) and actual != ""
    elif kind == "time":
        fine = isinstance(actual, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", actual) is not None
    elif kind == "score":
        fine = isinstance(actual, float) and 0 <= actual <= 1
    elif kind == "number":
        fine = isinstance(actual, (int, float)) and not isinstance(actual, bool)
    elif kind == "any":
        fine = True
    else:
        raise ValueError(f"there is no hole '{kind}'")
    return None if fine else f"{place}: {actual!r} is not: {kind}"
