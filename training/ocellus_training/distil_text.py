"""Fine-tunes the sentence encoder through every layer against MiniLM, with its weights already rounded to 8 bits.

The student computes with rounded weights (straight-through gradients) and learns to give the teacher's float
vectors: what ships is the student, and rounding it costs nothing more.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from ocellus_training import sentence
from ocellus_training.rounding import round_weights, unround_weights
from ocellus_training.sentence import SentenceEncoder
from ocellus_training.settings import seed_everything

log = logging.getLogger(__name__)

STEPS = 700
BATCH = 64
RATE = 2e-5
RELATION_WEIGHT = 5.0
RANDOM_SHARE = 0.25  # sentences of random tokens, so that every row of the vocabulary is trained


def _random_sentences(rs: np.random.RandomState, queue: list[int], count: int, length: int) -> np.ndarray:
    ids = np.empty((count, length), np.int64)
    ids[:, 0], ids[:, -1] = 101, 102  # [CLS], [SEP]
    for row in range(count):
        for column in range(1, length - 1):
            if not queue:
                queue.extend(rs.permutation(sentence.VOCABULARY).tolist())
            ids[row, column] = queue.pop()
    return ids


def distil(folder: Path, texts: Sequence[str], steps: int = STEPS) -> SentenceEncoder:
    rs = seed_everything(1)
    teacher = sentence.load_teacher(folder)
    tokenizer = sentence.load_tokenizer(folder / "tokenizer.json")
    student = sentence.load_teacher(folder).train()
    round_weights(student)
    optimiser = torch.optim.AdamW(student.parameters(), lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.1)
    queue: list[int] = []
    random_count = int(BATCH * RANDOM_SHARE)
    started = time.monotonic()
    for step in range(steps):
        chosen = [texts[i] for i in rs.randint(len(texts), size=BATCH - random_count)]
        batches = [sentence.encode_batch(tokenizer, chosen)]
        noise = _random_sentences(rs, queue, random_count, int(rs.randint(6, 20)))
        batches.append((noise, np.ones_like(noise)))
        loss = torch.zeros(())
        for ids_np, mask_np in batches:
            ids, mask = torch.as_tensor(ids_np), torch.as_tensor(mask_np)
            with torch.no_grad():
                target = teacher(ids, mask)
            vectors = student(ids, mask)
            loss = loss + (1.0 - (vectors * target).sum(1)).mean()
            loss = loss + RELATION_WEIGHT * F.mse_loss(vectors @ vectors.T, target @ target.T)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 50 == 0 or step == steps - 1:
            log.info("text %d/%d loss %.5f %.0f s", step, steps, loss.item(), time.monotonic() - started)
    unround_weights(student)
    return student.eval()
