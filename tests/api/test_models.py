"""`ocellus model`: the folder of bundles, a model hub on loopback, and libraries that change their bundle."""
import contextlib
import hashlib
import http.server
import json
import pathlib
import re
import shutil
import struct
import threading
import time
from math import exp

import pytest
import requests

from conftest import ROOT, Server, b64, picture, run_cli, wait_for

FAMILIES = ROOT / "src/embed/testdata/families"


def bundle_files(folder):
    """What a bundle is made of, by its path; what the tests expect of it is left out."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*")
            if p.is_file() and p.suffix not in (".f32", ".f16")}


def make_bundle(source, target, change=None):
    for name, data in (bundle_files(FAMILIES / source) | (change or {})).items():
        if data is None:
            continue
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return target


@pytest.fixture
def models(tmp_path):
    folder = tmp_path / "models"
    make_bundle("clip", folder / "default")
    return folder


def model(*arguments, models=None, **more):
    where = ["--models", models] if models else []
    return run_cli("model", *arguments, *where, **more)


def tree(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


# ---- the folder ----

def test_help_teaches():
    text = run_cli("model", "--help").stdout
    for word in ("list", "add", "verify", "pull", "use", "ocellus model pull Xenova/clip-vit-base-patch32"):
        assert word in text
    assert "HF_ENDPOINT" in run_cli("model", "pull", "--help").stdout


def test_list(models):
    make_bundle("jina_clip_v2", models / "jina")
    make_bundle("clip", models / "broken", {"config.json": b"{"})
    (models / ".adding-x").mkdir()
    result = model("list", models=models)
    assert result.returncode == 1  # the broken one
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["bundle", "family", "numbers", "pixels", "words", "MB", "digest"]
    assert [line.split()[:2] for line in lines[1:]] == [["default", "clip"], ["jina", "jina_clip"]]
    assert "broken/config.json: not valid JSON" in result.stderr
    bundles = json.loads(model("list", "--json", models=models).stdout)
    assert {b["name"]: b.get("dimension") for b in bundles} == {"default": 12, "jina": 12, "broken": None}


def test_add_copies_only_what_the_bundle_is_made_of(models, tmp_path):
    source = make_bundle("siglip", tmp_path / "export", {"README.md": b"words", "pytorch_model.bin": b"x" * 1000})
    result = model("add", source, "--as", "mine", models=models)
    assert result.returncode == 0, result.stderr
    assert re.search(r"vectors +[0-9a-f]{16}\n", result.stdout) and "Added mine" in result.stdout
    assert tree(models / "mine") == ["config.json", "onnx", "onnx/text_model_fp16.onnx", "onnx/vision_model_fp16.onnx",
                                     "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json"]
    again = model("add", source, "--as", "mine", models=models)
    assert again.returncode == 2 and "already" in again.stderr
    assert sorted(p.name for p in models.iterdir()) == ["default", "mine"]


def test_verify_is_the_same_each_time(models):
    first = model("verify", "default", models=models)
    second = model("verify", models / "default")
    assert first.returncode == 0, first.stderr
    digest = re.search(r"vectors +([0-9a-f]{16})", first.stdout)[1]
    assert digest == re.search(r"vectors +([0-9a-f]{16})", second.stdout)[1]
    assert re.search(r"pictures +\d+/s on one core, 14 pixels", first.stdout)
    assert model("verify", "none", models=models).returncode == 2


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def part(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


def with_tensor(onnx, tensor):
    """The same network with one more initializer."""
    return onnx + part(7, part(5, tensor))


def nan_weights(onnx):
    """The largest tensor of floats with NaN in it."""
    data = bytearray(onnx)
    floats = struct.pack("<f", float("nan"))
    # Raw data of a weight: far into the file, on a value that is one.
    for at in range(len(data) // 2, len(data) - 8):
        value = struct.unpack_from("<f", data, at)[0]
        if 1e-3 < abs(value) < 0.5 and 1e-3 < abs(struct.unpack_from("<f", data, at + 4)[0]) < 0.5:
            data[at:at + 4] = floats
            return bytes(data)
    raise AssertionError("no weight found")


VISION = (FAMILIES / "clip/onnx/vision_model.onnx").read_bytes()
HUGE = varint(1 << 3) + varint(1 << 33) + varint(2 << 3) + varint(1) + part(8, b"huge") + part(9, b"1234")
OUTSIDE = (varint(1 << 3) + varint(4) + varint(2 << 3) + varint(1) + part(8, b"w") +
           part(13, part(1, b"location") + part(2, b"../../../etc/passwd")) + varint(14 << 3) + varint(1))
CONFIG = json.loads((FAMILIES / "clip/config.json").read_text())
TOKENIZER = json.loads((FAMILIES / "clip/tokenizer.json").read_text())

BAD = {
    "no config": ({"config.json": None}, "config.json"),
    "no tokenizer": ({"tokenizer.json": None}, "tokenizer.json"),
    "no networks": ({"onnx/vision_model.onnx": None, "onnx/text_model.onnx": None}, "vision_model.onnx is not there"),
    "another dimension": ({"config.json": json.dumps(CONFIG | {"projection_dim": 13}).encode()}, "13 numbers per item"),
    "an unknown family": ({"config.json": json.dumps(CONFIG | {"model_type": "blip"}).encode()}, '"model_type": "blip" is not supported'),
    "an unknown tokenizer": ({"tokenizer.json": json.dumps(TOKENIZER | {"model": {"type": "WordLevel"}}).encode()}, '"model.type": "WordLevel" is not supported'),
    "a huge shape": ({"onnx/vision_model.onnx": with_tensor(VISION, HUGE)}, 'tensor "huge" claims a shape'),
    "data elsewhere": ({"onnx/vision_model.onnx": with_tensor(VISION, OUTSIDE)}, "only a file in the same folder is read"),
    "NaN": ({"onnx/vision_model.onnx": nan_weights(VISION)}, "NaN"),
    "no ONNX": ({"onnx/vision_model.onnx": b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 3\n"}, "is no ONNX file"),
    "an empty network": ({"onnx/text_model.onnx": b""}, "is empty"),
    "a cut network": ({"onnx/vision_model.onnx": VISION[:len(VISION) // 2]}, "it ends too early"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_bundles_are_refused_before_anything_is_written(models, tmp_path, name):
    change, reason = BAD[name]
    source = make_bundle("clip", tmp_path / "export", change)
    before = tree(models)
    result = model("add", source, models=models)
    assert result.returncode == 2 and result.stdout == ""
    assert reason in result.stderr, result.stderr
    assert tree(models) == before


# ---- the hub ----

class Hub:
    """The hub's calls for one model, on loopback. `cuts`: transfers that break off after so many bytes."""

    def __init__(self, files, token=None):
        self.files, self.token = files, token
        self.cuts, self.requests, self.ranges_work, self.lie = {}, [], True, None
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                hub.requests.append((self.path, self.headers.get("Range"), self.headers.get("Authorization")))
                hub.answer(self)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def send(self, request, status, body, headers=None):
        request.send_response(status)
        for name, value in (headers or {}).items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def answer(self, request):
        path = request.path
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return self.send(request, 401, b'{"error":"Unauthorized"}')
        if path == "/api/models/owner/tiny/tree/main?recursive=true":
            return self.send(request, 200, json.dumps(self.listing()).encode(), {"Content-Type": "application/json"})
        if path.startswith("/cdn/"):
            return self.content(request, path[len("/cdn/"):])
        prefix = "/owner/tiny/resolve/main/"
        if path.startswith(prefix) and path[len(prefix):] in self.files:
            if path.endswith(".onnx"):  # large files lie elsewhere
                return self.send(request, 302, b"", {"Location": self.url + "/cdn/" + path[len(prefix):]})
            return self.content(request, path[len(prefix):])
        return self.send(request, 404, b"not found")

    def listing(self):
        entries = [{"type": "directory", "path": "onnx", "oid": "0" * 40, "size": 0}]
        for name, data in self.files.items():
            entry = {"type": "file", "path": name, "size": len(data),
                     "oid": hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()}
            if name.endswith(".onnx"):
                entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
            if self.lie == name:
                entry["lfs" if "lfs" in entry else "oid"] = {"oid": "0" * 64} if "lfs" in entry else "0" * 40
            entries.append(entry)
        return entries

    def content(self, request, name):
        data, status, headers = self.files[name], 200, {"ETag": '"x"'}
        wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range") or "")
        if wanted and self.ranges_work:
            start = int(wanted[1])
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            data, status = data[start:], 206
        cut = self.cuts.pop(name, None)
        if cut is None:
            return self.send(request, status, data, headers)
        request.send_response(status)
        for key, value in headers.items():
            request.send_header(key, value)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data[:cut])
        request.wfile.flush()
        request.connection.close()
        request.close_connection = True


