"""Libraries of items and of faces, against a real server with its default bundle."""
import io
import shutil
import threading
import time

import conftest
import pytest
import requests
from PIL import Image

from conftest import Server, b64, picture, run_cli, wait_for


def thing(colour, shape="ellipse", size=(400, 300), box=(260, 40, 340, 120), background=(250, 250, 250), **options):
    """One thing on a plain background."""
    from PIL import ImageDraw
    image = Image.new("RGB", size, background)
    getattr(ImageDraw.Draw(image), shape)(box, fill=colour)
    out = io.BytesIO()
    image.save(out, options.pop("format", "JPEG"), quality=95, **options)
    return out.getvalue()


RED, GREEN, BLUE = (200, 30, 30), (30, 160, 60), (40, 60, 200)


@pytest.fixture
def items(server, request):
    name = "items_" + "".join(c if c.isalnum() else "_" for c in request.node.name)[:90]
    server.create(name, mode="item_search")
    yield name
    server.call("POST", "/library/delete", {"library_name": name})


def refused(server, path, body, status, field):
    answer = server.call("POST", path, body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["status"] == status and answer.json()["data"] is None
    assert answer.json()["message"].startswith(field + ":") or answer.json()["message"].startswith(field + "."), answer.text


def near(region, box):
    """Whether a region is about the box (left, top, right, bottom): their IoU is above a half."""
    left, top = max(region["x"], box[0]), max(region["y"], box[1])
    right, bottom = min(region["x"] + region["width"], box[2]), min(region["y"] + region["height"], box[3])
    both = max(0, right - left) * max(0, bottom - top)
    return both / (region["width"] * region["height"] + (box[2] - box[0]) * (box[3] - box[1]) - both) > .5


def test_hostile_values(server, items):
    scene = b64(thing(RED))
    add = {"library_name": items, "image_id": "a", "image_uri": "u", "image_base64": scene}
    search = {"library_name": items, "image_base64": scene}
    box = {"x": 0, "y": 0, "width": 10, "height": 10}
    for bad in ("1,2,3,4", [1, 2, 3, 4], {}, box | {"x": -1}, box | {"width": 0}, box | {"height": 1.5}, box | {"x": 2**40},
                box | {"y": "0"}, box | {"x": 400}, box | {"y": 4_000_000_000}):
        refused(server, "/image/add", add | {"region": bad}, "INVALID_PARAMETER", "region")
        refused(server, "/search/by-image", search | {"region": bad}, "INVALID_PARAMETER", "region")
    for bad in (0, 9, -1, 2**63, "2", True, [1]):
        refused(server, "/image/add", add | {"max_items": bad}, "INVALID_PARAMETER", "max_items")
        refused(server, "/search/by-image", search | {"max_items": bad}, "INVALID_PARAMETER", "max_items")
    refused(server, "/image/add", add | {"crop": "false"}, "INVALID_PARAMETER", "crop")
    refused(server, "/search/by-image", search | {"crop": 0}, "INVALID_PARAMETER", "crop")
    refused(server, "/search/by-image", search | {"face": "all"}, "INVALID_PARAMETER", "face")
    refused(server, "/search/by-image", search | {"return_region": 1}, "INVALID_PARAMETER", "return_region")
    refused(server, "/search/by-text", {"library_name": items, "text": "red"}, "UNSUPPORTED_MODE", "library_name")
    assert server.count(items) == 0


def test_an_item_is_found_on_another_background(server, items):
    for name, colour in (("red", RED), ("green", GREEN), ("blue", BLUE)):
        server.add(items, name, "u", thing(colour, box=(60, 150, 180, 270)), {"name": name})
    for name, colour in (("red", RED), ("green", GREEN), ("blue", BLUE)):
        data = server.data_of("POST", "/search/by-image", {
            "library_name": items, "image_base64": b64(thing(colour, background=(225, 230, 238))), "return_region": True})
        assert data["results"][0]["image_id"] == name
        assert data["results"][0]["tags"] == {"name": name}
        assert near(data["results"][0]["region"], (60, 150, 180, 270))
        assert near(data["query_regions"][0], (260, 40, 340, 120))
        assert data["query_regions"][0]["kind"] == "item"
    filtered = server.by_image(items, thing(RED), tag_filter=[{"field": "name", "op": "!=", "value": "red"}])
    assert {r["image_id"] for r in filtered} == {"green", "blue"}
    assert len(server.by_image(items, thing(RED), top_k=1)) == 1


def test_several_items_are_one_picture(server, items):
    from PIL import ImageDraw
    image = Image.new("RGB", (480, 320), (250, 250, 250))
    draw = ImageDraw.Draw(image)
    draw.ellipse((40, 100, 140, 200), fill=RED)
    draw.rectangle((320, 100, 420, 200), fill=GREEN)
    out = io.BytesIO()
    image.save(out, "PNG")
    server.add(items, "both", "u", out.getvalue(), max_items=8)
    server.add(items, "red alone", "u", out.getvalue(), region={"x": 40, "y": 100, "width": 100, "height": 100})
    assert server.count(items) == 2
    found = server.by_image(items, thing(GREEN, "rectangle"), return_region=True)
    assert [r["image_id"] for r in found] == ["both", "red alone"]
    assert near(found[0]["region"], (320, 100, 420, 200))
    asked = {"library_name": items, "image_base64": b64(out.getvalue()), "return_region": True}
    for max_items in (1, 2):
        regions = server.data_of("POST", "/search/by-image", asked | {"max_items": max_items})["query_regions"]
        assert len(regions) == max_items
    assert found[1]["region"] == {"x": 40, "y": 100, "width": 100, "height": 100, "kind": "item", "score": 1.0}
    server.add(items, "both", "u", out.getvalue(), crop=False)
    assert server.count(items) == 2
    whole = [r for r in server.by_image(items, out.getvalue(), crop=False, return_region=True) if r["image_id"] == "both"]
    assert whole[0]["region"] == {"x": 0, "y": 0, "width": 480, "height": 320, "kind": "whole", "score": 1.0}
    assert whole[0]["score"] > 0.99


def test_pictures_without_an_item_and_odd_ones(server, items):
    plain = Image.new("RGB", (64, 64), (90, 90, 90))
    pictures = {"plain": plain, "tiny": Image.new("RGB", (1, 1), RED), "strip": Image.new("RGB", (3000, 2), GREEN),
                "grey": Image.open(io.BytesIO(thing(RED))).convert("L")}
    for name, image in pictures.items():
        out = io.BytesIO()
        image.save(out, "PNG")
        server.add(items, name, "u", out.getvalue(), max_items=3)
        best = server.by_image(items, out.getvalue(), return_region=True)[0]
        assert best["image_id"] == name
        assert best["region"]["width"] <= image.width and best["region"]["height"] <= image.height
        assert (best["region"]["kind"] == "whole") == (name != "grey"), (name, best)


def test_boxes_are_those_of_the_upright_picture(server, items):
    upright = Image.open(io.BytesIO(thing(RED)))
    turned = upright.transpose(Image.Transpose.ROTATE_90)  # stored so; to be turned back by a quarter
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    turned.save(out, "JPEG", quality=95, exif=exif)
    server.add(items, "turned", "u", out.getvalue())
    found = server.by_image(items, thing(RED), return_region=True)[0]
    assert near(found["region"], (260, 40, 340, 120)), found
    again = server.by_image(items, out.getvalue(), region={"x": 260, "y": 40, "width": 80, "height": 80})[0]
    assert again["score"] > 0.9


def test_pictures_are_deleted_with_all_their_items(server, items):
    server.add(items, "a", "1", thing(RED))
    server.add(items, "a", "2", thing(GREEN))
    server.add(items, "b", "1", thing(BLUE), save_image=False)
    delete = lambda **body: server.data_of("POST", "/image/delete", {"library_name": items, **body})["deleted"]
    assert delete(image_id="a", image_uri="3") == 0
    assert delete(image_id="a", image_uri="2") == 1
    assert [r["image_id"] for r in server.by_image(items, thing(GREEN))].count("a") == 1
    assert delete(image_id="a") == 1 and delete(image_id="a") == 0
    assert [r["image_id"] for r in server.by_image(items, thing(RED))] == ["b"]
    refused(server, "/image/delete", {"library_name": items}, "INVALID_PARAMETER", "image_id")
    refused(server, "/image/delete", {"library_name": items, "image_id": "a", "image_uri": 1}, "INVALID_PARAMETER", "image_uri")
    assert server.call("POST", "/image/delete", {"library_name": "none", "image_id": "a"}).status_code == 404


def test_a_batch_and_the_command_line(server, items, tmp_path):
    (server.roots / "parts").mkdir(exist_ok=True)
    for i, colour in enumerate((RED, GREEN, BLUE)):
        (server.roots / "parts" / f"{i}.jpg").write_bytes(thing(colour))
    lines = ['{"image_id": "%d", "image_uri": "parts/%d.jpg", "max_items": 2}' % (i, i) for i in range(3)]
    lines.append('{"image_id": "bad", "image_uri": "parts/0.jpg", "max_items": 99}')
    (server.roots / "parts.jsonl").write_text("\n".join(lines))
    task = server.data_of("POST", "/image/tasks/create", {"library_name": items, "oss_path": "parts.jsonl"})["task_id"]
    done = wait_for(lambda: (lambda d: d["finish_time"] and d)(server.data_of("GET", f"/image/tasks/results/{task}")), "the import")
    assert (done["success"], done["failed"]) == (3, 1)
    assert done["errors"][0]["message"].startswith("max_items:")
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "more.jpg").write_bytes(thing((230, 200, 30)))
    imported = run_cli("import", items, folder, "--server", server.url)
    assert imported.returncode == 0, imported.stderr
    again = run_cli("import", items, folder, "--server", server.url)
    assert "skipped 1 (already there)" in again.stdout, again.stdout
    assert server.count(items) == 4
    listed = run_cli("library", "list", "--server", server.url).stdout
    assert any(items in line and "item_search" in line for line in listed.splitlines())


