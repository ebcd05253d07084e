"""The command line against a running server."""
import gzip
import io
import json
import os
import re
import signal
import subprocess
import tarfile
import time

import pytest

from conftest import BINARY, Server, b64, photo_tar, picture, run_cli, wait_for

SUMMARY = re.compile(r"(?:done|interrupted): imported (\d+), skipped (\d+) \(already there\), refused (\d+);")


def import_into(server, library, *arguments, **more):
    return run_cli("import", library, *arguments, "--server", server.url, **more)


def counts(result):
    match = SUMMARY.search(result.stdout)
    assert match, result.stdout + result.stderr
    return tuple(map(int, match.groups()))


def uris(server, library):
    return {r["image_uri"]: r for r in server.by_image(library, picture(0), top_k=1000)}


def fill(folder, files):
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def make_tar(path, members, mode="w", **options):
    with tarfile.open(path, mode, **options) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def test_a_folder(server, library, tmp_path):
    folder = fill(tmp_path / "cats", {
        "1.jpg": picture(1), "old/2.PNG": picture(2, "PNG"), "ä ö.webp": picture(3, "WEBP"), "no_extension": picture(4),
        "copy of 1.jpg": picture(1), ".hidden.jpg": picture(5), ".git/6.jpg": picture(6), "notes.txt": b"hello",
        "diary.jpg": b"this is a text file", "cut.jpg": picture(7, size=(400, 300))[:-500], "empty.jpg": b""})
    first = import_into(server, library, folder, "--tag", "kind=cat", "--tag", "kind=pet", "--tag", "year=2024")
    assert first.returncode == 0, first.stderr
    # 1.jpg and its copy are one picture: the second is there already.
    assert counts(first) == (4, 1, 3)
    refused = sorted(l for l in first.stdout.splitlines() if l.startswith("refused: "))
    assert [os.path.basename(l.split(": ")[1]) for l in refused] == ["cut.jpg", "diary.jpg", "empty.jpg"]
    assert all(len(l.split(": ", 2)[2]) > 5 for l in refused)
    assert "1 other files" in first.stdout
    found = uris(server, library)
    assert set(found) == {"cats/1.jpg", "cats/old/2.PNG", "cats/ä ö.webp", "cats/no_extension"}
    assert found["cats/old/2.PNG"]["image_id"] == "2"
    assert found["cats/1.jpg"]["tags"] == {"kind": ["cat", "pet"], "year": "2024"}

    again = import_into(server, library, folder, "--strict")
    assert again.returncode == 1 and counts(again) == (0, 5, 3)
    retagged = import_into(server, library, folder / "1.jpg", "--again", "--tag", "kind=dog")
    assert counts(retagged) == (1, 0, 0)
    assert uris(server, library)["cats/1.jpg"]["tags"] == {"kind": "dog"}

    # Another folder with the same names overwrites nothing.
    dogs = fill(tmp_path / "dogs", {"1.jpg": picture(11)})
    assert counts(import_into(server, library, dogs)) == (1, 0, 0)
    assert {"cats/1.jpg", "dogs/1.jpg"} <= set(uris(server, library))


def test_archives(server, library, tmp_path):
    long_name = "deep/" * 40 + "7.jpg"
    members = [("a/1.jpg", picture(1)), ("a/1.jpg", picture(2)), ("./a//1.jpg", picture(3)), (long_name, picture(4)),
               ("a/README", b"text"), ("bad.jpg", b"text")]
    for name, mode, options in [("one.tar", "w", {"format": tarfile.GNU_FORMAT}), ("two.tar.gz", "w:gz", {"format": tarfile.PAX_FORMAT}),
                                ("three.tgz", "w:gz", {"format": tarfile.USTAR_FORMAT})]:
        chosen = members if options["format"] != tarfile.USTAR_FORMAT else [m for m in members if len(m[0]) < 100]
        result = import_into(server, library, make_tar(tmp_path / name, chosen, mode, **options), "--again")
        pictures = len(chosen) - 2
        assert result.returncode == 0 and counts(result) == (pictures, 0, 1), result.stdout
        assert "bad.jpg" in result.stdout
        stem = name.split(".")[0]
        found = [u for u in uris(server, library) if u.startswith(stem + "/")]
        assert len(found) == pictures and f"{stem}/a/1.jpg" in found
        # Names that clash got a part of their content's digest.
        assert len([u for u in found if re.fullmatch(stem + r"/a/1\.jpg#[0-9a-f]{12}", u)]) == 2
        if pictures == 4:
            assert f"{stem}/{long_name}" in found
    assert counts(import_into(server, library, tmp_path / "one.tar")) == (0, 4, 1)