def hub_files():
    return bundle_files(FAMILIES / "clip") | {"README.md": b"# words", "model.safetensors": b"x" * 5000,
                                              "onnx/vision_model_quantized.onnx": VISION}


def pull(hub, models, *arguments, env=None):
    return model("pull", "owner/tiny", *arguments, models=models, env={"HF_ENDPOINT": hub.url} | (env or {}))


def test_pull(models):
    with Hub(hub_files()) as hub:
        result = pull(hub, models)
        assert result.returncode == 0, result.stderr
        asked = {path for path, _, _ in hub.requests}
    assert tree(models / "tiny") == tree_of(bundle_files(FAMILIES / "clip"))
    assert not any("README" in path or "safetensors" in path or "quantized" in path for path in asked)
    assert sorted(p.name for p in models.iterdir()) == ["default", "tiny"]
    assert "Added tiny" in result.stdout


def tree_of(files):
    return sorted(set(files) | {str(pathlib.PurePath(f).parent) for f in files if "/" in f})


def test_pull_goes_on_where_a_transfer_broke_off(models):
    with Hub(hub_files()) as hub:
        hub.cuts = {"onnx/vision_model.onnx": 20000, "tokenizer.json": 100}
        result = pull(hub, models)
        assert result.returncode == 0, result.stderr
        ranges = {r for path, r, _ in hub.requests if path == "/cdn/onnx/vision_model.onnx"}
        assert "bytes=20000-" in ranges
    assert (models / "tiny/onnx/vision_model.onnx").read_bytes() == VISION


