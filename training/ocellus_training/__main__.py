"""Command line: `python -m ocellus_training train|subjects|quality|curves`."""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

import torch

from ocellus_training import curves, evaluate, pipeline, quality
from ocellus_training.data import RESEARCH
from ocellus_training.settings import REPOSITORY, Paths, default_minilm, default_shared, default_work
from ocellus_training.subject_pipeline import SubjectPipeline
from ocellus_training.subject_quality import print_subjects
from ocellus_training.train_words import Recipe


def main() -> None:
    parser = argparse.ArgumentParser(prog="ocellus_training", description=__doc__)
    parser.add_argument("--shared", type=Path, default=default_shared(), help="folder with data/ and models/")
    parser.add_argument("--work", type=Path, default=default_work(), help="folder for intermediate results")
    parser.add_argument("--minilm", type=Path, default=default_minilm(), help="folder of all-MiniLM-L6-v2")
    parser.add_argument("--bundle", type=Path, default=REPOSITORY / "models" / "default")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="where networks learn, as PyTorch calls it: cpu, cuda")
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="make the bundle, reusing finished stages in the work folder")
    training.add_argument(
        "--leave-out",
        default="",
        help="sources to train without, comma-separated; 'research' means " + ",".join(RESEARCH),
    )
    measuring = commands.add_parser("quality", help="print what the bundle reaches on held-out pictures")
    measuring.add_argument("--json", type=Path, help="also write the numbers here")
    commands.add_parser("subjects", help="make the subject model and add it to the bundle")
    commands.add_parser(
        "curves", help="train with fewer captions, other seeds and without sources, and print what is left"
    )
    arguments = parser.parse_args()

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(arguments.threads)
    paths = Paths(arguments.shared, arguments.work, arguments.minilm)
    if arguments.command == "subjects":
        SubjectPipeline(paths).run(arguments.bundle)
        return
    if arguments.command == "curves":
        curves.draw(pipeline.Pipeline(paths))
        return
    if arguments.command == "train":
        torch.set_default_device(arguments.device)
        named = arguments.leave_out.replace("research", ",".join(RESEARCH))
        run = pipeline.Pipeline(paths, [source for source in named.split(",") if source])
        run.decode()
        run.bundle(arguments.bundle, Recipe())
    else:
        result, _ = quality.measure(paths, arguments.bundle)
        print(evaluate.goal_table(result), evaluate.table(result), sep="\n\n")
        print(f"\n{result['pictures_per_second']:.0f} pictures/s")
        if arguments.json:
            arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        print_subjects(paths, arguments.bundle)


if __name__ == "__main__":
    main()