def test_broken_archives(server, library, tmp_path):
    whole = make_tar(tmp_path / "whole.tar", [(f"{i}.jpg", picture(i)) for i in range(5)]).read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[:len(picture(0)) + 3000])
    (tmp_path / "text.tar").write_text("no archive at all, but long enough " * 40)
    (tmp_path / "cut.tar.gz").write_bytes(gzip.compress(whole)[:-2000])
    result = import_into(server, library, tmp_path / "cut.tar", tmp_path / "text.tar", tmp_path / "cut.tar.gz")
    assert result.returncode == 0
    assert counts(result)[0] >= 1 and counts(result)[2] == 3
    for message in ("cut.tar", "is damaged", "cut off"):
        assert message in result.stdout


def test_manifests(server, library, tmp_path):
    folder = fill(tmp_path / "m", {"pictures/1.jpg": picture(1), "pictures/2.jpg": picture(2)})
    lines = [
        {"image_id": "one", "image_uri": "pictures/1.jpg", "tags": {"color": "red", "sizes": [36, 38]}},
        {"image_uri": "pictures/2.jpg", "save_image": False},
        {"image_id": "three", "image_uri": "anywhere", "image_base64": b64(picture(3))},
        {"image_id": "four", "image_uri": "pictures/none.jpg"},
        {"image_uri": "https://example.org/x.jpg"},
        {"image_id": "six"},
    ]
    (folder / "list.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n\nnot json\n")
    result = import_into(server, library, folder / "list.jsonl", "--tag", "color=blue", "--tag", "from=manifest")
    assert counts(result) == (3, 0, 4), result.stdout
    for line in (4, 5, 6, 8):
        assert f"list.jsonl: line {line}: " in result.stdout
    found = {r["image_id"]: r for r in uris(server, library).values()}
    assert found["one"]["tags"] == {"color": "red", "from": "manifest", "sizes": [36, 38]}
    assert found["2"]["image_uri"] == "pictures/2.jpg" and found["2"]["tags"]["color"] == "blue"
    assert server.call("GET", f"/images/{library}/2").status_code == 404
    assert server.call("GET", f"/images/{library}/three").content == picture(3)


def test_libraries(server):
    url = ["--server", server.url]
    made = run_cli("library", "create", "cli_made", "--description", "by hand", *url)
    assert made.returncode == 0 and "cli_made" in made.stdout
    twice = run_cli("library", "create", "cli_made", *url)
    assert twice.returncode == 2 and "cli_made" in twice.stderr
    listed = run_cli("library", "list", *url)
    assert re.search(r"^cli_made\s+general_search\s+0\s+20", listed.stdout, re.M)
    as_json = json.loads(run_cli("library", "list", "--json", *url).stdout)
    assert next(l for l in as_json if l["library_name"] == "cli_made")["image_count"] == 0
    assert run_cli("library", "delete", "cli_made", *url).returncode == 0
    assert run_cli("library", "delete", "cli_made", *url).returncode == 2
    assert run_cli("library", "create", "a b", *url).returncode == 2
    # An import makes the library that is missing, and says so, unless it may not.
    refused = import_into(server, "cli_new", "/dev/null", "--no-create")
    assert refused.returncode == 2 and "ocellus library create cli_new" in refused.stderr


def test_an_import_makes_the_library(server, tmp_path):
    folder = fill(tmp_path / "f", {"1.jpg": picture(1)})
    result = import_into(server, "cli_new", folder)
    assert "Made the library 'cli_new'" in result.stderr and counts(result) == (1, 0, 0)
    server.delete("cli_new")


def test_search(server, library, tmp_path):
    for seed in range(5):
        server.add(library, f"id-{seed}", f"shop/{seed}.jpg", picture(seed), {"color": ["red", "blue"][seed % 2], "n": seed})
    (tmp_path / "query.jpg").write_bytes(picture(3))
    url = ["--server", server.url]
    table = run_cli("search", library, "--image", tmp_path / "query.jpg", "--top-k", 3, *url)
    lines = table.stdout.splitlines()
    assert table.returncode == 0 and len(lines) == 4
    assert lines[0].split() == ["rank", "score", "image_id", "image_uri", "tags"]
    assert re.match(r"\s+1\s+(1\.0000|0\.99\d\d)\s+id-3\s+shop/3\.jpg\s+color=blue n=3$", lines[1])
    found = json.loads(run_cli("search", library, "--text", "a red thing", "--json", *url).stdout)
    assert len(found) == 5 and all(r["image_base64"] is None for r in found)
    for filter, wanted in [('{"color": "red"}', {0, 2, 4}), ('{"n": [1, 2], "color": "blue"}', {1}),
                           ('[{"field": "n", "op": ">=", "value": 3}]', {3, 4}), ('{"not": {"field": "n", "op": "<", "value": 4}}', {4})]:
        result = run_cli("search", library, "--text", "x", "--filter", filter, "--json", *url)
        assert {r["tags"]["n"] for r in json.loads(result.stdout)} == wanted, filter
    nothing = run_cli("search", library, "--text", "x", "--filter", '{"color": "green"}', *url)
    assert nothing.returncode == 0 and nothing.stdout == "" and "Nothing found" in nothing.stderr
    for arguments, message in [(["none", "--text", "x"], "none"), ([library], "--text"), ([library, "--text", "x", "--top-k", "0"], "top_k"),
                               ([library, "--text", "x", "--filter", "{"], "--filter"), ([library, "--image", "/no/such"], "/no/such"),
                               ([library, "--text", "x", "--image", "y"], "excludes"),
                               ([library, "--text", "x", "--filter", '[{"field":"a","op":"?","value":1}]'], "op")]:
        result = run_cli("search", *arguments, *url)
        assert result.returncode == 2 and message in result.stderr, (arguments, result.stderr)