def test_a_kill_loses_nothing_and_leaves_no_half_picture(tmp_path):
    with Server(tmp_path / "data") as server:
        server.create("items", mode="item_search")
        for i in range(3):
            server.add("items", "a", "u", thing((RED, GREEN, BLUE)[i]), max_items=8)
        server.add("items", "b", "u", thing(RED, "rectangle"))
        server.kill()
        server.start()
        assert server.count("items") == 2
        found = server.by_image("items", thing(BLUE), return_region=True)
        assert found[0]["image_id"] == "a" and len(found) == 2


def test_words_search_other_libraries_only(server, items):
    server.add(items, "red", "u", thing(RED))
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": "search_by_text", "arguments": {"text": "red", "libraries": [items]}}}
    answer = requests.post(server.url + "/mcp", json=call, headers={"Accept": "application/json, text/event-stream"}, timeout=30)
    assert answer.status_code == 200 and answer.json()["result"]["isError"], answer.text
    assert "item_search" in answer.text
    call["params"] = {"name": "search_by_image", "arguments": {"image": b64(thing(RED)), "libraries": [items]}}
    answer = requests.post(server.url + "/mcp", json=call, headers={"Accept": "application/json, text/event-stream"}, timeout=30)
    results = answer.json()["result"]["structuredContent"]["results"]
    assert [r["image_id"] for r in results] == ["red"]