def test_pull_again_after_it_was_ended(models):
    with Hub(hub_files()) as hub:
        part_of = models / ".pulling-tiny/onnx/vision_model.onnx.part"
        part_of.parent.mkdir(parents=True)
        part_of.write_bytes(VISION[:30000])
        (models / ".pulling-tiny/config.json").write_bytes(hub.files["config.json"])
        assert pull(hub, models).returncode == 0
        assert not any(path.endswith("/config.json") for path, _, _ in hub.requests)
        assert ("/cdn/onnx/vision_model.onnx", "bytes=30000-", None) in hub.requests
    assert (models / "tiny/onnx/vision_model.onnx").read_bytes() == VISION


def test_pull_from_a_server_without_ranges(models):
    with Hub(hub_files()) as hub:
        hub.ranges_work = False
        hub.cuts = {"onnx/vision_model.onnx": 20000}
        assert pull(hub, models).returncode == 0
    assert (models / "tiny/onnx/vision_model.onnx").read_bytes() == VISION


@pytest.mark.parametrize("name", ["onnx/vision_model.onnx", "tokenizer.json"])
def test_pull_checks_every_file(models, name):
    with Hub(hub_files()) as hub:
        hub.lie = name
        result = pull(hub, models)
    assert result.returncode == 2 and name in result.stderr and "is not the one that the hub says" in result.stderr
    assert [p.name for p in models.iterdir() if not p.name.startswith(".")] == ["default"]


def test_pull_with_a_token(models):
    with Hub(hub_files(), token="hf_secret") as hub:
        refused = pull(hub, models)
        assert refused.returncode == 2 and "set HF_TOKEN" in refused.stderr
        assert pull(hub, models, env={"HF_TOKEN": "hf_secret"}).returncode == 0


def test_pull_of_what_is_not_there(models):
    with Hub(hub_files()) as hub:
        result = model("pull", "owner/none", models=models, env={"HF_ENDPOINT": hub.url})
        assert result.returncode == 2 and "the hub has nothing at" in result.stderr
        result = model("pull", "../../etc", models=models, env={"HF_ENDPOINT": hub.url})
        assert result.returncode == 2 and "is not the name of a model" in result.stderr
        hub.files = {"config.json": b"{}", "model.safetensors": b"x"}
        result = pull(hub, models)
        assert result.returncode == 2 and "no network that can be used" in result.stderr


