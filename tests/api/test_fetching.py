"""URLs that callers name: who may have them opened, and that none of them leads inside."""
import gzip
import threading
import time

import pytest
import requests

from conftest import Server, b64, picture
from picture_web import PictureWeb, server_beside_a_web

KEYS = """
[[key]]
name = "admin"
secret = "admin-admin-admin"
role = "admin"

[[key]]
name = "plain"
secret = "plain-plain-plain"
role = "write"

[[key]]
name = "fetcher"
secret = "fetcher-fetcher-fetcher"
role = "read"
fetch = true
"""
ADMIN, PLAIN, FETCHER = "admin-admin-admin", "plain-plain-plain", "fetcher-fetcher-fetcher"

# 127.0.0.1 in other words, and other places that a server must not be sent to.
LOOPBACK = ["127.0.0.1", "127.1", "2130706433", "017700000001", "0177.0.0.1", "0x7f000001", "0x7f.1", "0", "localhost",
            "LOCALHOST.", "%31%32%37.0.0.1", "１２７.0.0.1", "127。0。0。1", "[::1]", "[::]", "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
            "[2001:0:7f00:1:0:0:80ff:fffe]", "[fe80::1%25lo]"]
ELSEWHERE = ["http://169.254.169.254/latest/meta-data", "http://100.100.100.200/", "http://168.63.129.16/",
             "http://10.0.0.1/", "http://192.168.1.1/", "http://[fd00:ec2::254]/", "http://[64:ff9b::a9fe:a9fe]/",
             "https://user:password@example.com/"]


def embed(server, url, key=None, timeout=30):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return requests.post(server.url + "/v1/embeddings", json={"input": [{"text": "a"}, {"image": url}]},
                         headers=headers, timeout=timeout)


def respond(server, url):
    content = [{"type": "input_image", "image_url": url}]
    return requests.post(server.url + "/v1/responses", timeout=30, json={
        "model": "m", "tools": [{"type": "image_search"}], "input": [{"role": "user", "content": content}]})


def call_tool(server, url):
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": "search_by_image", "arguments": {"image": url}}}
    return requests.post(server.url + "/mcp", json=body, timeout=30).json()["result"]


@pytest.fixture(scope="module")
def closed(tmp_path_factory):
    """A server that fetches from public addresses only, and a web on its own machine, at an allowed port."""
    web = PictureWeb({"/picture.jpg": picture(1)})
    config = f"[fetch]\nenabled = true\nports = [{web.port}, 80, 443]\n"
    with Server(tmp_path_factory.mktemp("closed") / "data", config=config) as server:
        server.web = web
        yield server
    web.close()


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    pages = {"/picture.jpg": picture(1)}
    with server_beside_a_web(tmp_path_factory.mktemp("opened"), pages, "timeout_ms = 1500") as (server, web):
        server.web = web
        yield server


@pytest.mark.parametrize("host", LOOPBACK)
def test_no_spelling_of_this_machine_gets_through(closed, host):
    url = f"http://{host}:{closed.web.port}/picture.jpg"
    answer = embed(closed, url)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == "input[1].image"
    assert respond(closed, url).status_code == 400
    assert call_tool(closed, url)["isError"]
    assert closed.web.asked == []


@pytest.mark.parametrize("url", ELSEWHERE)
def test_no_other_inside_place_gets_through(closed, url):
    start = time.monotonic()
    assert embed(closed, url).status_code == 400
    assert respond(closed, url).status_code == 400
    assert call_tool(closed, url)["isError"]
    assert time.monotonic() - start < 3  # refused, not tried


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/x", "gopher://127.0.0.1/", "//127.0.0.1/x",
                                 "http:///x", "http://127.0.0.1:22/", "/etc/hostname"])
def test_other_schemes_ports_and_paths(opened, url):
    assert embed(opened, url).status_code == 400
    assert respond(opened, url).status_code == 400
    assert call_tool(opened, url)["isError"]


def test_a_picture_is_fetched_where_it_is_allowed(opened):
    url = opened.web.url + "/picture.jpg"
    answer = embed(opened, url)
    assert answer.status_code == 200, answer.text
    opened.create("fetched")
    opened.add("fetched", "a", "a.jpg", picture(1))
    assert call_tool(opened, url)["structuredContent"]["results"][0]["score"] > 0.99
    assert respond(opened, url).status_code == 200


