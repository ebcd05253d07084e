"""An embedding for the stores' tests: a bag of hashed words, so that texts that share words are near."""
import hashlib
import math

DIMENSION = 64


def embed(text):
    vector = [0.0] * DIMENSION
    for word in text.lower().split():
        digest = hashlib.sha1(word.strip(".,").encode()).digest()
        vector[digest[0] % DIMENSION] += 1.0
        vector[digest[1] % DIMENSION] += 0.5
    norm = math.sqrt(sum(x * x for x in vector)) or 1.0
    return [x / norm for x in vector]


def squared_distance(a, b):
    return sum((x - y) ** 2 for x, y in zip(a, b, strict=True))