def test_faces_need_their_model(tmp_path, monkeypatch):
    """The same program in a checkout that has no face weights."""
    program = tmp_path / "build" / "release" / "ocellus"
    program.parent.mkdir(parents=True)
    shutil.copy(conftest.BINARY, program)
    (tmp_path / "models").symlink_to(conftest.ROOT / "models")
    deps = tmp_path / "build" / "deps"
    deps.mkdir()
    for part in (conftest.BINARY.resolve().parents[1] / "deps").iterdir():
        if not part.name.startswith("face-recognition-models"):
            (deps / part.name).symlink_to(part)
    monkeypatch.setattr(conftest, "BINARY", program)
    with Server(tmp_path / "data") as server:
        answer = server.call("POST", "/library/create", {"library_name": "faces", "mode": "adaptive_search"})
        assert answer.status_code == 400 and answer.json()["status"] == "UNSUPPORTED_MODE"
        assert "scripts/bootstrap faces" in answer.json()["message"]
        assert server.call("GET", "/healthz").status_code == 200
        server.create("items", mode="item_search")


PEOPLE = conftest.SHARED / "data" / "faces" / "lfw-aligned-100pair"
WEIGHTS = list((conftest.BINARY.resolve().parents[1] / "deps").glob("face-recognition-models-*"))