def test_pull_without_internet(models):
    result = model("pull", "owner/tiny", models=models, env={"HF_ENDPOINT": "http://127.0.0.1:1"})
    assert result.returncode == 2
    assert "is not reached" in result.stderr and "ocellus model add DIR" in result.stderr


def test_pull_refuses_a_path_that_leaves_the_folder(models):
    with Hub(hub_files()) as hub:
        listing = hub.listing
        hub.listing = lambda: listing() + [{"type": "file", "path": "../evil", "size": 1, "oid": "0" * 40}]
        result = pull(hub, models)
    assert result.returncode == 2 and "an entry that cannot be" in result.stderr


# ---- libraries that change their bundle ----

@contextlib.contextmanager
def two_bundles(tmp_path, *arguments, count=30):
    models = tmp_path / "models"
    make_bundle("clip", models / "default")
    make_bundle("siglip", models / "other")
    with Server(tmp_path / "data", "--models", str(models), *arguments) as server:
        server.models = models
        server.create("shoes")
        for n in range(count):
            server.add("shoes", f"p{n}", f"{n}.png", picture(n, "PNG"))
        yield server


def use(server, bundle, *arguments, **more):
    return run_cli("model", "use", "shoes", bundle, *arguments, "--server", server.url, **more)


def nearest(server, n):
    return server.by_image("shoes", picture(n, "PNG"), top_k=1)[0]


def test_use(tmp_path):
    with two_bundles(tmp_path) as server:
        result = use(server, "other")
        assert result.returncode == 0, result.stderr
        assert "'shoes' has the vectors of the bundle 'other' now: 30 made, 0 could not follow" in result.stdout
        for n in (0, 7, 29):
            assert nearest(server, n)["image_id"] == f"p{n}" and nearest(server, n)["score"] > 0.999
        assert server.count("shoes") == 30
        again = use(server, "other")
        assert again.returncode == 2 and "already" in again.stderr
        assert use(server, "none").returncode == 2
        assert server.stop() == 0
        server.start()
        assert nearest(server, 3)["image_id"] == "p3"


def test_use_of_a_bundle_that_came_while_the_server_runs(tmp_path):
    with two_bundles(tmp_path, count=10) as server:
        export = make_bundle("jina_clip_v2", tmp_path / "export")
        assert model("add", export, "--as", "late", models=server.models).returncode == 0
        stop, slowest = threading.Event(), [0.0]

        def search():
            while not stop.is_set():
                start = time.monotonic()
                assert nearest(server, 3)["image_id"] == "p3"
                slowest[0] = max(slowest[0], time.monotonic() - start)

        searcher = threading.Thread(target=search)
        searcher.start()
        try:
            result = use(server, "late")
        finally:
            stop.set()
            searcher.join()
        assert result.returncode == 0, result.stderr
        assert slowest[0] < 10  # searches do not wait for it
        assert [b["name"] for b in server.call("GET", "/api/v1/admin/bundles").json()["bundles"]] == ["default", "other", "late"]
        assert nearest(server, 7)["image_id"] == "p7"
        assert server.stop() == 0
        server.start()
        assert nearest(server, 7)["image_id"] == "p7"


@pytest.mark.parametrize("name", BAD)
def test_use_refuses_a_bad_bundle_that_came_while_the_server_runs(tmp_path, name):
    change, reason = BAD[name]
    with two_bundles(tmp_path, count=2) as server:
        make_bundle("clip", server.models / "late", change)
        result = use(server, "late")
        assert result.returncode == 2 and result.stdout == ""
        # Without what describes it, it is no bundle.
        assert ('there is no bundle "late"' if name == "no config" else reason) in result.stderr
        assert [b["name"] for b in server.call("GET", "/api/v1/admin/bundles").json()["bundles"]] == ["default", "other"]
        assert nearest(server, 1)["image_id"] == "p1"
        make_bundle("clip", server.models / "late")  # mended
        assert use(server, "late").returncode == 0


def goods(*models):
    """A table that finds pictures by the vectors of these bundles, one field each."""
    fields = {f"by_{name}": "MULTI_FLOAT" for name in models}
    return {"name": "goods", "partitionCount": 1, "primaryKey": "id", "fieldSchema": {"id": "INT64", "photo": "STRING"} | fields,
            "vectorIndex": [{"indexName": field, "vectorField": field, "distanceType": "InnerProduct"} for field in fields],
            "dataProcessConfig": [{"dstField": f"by_{name}", "srcField": "photo", "operator": "vectorize",
                                   "params": {"vectorModal": "image", "vectorModel": name}} for name in models]}