@pytest.mark.parametrize("target", ["http://127.0.0.2:{port}/picture.jpg", "http://169.254.169.254/", "file:///etc/passwd",
                                    "http://[::1]:{port}/", "http://0x7f000002:{port}/", "gopher://127.0.0.1:{port}/"])
def test_a_redirect_inside_is_not_followed(opened, target):
    def redirect(handler):
        handler.send_response(302)
        handler.send_header("Location", target.format(port=opened.web.port))
        handler.send_header("Content-Length", "0")
        handler.end_headers()
    opened.web.pages["/redirect"] = redirect
    before = len(opened.web.asked)
    answer = embed(opened, opened.web.url + "/redirect")
    assert answer.status_code == 400, answer.text
    assert opened.web.asked[before:] == ["/redirect"]


def test_a_redirect_loop_ends(opened):
    def redirect(handler):
        handler.send_response(302)
        handler.send_header("Location", "/loop")
        handler.send_header("Content-Length", "0")
        handler.end_headers()
    opened.web.pages["/loop"] = redirect
    before = len(opened.web.asked)
    assert embed(opened, opened.web.url + "/loop").status_code == 400
    assert len(opened.web.asked) - before <= 5


def test_endless_and_slow_answers_end(opened):
    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 65536)

    def slow(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        while True:
            handler.wfile.write(b"x")
            time.sleep(0.05)
    opened.web.pages |= {"/endless": endless, "/slow": slow}
    start = time.monotonic()
    answer = embed(opened, opened.web.url + "/endless")
    assert answer.status_code == 400 and "larger than" in answer.json()["error"]["message"]
    answer = embed(opened, opened.web.url + "/slow")
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "failed_to_download_image"
    assert time.monotonic() - start < 10


def test_a_gzip_bomb_does_not_go_off(opened):
    body = gzip.compress(bytes(64 << 20), 1)

    def bomb(handler):
        handler.send_response(200)
        handler.send_header("Content-Encoding", "gzip")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
    opened.web.pages["/bomb"] = bomb
    answer = embed(opened, opened.web.url + "/bomb")
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "invalid_image"


def test_slow_webs_do_not_keep_the_server_from_others(opened):
    def silent(handler):
        time.sleep(1)
    opened.web.pages["/silent"] = silent
    threads = [threading.Thread(target=embed, args=(opened, opened.web.url + "/silent")) for _ in range(40)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    start = time.monotonic()
    answer = requests.post(opened.url + "/v1/embeddings", json={"input": "a dog"}, timeout=10)
    assert answer.status_code == 200 and time.monotonic() - start < 1.4
    for thread in threads:
        thread.join()


def test_only_keys_with_the_right_have_urls_opened(tmp_path):
    keys = tmp_path / "keys.toml"
    keys.write_text(KEYS)
    web = PictureWeb({"/picture.jpg": picture(1), "/list.jsonl": b'{"image_id":"a","image_uri":"%s"}'})
    url = web.url + "/picture.jpg"
    web.pages["/list.jsonl"] %= url.encode()
    config = (f'keys_file = "{keys}"\n[fetch]\nenabled = true\nports = [{web.port}]\nallow_networks = ["127.0.0.1"]\n')
    with Server(tmp_path / "data", config=config) as server:
        answer = embed(server, url, PLAIN)
        assert answer.status_code == 403 and answer.json()["error"]["type"] == "permission_error"
        server.key = ADMIN
        server.create("shoes")
        task = {"library_name": "shoes", "oss_path": web.url + "/list.jsonl"}
        assert server.call("POST", "/image/tasks/create", task, key=PLAIN).status_code == 403
        assert web.asked == []
        assert embed(server, url, FETCHER).status_code == 200
        assert embed(server, url, ADMIN).status_code == 200
        assert server.call("POST", "/image/tasks/create", task, key=ADMIN).status_code == 200
    web.close()


def test_fetching_is_off_where_it_is_not_switched_on(server):
    answer = embed(server, "http://127.0.0.1:1/picture.jpg")
    assert answer.status_code == 403 and "fetch" in answer.json()["error"]["message"]
    assert embed(server, b64(picture(1))).status_code == 200
