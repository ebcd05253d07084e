"""Picture formats, and pictures fetched back."""
import io
import urllib.parse

import pytest
from PIL import Image

from conftest import b64, picture

FORMATS = [("JPEG", {}, "image/jpeg"), ("JPEG", {"progressive": True}, "image/jpeg"), ("PNG", {}, "image/png"),
           ("WEBP", {}, "image/webp"), ("GIF", {}, "image/gif"), ("BMP", {}, "image/bmp"), ("TIFF", {}, "image/tiff")]


@pytest.mark.parametrize("format, options, content_type", FORMATS)
def test_formats_in_and_back(server, library, format, options, content_type):
    data = picture(5, format, **options)
    server.add(library, "i", "u", data)
    back = server.call("GET", f"/images/{library}/i?uri=u")
    assert back.status_code == 200 and back.content == data
    assert back.headers["Content-Type"] == content_type
    assert back.headers["X-Content-Type-Options"] == "nosniff"
    # What another decoder reads of the same bytes, without loss, is the same picture and nearer than any other.
    # (Not the picture before it was compressed: the model tells small flat shapes from their JPEG.)
    for seed in range(6, 12):
        server.add(library, f"other-{seed}", "u", picture(seed, "PNG"))
    decoded = io.BytesIO()
    Image.open(io.BytesIO(data)).convert("RGB").save(decoded, "PNG")
    nearest = server.by_image(library, decoded.getvalue())[0]
    assert nearest["image_id"] == "i" and nearest["score"] > 0.95


def test_thumbnails_and_caching(server, library):
    server.add(library, "a/b c", "x/y.jpg", picture(3, size=(400, 200)))
    path = f"/images/{library}/" + urllib.parse.quote("a/b c") + "?uri=x%2Fy.jpg"
    for size in (16, 64, 333):
        answer = server.call("GET", f"{path}&size={size}")
        assert answer.status_code == 200 and answer.headers["Content-Type"] == "image/jpeg"
        assert max(Image.open(io.BytesIO(answer.content)).size) == size
    whole = server.call("GET", path)
    assert whole.headers["ETag"] and "private" in whole.headers["Cache-Control"]
    again = server.call("GET", path, headers={"If-None-Match": whole.headers["ETag"]})
    assert again.status_code == 304 and again.content == b""
    head = server.call("HEAD", path)
    assert head.status_code == 200 and head.content == b"" and int(head.headers["Content-Length"]) == len(whole.content)
    # Without its uri, the first picture of that id.
    assert server.call("GET", f"/images/{library}/a%2Fb%20c").content == whole.content


def test_an_upright_thumbnail(server, library):
    image = Image.open(io.BytesIO(picture(4, size=(80, 40))))
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(out, "JPEG", exif=exif)
    server.add(library, "i", "u", out.getvalue())
    thumbnail = Image.open(io.BytesIO(server.call("GET", f"/images/{library}/i?uri=u&size=40").content))
    assert thumbnail.size == (20, 40)


@pytest.mark.parametrize("path, status", [
    ("/i?uri=u&size=15", 400), ("/i?uri=u&size=2049", 400), ("/i?uri=u&size=x", 400), ("/i?uri=other", 404),
    ("/none", 404), ("/kept-not?uri=u", 404)])
def test_what_is_not_there(server, library, path, status):
    server.add(library, "i", "u", picture(1))
    server.add(library, "kept-not", "u", picture(2), save_image=False)
    answer = server.call("GET", f"/images/{library}{path}")
    assert answer.status_code == status and answer.json()
    assert server.call("GET", "/images/none/i").status_code == 404


def test_names_of_every_kind(server, library):
    for name in ["..", "ä ö/ü", "日本語", "a%2Fb", "x?y&z=1", "#", "\U0001f431", "'\"<script>"]:
        server.add(library, name, name, picture(1))
        found = [r for r in server.by_image(library, picture(1), top_k=100) if r["image_id"] == name]
        assert len(found) == 1 and found[0]["image_uri"] == name
        quoted = urllib.parse.quote(name, safe="")
        answer = server.call("GET", f"/images/{library}?image_id={quoted}&uri={quoted}")
        assert answer.status_code == 200 and answer.content == picture(1), name


def test_broken_pictures_leave_nothing_behind(server, library):
    good = picture(9, size=(200, 150))
    for cut in range(0, len(good) - 200, max(1, len(good) // 25)):
        answer = server.call("POST", "/image/add", {"library_name": library, "image_id": "i", "image_uri": "u",
                                                    "image_base64": b64(good[:cut])})
        assert answer.status_code == 400, cut
    assert server.count(library) == 0
    assert server.call("GET", "/healthz").status_code == 200