def test_without_a_server(tmp_path):
    for arguments in (["library", "list"], ["search", "x", "--text", "y"], ["import", "x", str(tmp_path)]):
        result = run_cli(*arguments, "--server", "http://127.0.0.1:9")
        assert result.returncode == 2
        assert "no server at http://127.0.0.1:9" in result.stderr and "ocellus serve --data ./data" in result.stderr
    assert run_cli("library", "list", env={"OCELLUS_SERVER": "http://127.0.0.1:9"}).returncode == 2
    assert "https" in run_cli("library", "list", "--server", "https://127.0.0.1:9").stderr


def test_interrupted_and_resumed(server, library, tmp_path):
    count = 300
    members = [(f"{i}.jpg", picture(i, size=(320, 240))) for i in range(count)]
    archive = make_tar(tmp_path / "many.tar", members)
    command = [str(BINARY), "import", library, str(archive), "--server", server.url, "--jobs", "4"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: server.count(library) > 20, "some progress")
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=20)
    assert running.returncode == 130, err
    imported = int(SUMMARY.search(out)[1])
    assert "interrupted" in out and "again to go on" in out
    assert imported == server.count(library) < count
    resumed = import_into(server, library, archive)
    assert resumed.returncode == 0 and counts(resumed) == (count - imported, imported, 0)
    assert server.count(library) == count


def test_an_import_outlives_a_restart_of_the_server(tmp_path):
    archive = make_tar(tmp_path / "many.tar", [(f"{i}.jpg", picture(i, size=(320, 240))) for i in range(250)])
    with Server(tmp_path / "data") as server:
        server.create("restart")
        command = [str(BINARY), "import", "restart", str(archive), "--server", server.url]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_for(lambda: server.count("restart") > 10, "some progress")
        assert server.stop() == 0
        server.listen = f"127.0.0.1:{server.port}"
        server.start()
        out, err = running.communicate(timeout=60)
        assert running.returncode == 0, err
        assert server.count("restart") == 250
        assert "refused 0" in out


def test_a_bar_on_a_terminal(server, library, tmp_path):
    """On a terminal there is a bar with rate and time left; elsewhere there are plain lines."""
    archive = make_tar(tmp_path / "many.tar", [(f"{i}.jpg", picture(i, size=(320, 240))) for i in range(150)])
    ours, theirs = os.openpty()
    running = subprocess.Popen([str(BINARY), "import", library, str(archive), "--server", server.url, "--jobs", "1"],
                               stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:  # the other side is closed
        pass
    assert running.wait(30) == 0
    assert re.search(rb"\r\[#*\.*\]\s+\d+%  \d+ pictures  \d+/s", shown), shown[-200:]
    os.close(ours)


def test_real_photographs(server, library, tmp_path):
    members = photo_tar(400)
    archive = make_tar(tmp_path / "photos.tar.gz", members, "w:gz")
    begin = time.monotonic()
    result = import_into(server, library, archive)
    print(result.stdout, time.monotonic() - begin)
    assert result.returncode == 0 and counts(result)[2] == 0
    assert sum(counts(result)) == 400
    # Each picture finds itself first, or a copy of itself.
    for name, data in members[::40]:
        (tmp_path / "query.webp").write_bytes(data)
        found = json.loads(run_cli("search", library, "--image", tmp_path / "query.webp", "--json", "--server", server.url).stdout)
        assert found[0]["score"] > 0.99
        assert any(r["image_uri"].startswith(f"photos/{name}") for r in found if r["score"] > 0.99), name
    table = run_cli("search", library, "--text", "a dog running on grass", "--top-k", 5, "--server", server.url)
    assert table.returncode == 0 and len(table.stdout.splitlines()) == 6
