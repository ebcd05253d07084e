#!/usr/bin/env python3
"""Makes src/embed/testdata/families: one tiny bundle a family, and what the reference makes with it.

    make parity                                       # makes them anew elsewhere and compares the server with them
    make parity OUT=src/embed/testdata/families       # and keeps them

Each is a model of the family's architecture with random weights and a small tokenizer trained here, exported to
ONNX as hubs publish it. Beside it stands what `transformers` or `open_clip` make of the pictures and texts that
src/embed/family_test.cc makes too: vectors, and for some pictures the preprocessed tensors.

jina-clip's own modelling code is not in `transformers`: its stand-ins have the same towers (EVA-02 beside BERT or
XLM-RoBERTa with mean pooling) and the files, names, preprocessing and tokenizers of the originals.
"""
import argparse
import base64
import json
import os
import random
import shutil
import struct
import sys
import warnings
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TIMM_FUSED_ATTN"] = "0"  # the exporter does not know the fused one
warnings.filterwarnings("ignore")

import numpy as np
import open_clip
import torch
from PIL import Image
from timm.models.eva import Eva
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch import nn
from transformers import (BertConfig, BertModel, ChineseCLIPConfig, ChineseCLIPModel, CLIPConfig, CLIPModel,
                          PreTrainedTokenizerFast, SiglipConfig, SiglipModel, XLMRobertaConfig, XLMRobertaModel)
from transformers.models.chinese_clip.image_processing_pil_chinese_clip import ChineseCLIPImageProcessorPil
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

SIDE, PATCH, WIDTH, DIMENSION = 14, 7, 16, 12
TENSORS = 12  # pictures whose tensors are kept
MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]


# ---- pictures and texts, the same as in family_test.cc ----