def test_a_table_changes_its_bundle_by_a_field_of_the_new_one(tmp_path):
    with two_bundles(tmp_path, count=1) as server:
        def call(method, path, body):
            return requests.request(method, server.url + path, json=body, timeout=60)

        def found(index):
            answer = call("POST", "/vector-service/inference-query", {
                "tableName": "goods", "indexName": index, "content": b64(picture(3, "PNG")), "modal": "image", "topK": 1,
                "order": "DESC"})
            return [hit["id"] for hit in answer.json()["result"]]

        tables = "/openapi/ha3/instances/any/tables"
        assert call("POST", tables, goods("default")).status_code == 200
        documents = [{"cmd": "add", "fields": {"id": n, "photo": b64(picture(n, "PNG"))}} for n in range(5)]
        assert call("POST", "/update/goods/actions/bulk", documents).json()["status"] == "OK"
        refused = run_cli("model", "use", "goods", "other", "--server", server.url)
        assert refused.returncode == 2 and "Add a field with the new bundle" in refused.stderr
        same_field = goods("other")["dataProcessConfig"][0] | {"dstField": "by_default"}
        assert call("PUT", f"{tables}/goods", goods("default") | {"dataProcessConfig": [same_field]}).status_code == 400
        make_bundle("jina_clip_v2", server.models / "late")
        assert call("PUT", f"{tables}/goods", goods("default", "late")).status_code == 200
        wait_for(lambda: found("by_late") == [3], "the new field is filled")
        assert found("by_default") == [3]
        assert call("PUT", f"{tables}/goods", goods("late")).status_code == 200
        assert found("by_late") == [3] and found("") == [3]


def test_use_when_pictures_were_not_kept(tmp_path):
    with two_bundles(tmp_path, count=5) as server:
        server.add("shoes", "lost", "lost.png", picture(99, "PNG"), save_image=False)
        result = use(server, "other")
        assert result.returncode == 1
        assert "cannot follow: lost.png (lost): its picture was not kept" in result.stdout
        assert nearest(server, 99)["image_id"] == "lost"  # by the old vectors
        result = use(server, "other", "--leave-behind")
        assert result.returncode == 0 and "1 could not follow" in result.stdout
        assert server.count("shoes") == 6 and nearest(server, 99)["image_id"] != "lost"
        server.add("shoes", "lost", "lost.png", picture(99, "PNG"))
        assert nearest(server, 99)["image_id"] == "lost"


def test_killed_while_it_changes(tmp_path):
    with two_bundles(tmp_path, count=300) as server:
        job = server.call("POST", "/api/v1/admin/libraries/shoes/bundle", {"bundle": "other"}).json()
        path = f"/api/v1/admin/jobs/{job['id']}"
        kills = 0
        while True:
            deadline = time.monotonic() + 0.03 * (kills + 1)
            while time.monotonic() < deadline and not server.call("GET", path).json()["finished_ms"]:
                assert nearest(server, kills)["image_id"] == f"p{kills}"
            if server.call("GET", path).json()["finished_ms"]:
                break
            server.kill()
            kills += 1
            server.start()
            server.add("shoes", f"late{kills}", "late.png", picture(1000 + kills, "PNG"))
        done = server.call("GET", path).json()
        assert done["state"] == "succeeded", done
        assert kills > 0, "the change was over before the first kill"
        assert server.count("shoes") == 300 + kills
        for n in (0, 150, 299):
            assert nearest(server, n)["image_id"] == f"p{n}"
        for n in range(1, kills + 1):
            assert server.by_image("shoes", picture(1000 + n, "PNG"), top_k=1)[0]["image_id"] == f"late{n}"


def change_default(server, outdated):
    """The server again with other files of its default bundle: refused, and then told to go on."""
    assert server.stop() == 0
    shutil.rmtree(server.models / "default")
    make_bundle("open_clip", server.models / "default")
    with pytest.raises(AssertionError, match=f"has changed: the vectors of {outdated} were made by.*--reembed"):
        server.start()
    server.arguments.append("--reembed")
    server.start()


