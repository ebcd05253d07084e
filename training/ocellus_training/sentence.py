"""The sentence encoder: a six-layer BERT with mean pooling (the shape of all-MiniLM-L6-v2)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from ocellus_training.settings import MAX_TOKENS

VOCABULARY = 30522
WIDTH = 384
HEADS = 12
LAYERS = 6
INNER = 1536
EPSILON = 1e-12


class EncoderLayer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(WIDTH, WIDTH)
        self.key = nn.Linear(WIDTH, WIDTH)
        self.value = nn.Linear(WIDTH, WIDTH)
        self.attended = nn.Linear(WIDTH, WIDTH)
        self.attended_norm = nn.LayerNorm(WIDTH, EPSILON)
        self.expand = nn.Linear(WIDTH, INNER)
        self.contract = nn.Linear(INNER, WIDTH)
        self.output_norm = nn.LayerNorm(WIDTH, EPSILON)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        def heads(y: Tensor) -> Tensor:
            return y.unflatten(-1, (HEADS, WIDTH // HEADS)).transpose(1, 2)

        scores = heads(self.query(x)) @ heads(self.key(x)).transpose(-1, -2) * (WIDTH // HEADS) ** -0.5
        mixed = (scores + bias).softmax(-1) @ heads(self.value(x))
        x = self.attended_norm(x + self.attended(mixed.transpose(1, 2).flatten(2)))
        return self.output_norm(x + self.contract(F.gelu(self.expand(x))))


class SentenceEncoder(nn.Module):
    """Token ids and mask [n, length] to normalised sentence vectors [n, 384].

    `rows` says which row of the table of words each token id reads; several may share one.
    """

    def __init__(self, rows: Tensor | None = None, count: int = VOCABULARY) -> None:
        super().__init__()
        self.register_buffer("rows", torch.arange(count, dtype=torch.int32) if rows is None else rows)
        self.words = nn.Embedding(count, WIDTH)
        self.positions = nn.Parameter(torch.zeros(MAX_TOKENS, WIDTH))  # token type 0 is added in
        self.norm = nn.LayerNorm(WIDTH, EPSILON)
        self.layers = nn.ModuleList(EncoderLayer() for _ in range(LAYERS))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        weights = mask.to(torch.float32)
        bias = (1.0 - weights)[:, None, None, :] * -10000.0
        x = self.norm(self.words(self.rows[ids]) + self.positions[: ids.shape[1]])
        for layer in self.layers:
            x = layer(x, bias)
        weights = weights[:, :, None]
        return F.normalize((x * weights).sum(1) / weights.sum(1).clamp(min=1.0), dim=-1)


def from_state(state: dict[str, Tensor]) -> SentenceEncoder:
    """An encoder with the vocabulary that the state was saved with."""
    model = SentenceEncoder(torch.zeros_like(state["rows"]), len(state["words.weight"]))
    model.load_state_dict(state)
    return model.eval()


def load_teacher(folder: Path) -> SentenceEncoder:
    source = load_file(folder / "model.safetensors")
    model = SentenceEncoder()
    state: dict[str, Tensor] = {
        "rows": model.rows,
        "words.weight": source["embeddings.word_embeddings.weight"],
        "positions": source["embeddings.position_embeddings.weight"][:MAX_TOKENS]
        + source["embeddings.token_type_embeddings.weight"][0],
    }
    names = {
        "query": "attention.self.query",
        "key": "attention.self.key",
        "value": "attention.self.value",
        "attended": "attention.output.dense",
        "attended_norm": "attention.output.LayerNorm",
        "expand": "intermediate.dense",
        "contract": "output.dense",
        "output_norm": "output.LayerNorm",
    }
    for kind in ("weight", "bias"):
        state[f"norm.{kind}"] = source[f"embeddings.LayerNorm.{kind}"]
        for layer in range(LAYERS):
            for ours, theirs in names.items():
                state[f"layers.{layer}.{ours}.{kind}"] = source[f"encoder.layer.{layer}.{theirs}.{kind}"]
    model.load_state_dict(state)
    return model.eval()


def load_tokenizer(path: Path) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.enable_padding(pad_id=tokenizer.token_to_id("[PAD]"))
    return tokenizer


def encode_batch(tokenizer: Tokenizer, texts: Sequence[str], multiple: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """int64 ids and mask, padded to the longest text's length rounded up to `multiple`."""
    encodings = tokenizer.encode_batch(list(texts))
    length = -(-max(len(e.ids) for e in encodings) // multiple) * multiple
    ids = np.zeros((len(texts), length), np.int64)
    mask = np.zeros_like(ids)
    for row, encoding in enumerate(encodings):
        ids[row, : len(encoding.ids)] = encoding.ids
        mask[row, : len(encoding.ids)] = encoding.attention_mask
    return ids, mask


@torch.no_grad()
def embed_texts(model: SentenceEncoder, tokenizer: Tokenizer, texts: Sequence[str], batch: int = 64) -> np.ndarray:
    order = np.argsort([len(t) for t in texts], kind="stable")
    vectors = np.zeros((len(texts), WIDTH), np.float32)
    for start in range(0, len(texts), batch):
        rows = order[start : start + batch]
        ids, mask = encode_batch(tokenizer, [texts[r] for r in rows])
        vectors[rows] = model(torch.as_tensor(ids), torch.as_tensor(mask)).numpy(force=True)
    return vectors