def picture(number):
    """Number of 0..49: sizes are odd, every seventh is grey."""
    width, height = 17 + number * 37 % 83, 19 + number * 53 % 71
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    planes = []
    for channel in range(3):
        c = 0 if number % 7 == 6 else channel
        planes.append((x * (3 + (number + c) % 5) + y * (2 + (number * 3 + c) % 7) +
                       (x * y * (1 + c)) // (5 + number % 11) + (x // 9 % 2) * 60 + (y // 7 % 2) * 40 * c + number * 29) % 256)
    return Image.fromarray(np.stack(planes, -1).astype(np.uint8), "RGB")


WORDS = """a the two red blue green small large dog cat horse bird car train person child beach street kitchen table
running sitting standing playing on in under with near old wooden photo drawing snow sunset""".split()
OTHER = ["собака на пляже", "海滩上的狗", "赤い車", "강아지", "café à Zürich", "ÀÉÎ", "naïve ﬁancée", "½ cup № 5", "ｆｕｌｌ ｗｉｄｔｈ",
         "😀 smile", "👩‍👩‍👧‍👦 family", "don't stop!", "IMG_20240101.JPG", "what?! no...", "tab\tand\nnewline", "  spaces   everywhere ",
         "e\u0301 combining", "İstanbul", "Ω ohm Å", "㌀ ㍿", "ﷺ", "x" * 70, "\u200bzero\u200dwidth", "snake_case words", "100% (sure)"]


def texts():
    rng = random.Random(7)
    out = list(OTHER)
    while len(out) < 200:
        words = rng.choices(WORDS, k=rng.randint(1, 9))
        text = " ".join(words)
        if rng.random() < 0.2:
            text = text.capitalize() + rng.choice([".", "!", ", please", " :-)"])
        if text not in out:
            out.append(text)
    return out


CORPUS = [" ".join(random.Random(i).choices(WORDS, k=8)) for i in range(400)] + [t for t in OTHER if len(t) < 60] * 3


# ---- tokenizers ----

def clip_tokenizer():
    tokenizer = Tokenizer(models.BPE(unk_token="<|endoftext|>", continuing_subword_prefix="", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=256 + 256 + 150, special_tokens=[], initial_alphabet=alphabet,
                                  end_of_word_suffix="</w>", show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    learned = json.loads(tokenizer.to_str())["model"]
    # CLIP's order: every byte, every byte that ends a word, the merges, the two marks.
    merges = [m if isinstance(m, list) else m.split(" ") for m in learned["merges"]]
    vocab = {}
    for token in alphabet + [c + "</w>" for c in alphabet] + ["".join(m) for m in merges] + ["<|startoftext|>", "<|endoftext|>"]:
        vocab.setdefault(token, len(vocab))
    tokenizer.model = models.BPE(vocab=vocab, merges=[tuple(m) for m in merges], unk_token="<|endoftext|>",
                                 continuing_subword_prefix="", end_of_word_suffix="</w>")
    start, end = vocab["<|startoftext|>"], vocab["<|endoftext|>"]
    tokenizer.post_processor = processors.RobertaProcessing(("<|endoftext|>", end), ("<|startoftext|>", start),
                                                            trim_offsets=False, add_prefix_space=False)
    tokenizer.add_special_tokens(["<|startoftext|>", "<|endoftext|>"])
    return tokenizer, end


def wordpiece_tokenizer(chinese=False):
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=400, special_tokens=special, show_progress=False))
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=[("[CLS]", cls), ("[SEP]", sep)])
    return tokenizer, 0


def charsmap(pairs):
    """SentencePiece's precompiled map of a few characters: a double-array trie and its texts."""
    blob, place, keys = b"", {}, {}
    for source, target in pairs:
        if target not in place:
            place[target] = len(blob)
            blob += target.encode() + b"\0"
        keys[source.encode()] = place[target]
    root = {}
    for key, value in keys.items():
        node = root
        for byte in key:
            node = node.setdefault(byte, {})
        node[None] = value
    units, used = {0: 0}, {0}

    def arrange(node, position):
        labels = [0 if label is None else label for label in node]
        base = 1
        while any((base ^ label) in used for label in labels) or (position ^ base) >= 1 << 21:
            base += 1
        units[position] |= (position ^ base) << 10
        if None in node:
            units[position] |= 1 << 8
        for label in node:
            used.add(base ^ (label or 0))
        for label, child in node.items():
            at = base ^ (label or 0)
            if label is None:
                units[at] = child | 1 << 31
            else:
                units[at] = label
                arrange(child, at)

    arrange(root, 0)
    size = (max(units) | 255) + 1
    trie = struct.pack(f"<{size}I", *(units.get(i, 0) for i in range(size)))
    return base64.b64encode(struct.pack("<I", len(trie)) + trie + blob).decode()


def nmt_nfkc():
    """What SentencePiece's nmt_nfkc does to the characters of our texts."""
    import unicodedata
    pairs = [(c, " ") for c in "\t\n\r\u00a0\u2003\u3000"] + [("\u200b", " "), ("\u200d", "")]
    seen = set("".join(texts()) + "ﬀﬂ①Ⅷ℃ｱ")
    for c in sorted(seen):
        folded = unicodedata.normalize("NFKC", c)
        if folded != c and c not in dict(pairs):
            pairs.append((c, folded))
    for base in "aeiouAEIOU":
        pairs.append((base + "\u0301", unicodedata.normalize("NFC", base + "\u0301")))
    return charsmap(pairs)


def unigram_tokenizer(normalizer, pre_tokenizer, special, template, byte_fallback=False):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    bytes_ = [f"<0x{b:02X}>" for b in range(256)] if byte_fallback else []
    trainer = trainers.UnigramTrainer(vocab_size=300 + len(bytes_), special_tokens=special + bytes_, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    learned = json.loads(tokenizer.to_str())
    learned["model"]["byte_fallback"] = byte_fallback
    if byte_fallback:  # they are pieces, and no one writes them
        learned["added_tokens"] = [t for t in learned["added_tokens"] if not t["content"].startswith("<0x")]
    learned["model"]["vocab"] = [[p, round(s, 6)] for p, s in learned["model"]["vocab"]]
    tokenizer = Tokenizer.from_str(json.dumps(learned))
    ids = [(t, tokenizer.token_to_id(t)) for t in special]
    tokenizer.post_processor = processors.TemplateProcessing(template, special_tokens=ids)
    return tokenizer


def siglip_tokenizer():
    punctuation = Regex(r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]")
    normalizer = normalizers.Sequence([
        normalizers.Lowercase(), normalizers.Replace(punctuation, ""), normalizers.Replace(Regex(r"\s+"), " "),
        normalizers.Strip(), normalizers.Precompiled(nmt_nfkc_bytes())])
    return unigram_tokenizer(normalizer, pre_tokenizers.Metaspace(), ["<pad>", "</s>", "<unk>"], "$A </s>"), 1


def xlmr_tokenizer():
    normalizer = normalizers.Precompiled(nmt_nfkc_bytes())
    pre = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    return unigram_tokenizer(normalizer, pre, ["<s>", "<pad>", "</s>", "<unk>"], "<s> $A </s>", byte_fallback=True), 1


def nmt_nfkc_bytes():
    return base64.b64decode(nmt_nfkc())


def gemma_tokenizer():
    special = ["<pad>", "<eos>", "<bos>", "<unk>"]
    bytes_ = [f"<0x{b:02X}>" for b in range(256)]
    trained = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    trained.normalizer = normalizers.Replace(" ", "▁")
    trained.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=250, special_tokens=special, show_progress=False))
    learned = json.loads(trained.to_str())["model"]
    vocab = {}
    for token in special + bytes_ + [t for t in sorted(learned["vocab"], key=learned["vocab"].get) if t not in special]:
        vocab.setdefault(token, len(vocab))
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in learned["merges"]]
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.post_processor = processors.TemplateProcessing("$A <eos>", special_tokens=[("<eos>", 1)])
    tokenizer.add_special_tokens(special)
    return tokenizer, 0


