#!/usr/bin/env python3
"""Prints a benchmark's JSON lines ({"name","value","unit","goal"}) as one table."""
import json
import sys


def number(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def verdict(value, goal):
    if not goal:
        return ""
    relation, bound = goal.split()
    met = value >= float(bound) if relation == ">=" else value <= float(bound)
    return "reached" if met else "MISSED"


def main(path):
    with open(path, encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    about = next((r for r in records if r["name"] == "run"), {})
    print("  ".join(f"{k}: {v}" for k, v in about.items() if k != "name"))
    rows = [
        (r["name"], number(r["value"]), r["unit"], r["goal"], verdict(r["value"], r["goal"]))
        for r in records
        if "value" in r
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    for name, value, unit, goal, met in rows:
        line = f"{name:<{widths[0]}}  {value:>{widths[1]}} {unit:<{widths[2]}}  {goal:<{widths[3]}}  {met}"
        print(line.rstrip())


if __name__ == "__main__":
    main(sys.argv[1])