def need_faces(test):
    test = pytest.mark.skipif(not PEOPLE.is_dir(), reason=f"no pictures of faces in {PEOPLE}")(test)
    return pytest.mark.skipif(not WEIGHTS, reason="no face weights: scripts/bootstrap faces")(test)


def people(count):
    """Two pictures each of that many people."""
    return [sorted(folder.iterdir()) for folder in sorted(PEOPLE.iterdir())[:count]]


def portrait(faces, size=(500, 220), mode="RGB"):
    """A picture with faces of (path, side, left, top) in it."""
    image = Image.new("RGB", size, (120, 130, 120))
    for path, side, left, top in faces:
        image.paste(Image.open(path).convert("RGB").resize((side, side)), (left, top))
    return image.convert(mode)


def encoded(image, format="PNG", **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


@need_faces
def test_people_and_other_pictures(server):
    pairs = people(12)
    server.create("people", mode="adaptive_search")
    try:
        for pair in pairs:
            server.add("people", pair[0].parent.name, "u", pair[0].read_bytes(), {"kind": "person"})
        for name, colour in (("red", RED), ("green", GREEN), ("blue", BLUE)):
            server.add("people", name, "u", thing(colour), {"kind": "thing"})

        def search(picture, **options):
            return server.data_of("POST", "/search/by-image", {
                "library_name": "people", "image_base64": b64(picture), "return_region": True, "top_k": 20, **options})

        found = 0
        for pair in pairs:
            answer = search(pair[1].read_bytes())
            assert [region["kind"] for region in answer["query_regions"]] == ["face"]
            scores = {hit["image_id"]: hit["score"] for hit in answer["results"]}
            assert len(scores) == len(pairs) + 3
            assert max(scores[thing] for thing in ("red", "green", "blue")) < .5
            found += answer["results"][0]["image_id"] == pair[0].parent.name and scores[pair[0].parent.name] > .5
        assert found >= 11, found  # of 12: tight grey crops of 100 pixels are the hard case

        answer = search(thing(RED, size=(420, 300)))
        assert answer["results"][0]["image_id"] == "red" and answer["results"][0]["region"]["kind"] == "whole"
        assert search(pairs[0][1].read_bytes(), tag_filter=[{"field": "kind", "op": "=", "value": "thing"}])["results"]

        two = encoded(portrait([(pairs[0][0], 160, 40, 30), (pairs[1][0], 130, 280, 30)]))
        both = search(two, face="all")
        assert [region["kind"] for region in both["query_regions"]] == ["face", "face"]
        assert {hit["image_id"] for hit in both["results"][:2]} == {pair[0].parent.name for pair in pairs[:2]}
        largest = search(two)
        assert largest["results"][0]["image_id"] == pairs[0][0].parent.name

        server.add("people", "group", "u", two, {"kind": "group"})
        for pair in pairs[:2]:  # each of the two finds it
            names = [hit["image_id"] for hit in search(pair[0].read_bytes())["results"][:2]]
            assert "group" in names, names
        assert server.count("people") == len(pairs) + 4
        gone = server.data_of("POST", "/image/delete", {"library_name": "people", "image_id": "group"})
        assert gone, gone
        assert "group" not in [hit["image_id"] for hit in search(pairs[0][0].read_bytes())["results"]]
    finally:
        server.call("POST", "/library/delete", {"library_name": "people"})


# What turns an upright picture into the one that is stored with that orientation (Exif 2.32, 4.6.5.A).
STORED = {1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
          5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
          8: Image.Transpose.ROTATE_270}


@need_faces
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_faces_of_turned_pictures_and_their_boxes(server, mode):
    name = f"turned_{mode}"
    pair, size, left, top, side = people(1)[0], (420, 300), 40, 130, 140
    upright = portrait([(pair[0], side, left, top)], size, mode)
    query = b64(pair[1].read_bytes())
    server.create(name, mode="adaptive_search")
    try:
        for orientation, transpose in STORED.items():
            exif = Image.Exif()
            exif[0x0112] = orientation
            stored = upright if transpose is None else upright.transpose(transpose)
            server.add(name, str(orientation), "u", encoded(stored, "JPEG", quality=95, exif=exif))
        found = server.data_of("POST", "/search/by-image", {
            "library_name": name, "image_base64": query, "return_region": True, "top_k": 20})["results"]
        assert {hit["image_id"] for hit in found} == set(map(str, STORED))
        for hit in found:
            assert hit["region"]["kind"] == "face" and hit["score"] > .5, hit
            assert near(hit["region"], (left, top, left + side, top + side)), hit
    finally:
        server.call("POST", "/library/delete", {"library_name": name})


def kill_while_writing(server, add, seen, kills):
    """Kills the server while it writes pictures of many parts, and one that has now many, now one; whatever is there
    afterwards has all of them. `seen` is what tells them apart, for each picture."""
    add("many", True)
    add("one", False)
    assert seen()["many"] != seen()["one"]
    for kill in range(kills):
        acknowledged = []

        def write():
            try:
                while True:
                    name = f"{kill}-{len(acknowledged)}"
                    add(name, True)
                    acknowledged.append(name)
                    add("in turn", len(acknowledged) % 2 == 1)
            except requests.RequestException:
                pass  # the server is gone

        writer = threading.Thread(target=write)
        writer.start()
        wait_for(lambda: len(acknowledged) > 2, "the first pictures")
        time.sleep(.2 + .05 * kill)
        server.kill()
        writer.join()
        server.start()
        after = seen()
        assert set(acknowledged) <= set(after)
        assert after.pop("in turn") in (after["many"], after["one"])
        assert all(parts == after["many"] for name, parts in after.items() if name != "one")


def test_a_kill_leaves_all_items_of_a_picture_or_none(tmp_path):
    both = Image.new("RGB", (480, 320), (250, 250, 250))
    for left, colour in ((20, RED), (320, BLUE)):
        both.paste(colour, (left, 100, left + 120, 220))
    scene = encoded(both)

    def seen():
        """For each picture what its best part is, asked by either item: a part more or less would show."""
        sides = [{hit["image_id"]: (hit["score"], hit["region"]) for hit in server.by_image(
            "items", scene, top_k=1000, return_region=True, region={"x": left, "y": 100, "width": 120, "height": 120})}
            for left in (20, 320)]
        return {name: (best, sides[1][name]) for name, best in sides[0].items()}

    with Server(tmp_path / "data") as server:
        server.create("items", mode="item_search")
        kill_while_writing(server, lambda name, many: server.add("items", name, "u", scene, max_items=8 if many else 1), seen, 3)


@need_faces
def test_a_kill_leaves_the_whole_and_all_faces_of_a_picture_or_none(tmp_path):
    pairs = people(2)
    first, second = ((pairs[0][0], 160, 40, 30), (pairs[1][0], 130, 280, 30))
    two, one = encoded(portrait([first, second])), encoded(portrait([first]))

    def seen():
        """For each picture its best part, asked by either face and by a picture without one, which looks at the whole."""
        asked = [{hit["image_id"]: (round(hit["score"], 4), hit["region"]) for hit in server.by_image(
            "people", query, top_k=1000, return_region=True)}
            for query in (pairs[0][0].read_bytes(), pairs[1][0].read_bytes(), thing(GREEN))]
        return {name: [by.get(name) for by in asked] for name in asked[0]}

    with Server(tmp_path / "data") as server:
        server.create("people", mode="adaptive_search")
        kill_while_writing(server, lambda name, many: server.add("people", name, "u", two if many else one), seen, 2)