# ---- networks ----

class Tower(nn.Module):
    def __init__(self, run):
        super().__init__()
        self.run = run

    def forward(self, *args):
        return self.run(*args)


def export(module, arguments, path, inputs, outputs, dynamic):
    module.eval()  # the exporter would leave it in the mode that it found
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(module, arguments, str(path), input_names=inputs, output_names=outputs, dynamic_axes=dynamic,
                      opset_version=17, dynamo=False)
    shorten(path)


def shorten(path):
    """Names of inner values are half of so small a file."""
    import onnx
    model = onnx.load(str(path))
    graph = model.graph
    names = {v.name: v.name for v in (*graph.input, *graph.output)}
    def short(name):
        return names.setdefault(name, f"v{len(names)}") if name else name
    for node in graph.node:
        node.name, node.doc_string = "", ""
        node.input[:], node.output[:] = [short(n) for n in node.input], [short(n) for n in node.output]
    for tensor in graph.initializer:
        tensor.name = short(tensor.name)
    del graph.value_info[:]
    onnx.save(model, str(path))


def eva():
    return Eva(img_size=SIDE, patch_size=PATCH, num_classes=DIMENSION, embed_dim=WIDTH, depth=2, num_heads=2, mlp_ratio=2.6667,
               swiglu_mlp=True, scale_mlp=True, qkv_fused=False, use_rot_pos_emb=True, ref_feat_shape=(2, 2), global_pool="token")


def mean_pooled(states, mask):
    weight = mask.unsqueeze(-1).to(states.dtype)
    return (states * weight).sum(1) / weight.sum(1).clamp(min=1e-9)


PIXELS = {0: "batch", 2: "height", 3: "width"}
TOKENS = {0: "batch", 1: "length"}
VISION = dict(hidden_size=WIDTH, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=SIDE, patch_size=PATCH)
TEXT = dict(hidden_size=WIDTH, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2)


def ids_of(tokenizer, text, limit, pad, full):
    """Padded one by one, as a server gets them."""
    ids = tokenizer.encode(text).ids
    assert len(ids) <= limit or full, (text, len(ids))
    if len(ids) > limit:
        return None
    return ids + [pad] * (limit - len(ids)) if full else ids


