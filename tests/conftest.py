"""Black-box tests against a real `ocellus` process: OCELLUS_BINARY, else build/release/ocellus."""
import base64
import functools
import io
import os
import pathlib
import random
import signal
import subprocess
import sys
import tarfile
import time

import pytest
import requests
from PIL import Image, ImageDraw

ROOT = pathlib.Path(__file__).resolve().parents[1]
BINARY = pathlib.Path(os.environ.get("OCELLUS_BINARY", ROOT / "build/release/ocellus"))
PREFIX = "/api/v1/operators/image-search"
# Real photographs: tars of WebP pictures. Tests that want them are skipped where there are none.
SHARED = pathlib.Path(os.environ.get("OCELLUS_SHARED", ROOT.parent / "shared"))


class Server:
    """One running server on a free port of loopback."""

    def __init__(self, data, *arguments, config=None, env=None, listen="127.0.0.1:0"):
        self.data = pathlib.Path(data)
        self.arguments = list(arguments)
        self.listen = listen
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("OCELLUS_")} | (env or {})
        if config is not None:
            path = self.data.parent / (self.data.name + ".toml")
            path.write_text(config)
            self.arguments += ["--config", str(path)]
        self.log_path = self.data.parent / (self.data.name + ".log")
        self.process = None
        self.url = None
        self.key = (env or {}).get("OCELLUS_API_KEY")

    def command(self):
        listen = ["--listen", self.listen] if self.listen else []
        return [str(BINARY), "serve", "--data", str(self.data), *listen, *self.arguments]

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=subprocess.PIPE, stderr=log, env=self.env)
        line = self.process.stdout.readline().decode()
        if " ready at " not in line:
            self.process.wait()
            raise AssertionError(f"the server did not start: {line!r}\n{self.log_path.read_text()[-2000:]}")
        self.ready_line = line
        self.url = line.split(" ready at ")[1].split()[0]
        self.port = int(self.url.rsplit(":", 1)[1])
        return self

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self, timeout=60):
        if self.process is None or self.process.poll() is not None:
            return self.process and self.process.returncode
        self.terminate()
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self):
        self.process.kill()
        self.process.wait()

    def log(self):
        return self.log_path.read_text(errors="replace")

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # Calls. `call` gives the answer as it is; `data` wants success and gives its data.
    def call(self, method, path, body=None, *, key=None, session=None, **more):
        headers = dict(more.pop("headers", {}))
        key = key or self.key
        if key:
            headers["Authorization"] = f"Bearer {key}"
        url = self.url + (path if path.startswith("/api/v1/admin") or path.startswith("/images") or
                          path in ("/", "/healthz", "/metrics", "/openapi.json") else PREFIX + path)
        if body is not None:
            more["json"] = body
        return (session or requests).request(method, url, headers=headers, timeout=60, **more)

    def data_of(self, method, path, body=None, **more):
        answer = self.call(method, path, body, **more)
        assert answer.status_code == 200, answer.text
        envelope = answer.json()
        assert envelope["status"] == "SUCCESS" and envelope["message"] is None, envelope
        return envelope["data"]

    def create(self, name, **more):
        return self.data_of("POST", "/library/create", {"library_name": name, "mode": "general_search", **more})

    def delete(self, name):
        return self.data_of("POST", "/library/delete", {"library_name": name})

    def add(self, library, image_id, image_uri, picture, tags=None, **more):
        body = {"library_name": library, "image_id": image_id, "image_uri": image_uri, "image_base64": b64(picture)}
        if tags is not None:
            body["tags"] = tags
        session = more.pop("session", None)
        return self.data_of("POST", "/image/add", body | more, session=session)

    def by_image(self, library, picture, **more):
        body = {"library_name": library, "image_base64": b64(picture), "return_frame": False, **more}
        return self.data_of("POST", "/search/by-image", body)["results"]

    def by_text(self, library, text, **more):
        body = {"library_name": library, "text": text, "return_frame": False, **more}
        return self.data_of("POST", "/search/by-text", body)["results"]

    def count(self, library):
        libraries = self.data_of("GET", "/library/list")["libraries"]
        return next(l["image_count"] for l in libraries if l["library_name"] == library)


def b64(data):
    return base64.b64encode(data).decode()


@functools.lru_cache(maxsize=None)
def picture(seed, format="JPEG", size=(96, 72), **options):
    """A small picture; another one for every seed."""
    rng = random.Random(seed)
    image = Image.new("RGB", size, tuple(rng.randrange(256) for _ in range(3)))
    draw = ImageDraw.Draw(image)
    for _ in range(6):
        x, y = rng.randrange(size[0]), rng.randrange(size[1])
        box = (x, y, x + rng.randrange(8, 48), y + rng.randrange(8, 48))
        colour = tuple(rng.randrange(256) for _ in range(3))
        (draw.ellipse if rng.random() < 0.5 else draw.rectangle)(box, fill=colour)
    out = io.BytesIO()
    image.save(out, format, **dict(options))
    return out.getvalue()


def run_cli(*arguments, env=None, **more):
    base = {k: v for k, v in os.environ.items() if not k.startswith("OCELLUS_")}
    return subprocess.run([str(BINARY), *map(str, arguments)], capture_output=True, text=True, timeout=120,
                          env=base | (env or {}), **more)


def wait_for(condition, what, timeout=30):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen in {timeout} s")


def photo_tar(count):
    """(name, bytes) of `count` of the real photographs, the last archive's first; or a skip."""
    tars = sorted(SHARED.glob("data/photos/train-*.tar"))
    if not tars:
        pytest.skip(f"no photographs in {SHARED}/data/photos (OCELLUS_SHARED names another place)")
    members = []
    for path in reversed(tars):
        with tarfile.open(path, "r|") as archive:
            for member in archive:
                if member.isfile():
                    members.append((member.name, archive.extractfile(member).read()))
                    if len(members) == count:
                        return members
    return members


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """An open server for the tests that need nothing special. Each test has a library of its own name."""
    folder = tmp_path_factory.mktemp("server")
    roots = folder / "roots"
    roots.mkdir()
    config = f"""
[libraries]
max = 200
[import]
roots = ["{roots}"]
buckets = {{photos = "{roots}"}}
"""
    with Server(folder / "data", config=config) as running:
        running.roots = roots
        yield running


@pytest.fixture
def library(server, request):
    name = "".join(c if c.isalnum() else "_" for c in request.node.name)[:100]
    server.create(name)
    yield name
    server.call("POST", "/library/delete", {"library_name": name})


if not BINARY.exists():
    sys.exit(f"{BINARY} is not there: `make build` makes it, or name another with OCELLUS_BINARY")