def test_a_bundle_that_changed_is_refused_at_start(tmp_path):
    with two_bundles(tmp_path, count=8) as server:
        change_default(server, "library shoes")
        wait_for(lambda: searchable(server), "the library can be searched")
        assert nearest(server, 5)["image_id"] == "p5"
        assert server.stop() == 0
        server.arguments.remove("--reembed")
        server.start()


def test_tables_of_a_bundle_that_changed_are_made_again(tmp_path):
    with two_bundles(tmp_path, count=1) as server:
        server.call("POST", "/library/delete", {"library_name": "shoes"})

        def call(method, path, body):
            return requests.request(method, server.url + path, json=body, timeout=60).json()

        def find(index):
            return call("POST", "/vector-service/inference-query", {
                "tableName": "goods", "indexName": index, "content": b64(picture(3, "PNG")), "modal": "image", "topK": 1,
                "order": "DESC"})

        assert "code" not in call("POST", "/openapi/ha3/instances/any/tables", goods("default", "other"))
        documents = [{"cmd": "add", "fields": {"id": n, "photo": b64(picture(n, "PNG"))}} for n in range(6)]
        documents.append({"cmd": "add", "fields": {"id": 6, "by_default": [1.0] * 12}})
        assert call("POST", "/update/goods/actions/bulk", documents)["status"] == "OK"
        assert [hit["id"] for hit in find("by_default")["result"]] == [3]
        change_default(server, "table goods")
        answer = find("by_default")
        assert not answer["result"] and "not all made again yet" in answer["errorMsg"], answer
        assert [hit["id"] for hit in find("by_other")["result"]] == [3]
        # Row 6 brought its vector: only its owner can say that it may lose it.
        shown = run_cli("model", "use", "goods", "default", "--server", server.url)
        assert shown.returncode == 1 and re.search(r'cannot follow: {"id":6}: .*nothing that it could be made from', shown.stdout), shown
        assert "1 rows of table goods cannot follow" in shown.stderr
        left = run_cli("model", "use", "goods", "default", "--leave-behind", "--server", server.url)
        assert left.returncode == 0 and "6 made, 1 could not follow" in left.stdout, left
        assert [hit["id"] for hit in find("by_default")["result"]] == [3]
        assert call("POST", "/vector-service/fetch", {"tableName": "goods", "filter": ""})["totalCount"] == 7
        server.arguments.remove("--reembed")
        assert server.stop() == 0
        server.start()
        assert [hit["id"] for hit in find("by_default")["result"]] == [3]


def searchable(server):
    body = {"library_name": "shoes", "image_base64": b64(picture(5, "PNG")), "return_frame": False}
    answer = server.call("POST", "/search/by-image", body)
    if answer.status_code == 200:
        return True
    assert answer.status_code == 503 and "not all made again yet" in answer.text, answer.text
    return False


def test_scores_are_the_bundles(tmp_path):
    """The default bundle with curves in its configuration."""
    models = tmp_path / "models"
    shutil.copytree(ROOT / "models/default", models / "default")
    path = models / "default/config.json"
    config = json.loads(path.read_text())
    config.pop("scores", None)
    path.write_text(json.dumps(config))

    def scores():
        found = server.by_image("shoes", picture(1), top_k=3)
        words = server.by_text("shoes", "a red square", top_k=3)
        return [r["score"] for r in found], [r["score"] for r in words]

    with Server(tmp_path / "data", "--models", str(models), "--reembed") as server:
        server.create("shoes")
        for n in range(3):
            server.add("shoes", str(n), f"{n}.jpg", picture(n))
        plain = scores()
        assert plain[0][0] == pytest.approx(1, abs=1e-5)
        server.stop()
        path.write_text(json.dumps(config | {"scores": {"picture": {"slope": 10, "offset": -8}, "text": {"slope": 4, "offset": -1}}}))
        server.start()
        wait_for(lambda: server.call("POST", "/search/by-text", {"library_name": "shoes", "text": "x"}).status_code == 200, "searches")
        curved = scores()
    assert curved[0] == pytest.approx([1 / (1 + exp(8 - 10 * s)) for s in plain[0]], abs=1e-4)
    assert all(0 <= s <= 1 for s in curved[1]) and curved[1] == sorted(curved[1], reverse=True)