class Family:
    """One folder: its files, and what the reference makes."""

    def __init__(self, out, name):
        self.folder = out / name
        self.folder.mkdir(parents=True)
        torch.manual_seed(len(name) * 1000 + sum(map(ord, name)))

    def write(self, name, content):
        (self.folder / name).write_text(content if isinstance(content, str) else json.dumps(content, indent=1) + "\n", encoding="utf-8")

    def tokenizer(self, tokenizer, pad, config):
        document = json.loads(tokenizer.to_str())
        self.write("tokenizer.json", json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n")
        self.write("tokenizer_config.json", config)

    def expect(self, pixels, embed_picture, token_ids, embed_text, alpha=True):
        """pixels: PIL picture -> tensor [3, h, w]; token_ids: text -> ids or None where it is cut."""
        with torch.no_grad():
            tensors = [torch.as_tensor(np.asarray(pixels(p))).float() for p in map(picture, range(50))]
            pictures = torch.cat([embed_picture(t[None]) for t in tensors])
            ids = [token_ids(t) for t in texts()]
            vectors = [torch.zeros(1, pictures.shape[1]) if i is None else embed_text(torch.tensor([i])) for i in ids]
            vectors = torch.cat(vectors)
        normalised = [nn.functional.normalize(v, dim=-1).numpy().astype("<f4") for v in (pictures, vectors)]
        normalised[1][[i for i, x in enumerate(ids) if x is None]] = 0  # cut at a word there, at a token here
        assert np.isfinite(normalised[0]).all() and np.isfinite(normalised[1]).all()
        spread = normalised[0] @ normalised[0].T
        assert spread.min() < 0.999, "all pictures look the same: the test would show nothing"
        (self.folder / "pictures.f32").write_bytes(normalised[0].tobytes())
        (self.folder / "texts.f32").write_bytes(normalised[1].tobytes())
        (self.folder / "tensors.f16").write_bytes(np.stack([t.numpy() for t in tensors[:TENSORS]]).astype("<f2").tobytes())
        print(f"{self.folder.name}: {sum(f.stat().st_size for f in self.folder.rglob('*') if f.is_file()) // 1024} KB,"
              f" {sum(i is None for i in ids)} texts over the limit, least cosine of two pictures {spread.min():.3f}")


def processor_pixels(processor):
    return lambda p: processor(p, return_tensors="np")["pixel_values"][0]


def features(output):
    return output if isinstance(output, torch.Tensor) else output.pooler_output


def clip(out, name="clip"):
    family = Family(out, name)
    tokenizer, end = clip_tokenizer()
    size = tokenizer.get_vocab_size()
    config = CLIPConfig(text_config=dict(TEXT, vocab_size=size, max_position_embeddings=77, bos_token_id=end - 1, eos_token_id=end, pad_token_id=end),
                        vision_config=VISION, projection_dim=DIMENSION)
    model = CLIPModel(config).eval()
    family.write("config.json", json.dumps(dict(config.to_dict(), torch_dtype=None), indent=1) + "\n")
    processor = CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    family.write("preprocessor_config.json", json.dumps(clean(processor.to_dict()), indent=1) + "\n")
    family.tokenizer(tokenizer, end, {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "pad_token": "<|endoftext|>"})
    picture_tower = Tower(lambda p: features(model.get_image_features(pixel_values=p)))
    text_tower = Tower(lambda i, m: features(model.get_text_features(input_ids=i, attention_mask=m)))
    picture_tower.model = text_tower.model = model
    one, mask = torch.tensor([[end - 1, 5, 6, end, end]]), torch.tensor([[1, 1, 1, 1, 0]])
    export(picture_tower, (torch.rand(1, 3, SIDE, SIDE),), family.folder / "onnx/vision_model.onnx", ["pixel_values"], ["image_embeds"], {"pixel_values": PIXELS})
    export(text_tower, (one, mask), family.folder / "onnx/text_model.onnx", ["input_ids", "attention_mask"], ["text_embeds"], {"input_ids": TOKENS, "attention_mask": TOKENS})
    family.expect(processor_pixels(processor), picture_tower, lambda t: within(tokenizer, t, 77), lambda i: text_tower(i, torch.ones_like(i)))


def within(tokenizer, text, limit):
    ids = tokenizer.encode(text).ids
    return ids if len(ids) <= limit else None


def filled(tokenizer, text, limit, pad, left=False):
    ids = within(tokenizer, text, limit)
    if ids is None:
        return None
    padding = [pad] * (limit - len(ids))
    return padding + ids if left else ids + padding


def clean(values):
    return {k: v for k, v in values.items() if v is not None and k not in ("processor_class", "_processor_class")}


def chinese_clip(out):
    """Both towers in one file, as it is published."""
    family = Family(out, "chinese_clip")
    tokenizer, pad = wordpiece_tokenizer()
    config = ChineseCLIPConfig(attn_implementation="eager", text_config=dict(TEXT, vocab_size=tokenizer.get_vocab_size(), max_position_embeddings=80),
                               vision_config=VISION, projection_dim=DIMENSION)
    model = ChineseCLIPModel(config).eval()
    family.write("config.json", json.dumps(dict(config.to_dict(), torch_dtype=None), indent=1) + "\n")
    processor = ChineseCLIPImageProcessorPil(size={"height": SIDE, "width": SIDE}, do_center_crop=False, resample=2)
    family.write("preprocessor_config.json", json.dumps(clean(processor.to_dict()), indent=1) + "\n")
    family.tokenizer(tokenizer, pad, {"tokenizer_class": "BertTokenizer", "model_max_length": 512, "pad_token": "[PAD]"})

    def text(ids, mask):
        states = model.text_model(input_ids=ids, attention_mask=mask)[0]
        return model.text_projection(states[:, 0, :])

    def both(ids, pixels, mask):
        words, pictures = nn.functional.normalize(text(ids, mask), dim=-1), nn.functional.normalize(features(model.get_image_features(pixel_values=pixels)), dim=-1)
        return pictures @ words.T, words @ pictures.T, words, pictures

    tower = Tower(both)
    tower.model = model
    # With padding in it: where there is none the exporter sees no mask.
    export(tower, (torch.tensor([[2, 5, 3, 0]]), torch.rand(1, 3, SIDE, SIDE), torch.tensor([[1, 1, 1, 0]])),
           family.folder / "onnx/model.onnx", ["input_ids", "pixel_values", "attention_mask"],
           ["logits_per_image", "logits_per_text", "text_embeds", "image_embeds"],
           {"input_ids": TOKENS, "attention_mask": TOKENS, "pixel_values": PIXELS})
    family.expect(processor_pixels(processor), lambda p: features(model.get_image_features(pixel_values=p)),
                  lambda t: within(tokenizer, t, 80), lambda i: text(i, torch.ones_like(i)))


def siglip(out, name, tokenizer, pad, tokenizer_config, lower=False, left=False, variant=""):
    family = Family(out, name)
    limit = 64
    config = SiglipConfig(text_config=dict(TEXT, vocab_size=tokenizer.get_vocab_size(), max_position_embeddings=limit, projection_size=WIDTH), vision_config=VISION)
    model = SiglipModel(config).eval()
    # Random weights of that scale hardly tell two pictures apart.
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.mul_(2)
    family.write("config.json", json.dumps(dict(config.to_dict(), torch_dtype=None), indent=1) + "\n")
    processor = SiglipImageProcessorPil(size={"height": SIDE, "width": SIDE}, resample=3)
    family.write("preprocessor_config.json", json.dumps(clean(processor.to_dict()), indent=1) + "\n")
    family.tokenizer(tokenizer, pad, tokenizer_config)
    picture_tower = Tower(lambda p: model.vision_model(pixel_values=p).pooler_output)
    text_tower = Tower(lambda i: model.text_model(input_ids=i).pooler_output)
    picture_tower.model = text_tower.model = model
    export(picture_tower, (torch.rand(1, 3, SIDE, SIDE),), family.folder / f"onnx/vision_model{variant}.onnx", ["pixel_values"], ["pooler_output"], {"pixel_values": {0: "batch"}})
    export(text_tower, (torch.ones(1, limit, dtype=torch.long),), family.folder / f"onnx/text_model{variant}.onnx", ["input_ids"], ["pooler_output"], {"input_ids": TOKENS})
    family.expect(processor_pixels(processor), picture_tower, lambda t: filled(tokenizer, t.lower() if lower else t, limit, pad, left), text_tower)
    return family


def open_clip_family(out, name, visual, preprocess, text_config, tokenizer, pad, clean_text=None, ir=False):
    from open_clip.transform import PreprocessCfg, image_transform_v2
    family = Family(out, name)
    limit = text_config["context_length"]
    from open_clip.transformer import TextTransformer
    text_model = TextTransformer(context_length=limit, vocab_size=tokenizer.get_vocab_size(), width=WIDTH, heads=2, layers=1, output_dim=DIMENSION,
                                 **({"pool_type": "last", "no_causal_mask": True} if clean_text else {})).eval()
    with torch.no_grad():
        for weight in text_model.parameters():
            if weight.dim() > 1:
                weight.mul_(3)
    visual = visual.eval()
    family.write("open_clip_config.json", {
        "model_cfg": {"embed_dim": DIMENSION, "vision_cfg": {"image_size": SIDE}, "text_cfg": text_config},
        "preprocess_cfg": dict(preprocess, mean=MEAN, std=STD)})
    document = json.loads(tokenizer.to_str())
    family.write("tokenizer.json", json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n")
    folder = family.folder
    export(visual, (torch.rand(1, 3, SIDE, SIDE),), folder / "onnx/vision_model.onnx", ["image"], ["unnorm_image_features"], {"image": {0: "batch"}})
    export(text_model, (torch.zeros(1, limit, dtype=torch.long),), folder / "onnx/text_model.onnx", ["text"], ["unnorm_text_features"], {"text": {0: "batch"}})
    if ir:
        import openvino
        for tower in ("vision", "text"):
            model = openvino.convert_model(str(folder / f"onnx/{tower}_model.onnx"))
            openvino.save_model(model, str(folder / f"openvino_{tower}_model.xml"), compress_to_fp16=False)
        shutil.rmtree(folder / "onnx")
    transform = image_transform_v2(PreprocessCfg(size=SIDE, mean=MEAN, std=STD, **preprocess), is_train=False)
    prepare = clean_text or (lambda t: t)
    family.expect(transform, visual, lambda t: filled(tokenizer, prepare(t), limit, pad), text_model)


def open_clip_vit():
    from open_clip.transformer import VisionTransformer
    return VisionTransformer(image_size=SIDE, patch_size=PATCH, width=WIDTH, layers=2, heads=2, mlp_ratio=2.0, output_dim=DIMENSION)


def jina(out, name, combined, tokenizer, pad, text_model, tokenizer_config):
    family = Family(out, name)
    visual, text_model = eva().eval(), text_model.eval()
    project = nn.Linear(WIDTH, DIMENSION, bias=False)
    family.write("config.json", {"model_type": "jina_clip", "projection_dim": DIMENSION, "truncate_dim": None,
                                 "text_config": {"model_type": "jina_clip_text", "embed_dim": DIMENSION, "pooler_type": "mean_pooler"},
                                 "vision_config": {"model_type": "jina_clip_vision", "image_size": SIDE}})
    preprocess = {"size": SIDE, "resize_mode": "shortest", "interpolation": "bicubic", "fill_color": 0, "mean": MEAN, "std": STD}
    family.write("preprocessor_config.json", dict(preprocess, image_processor_type="JinaCLIPImageProcessor"))
    family.tokenizer(tokenizer, pad, tokenizer_config)

    def text(ids):
        mask = (ids != pad).long()
        return project(mean_pooled(text_model(input_ids=ids, attention_mask=mask)[0], mask))

    text_tower = Tower(text)
    text_tower.model, text_tower.project = text_model, project
    one = torch.tensor([[2, 7, 8, 3, pad]])  # with padding in it: where there is none the exporter sees no mask
    if combined:
        def both(ids, pixels):
            words, pictures = text(ids), visual(pixels)
            return words, pictures, nn.functional.normalize(words, dim=-1), nn.functional.normalize(pictures, dim=-1)
        tower = Tower(both)
        tower.visual, tower.text = visual, text_tower
        export(tower, (one, torch.rand(1, 3, SIDE, SIDE)), family.folder / "onnx/model.onnx", ["input_ids", "pixel_values"],
               ["text_embeddings", "image_embeddings", "l2norm_text_embeddings", "l2norm_image_embeddings"], {"input_ids": TOKENS, "pixel_values": {0: "image_batch"}})
        outside(family.folder / "onnx/model.onnx")
    else:
        export(visual, (torch.rand(1, 3, SIDE, SIDE),), family.folder / "onnx/vision_model.onnx", ["pixel_values"], ["image_embeds"], {"pixel_values": {0: "batch"}})
        export(text_tower, (one,), family.folder / "onnx/text_model.onnx", ["input_ids"], ["text_embeds"], {"input_ids": TOKENS})
    from open_clip.transform import PreprocessCfg, image_transform_v2
    transform = image_transform_v2(PreprocessCfg(size=SIDE, mean=MEAN, std=STD), is_train=False)
    family.expect(transform, visual, lambda t: within(tokenizer, t, 126), text)


def outside(path):
    """The weights into a file beside it, as large models have them."""
    import onnx
    model = onnx.load(str(path))
    onnx.save_model(model, str(path), save_as_external_data=True, all_tensors_to_one_file=True, location=path.name + "_data", size_threshold=1024)


def bert(size):
    return BertModel(BertConfig(attn_implementation="eager", vocab_size=size, max_position_embeddings=128, **TEXT), add_pooling_layer=False)


def xlmr(size):
    return XLMRobertaModel(XLMRobertaConfig(attn_implementation="eager", vocab_size=size, max_position_embeddings=130, pad_token_id=1, type_vocab_size=1, **TEXT), add_pooling_layer=False)


def piece_texts():
    rng = random.Random(11)
    signs = list("!?.,-_'\"()[]{}<>|&@#%^*+=~`:;/\\") + ["…", "「", "、", "™", "Ⅷ", "ﬀ", "①", "℃", "ｱ", "🇩🇪", "👍🏽", "\u0301", "ä", "Å", "\u00a0", "\u3000", "\u200b", "\r\n", "\t", "▁", "<unk>", "</s>", "<pad>", "<s>", "<eos>", "<0x41>"]
    yield from ["", " ", "  ", "▁", "▁▁a", "a▁b", "a  b", " a ", "\u0301", "a\u0301", "\r\n", "</s>", " </s> a", "a</s>b", "<UNK>", "\u200d", "x" * 300, "ab" * 2000, "🐶" * 50]
    yield from texts()
    for _ in range(500):
        parts = rng.choices(WORDS + OTHER, k=rng.randint(1, 4)) + rng.choices(signs, k=rng.randint(1, 5)) + rng.choices([" ", "  "], k=rng.randint(0, 4))
        rng.shuffle(parts)
        yield "".join(parts)


def pieces(out, names):
    """Ids, one by one: texts whose vectors agree may still have been lucky."""
    tokenizers = [Tokenizer.from_file(str(out / name / "tokenizer.json")) for name in names]
    for tokenizer in tokenizers:
        tokenizer.no_padding()
    with (out / "pieces.jsonl").open("w", encoding="utf-8") as file:
        for text in piece_texts():
            print(json.dumps([text, *(t.encode(text).ids for t in tokenizers)], ensure_ascii=False, separators=(",", ":")), file=file)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    torch.set_num_threads(1)
    if out.exists():
        shutil.rmtree(out)
    out.mkdir(parents=True)
    (out / "texts.json").write_text(json.dumps(texts(), ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    clip(out)
    chinese_clip(out)
    tokenizer, pad = siglip_tokenizer()
    siglip(out, "siglip", tokenizer, pad, {"tokenizer_class": "T5Tokenizer", "model_max_length": 64, "pad_token": "</s>"}, variant="_fp16")
    tokenizer, pad = gemma_tokenizer()
    siglip(out, "siglip2", tokenizer, pad, {"tokenizer_class": "Siglip2Tokenizer", "padding_side": "right", "model_max_length": 64, "pad_token": "<pad>"}, lower=True)
    tokenizer, _ = clip_tokenizer()
    torch.manual_seed(1)
    open_clip_family(out, "open_clip", open_clip_vit(), {"interpolation": "bicubic", "resize_mode": "shortest"}, {"context_length": 77}, tokenizer, 0, ir=True)
    torch.manual_seed(2)
    open_clip_family(out, "eva", eva(), {"interpolation": "bilinear", "resize_mode": "longest", "fill_color": 127}, {"context_length": 77}, tokenizer, 0)
    plain = unigram_tokenizer(normalizers.Precompiled(nmt_nfkc_bytes()), pre_tokenizers.Metaspace(), ["<pad>", "</s>", "<unk>"], "$A </s>")
    plain.enable_padding(pad_id=1, pad_token="</s>")
    torch.manual_seed(3)
    open_clip_family(out, "open_clip_siglip", open_clip_vit(), {"interpolation": "bicubic", "resize_mode": "squash"},
                     {"context_length": 64, "hf_tokenizer_name": "small", "tokenizer_kwargs": {"clean": "canonicalize"}}, plain, 1,
                     clean_text=open_clip.tokenizer.canonicalize_text)
    tokenizer, pad = wordpiece_tokenizer()
    torch.manual_seed(4)
    jina(out, "jina_clip_v1", False, tokenizer, pad, bert(tokenizer.get_vocab_size()), {"tokenizer_class": "BertTokenizer", "model_max_length": 126, "pad_token": "[PAD]"})
    tokenizer, pad = xlmr_tokenizer()
    torch.manual_seed(5)
    jina(out, "jina_clip_v2", True, tokenizer, pad, xlmr(tokenizer.get_vocab_size()), {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 126, "pad_token": "<pad>"})
    pieces(out, ["siglip", "siglip2", "open_clip_siglip", "jina_clip_v2"])
    total = sum(f.stat().st_size for f in out.rglob("*") if f.is_file())
    print(f"total {total // 1024} KB")


if __name__ == "__main__":
    sys.exit(main())
