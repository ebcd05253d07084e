"""HTTP as clients and as troublemakers speak it, on raw sockets."""
import concurrent.futures
import gzip
import json
import pathlib
import re
import socket
import time
import zlib

import pytest
import requests

from conftest import PREFIX, Server, b64, picture, wait_for


class Wire:
    """A connection that sends exactly what it is told."""

    def __init__(self, server, timeout=20):
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=timeout)
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def answer(self):
        """(status, headers, body) of the next answer; None at the end of the connection."""
        line = self.file.readline()
        if not line:
            return None
        headers = {}
        while (header := self.file.readline().strip()):
            name, _, value = header.decode().partition(": ")
            headers[name.lower()] = value
        return int(line.split()[1]), headers, self.file.read(int(headers.get("content-length", 0)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()


def post(path, body, *headers):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = [f"POST {PREFIX}{path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(data)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + data


def reason(answer):
    """Every answer is JSON with a reason."""
    status, headers, body = answer
    assert headers["content-type"].startswith("application/json"), headers
    parsed = json.loads(body)
    message = parsed["message"] if "message" in parsed else parsed["error"]["message"]
    assert message
    return status, message


def test_keep_alive_and_pipelining(server, library):
    server.add(library, "1", "u", picture(1))
    requests_sent = [post("/search/by-text", {"library_name": library, "text": f"word {i}", "return_frame": False},
                          f"X-Request-Id: {i}") for i in range(30)]
    with Wire(server) as wire:
        wire.send(b"".join(requests_sent))
        for i in range(30):
            status, headers, body = wire.answer()
            assert status == 200 and headers["x-request-id"] == str(i)
            assert len(json.loads(body)["data"]["results"]) == 1
        wire.send(requests_sent[0].replace(b"Host", b"Connection: close\r\nHost"))
        assert wire.answer()[1]["connection"] == "close"
        assert wire.answer() is None


@pytest.mark.parametrize("encoding, compress", [
    ("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", lambda d: zlib.compress(d)[2:-4]), ("identity", bytes)])
def test_compressed_bodies(server, library, encoding, compress):
    body = json.dumps({"library_name": library, "image_id": "i", "image_uri": "u", "image_base64": b64(picture(1))}).encode()
    answer = server.call("POST", "/image/add", data=compress(body), headers={"Content-Encoding": encoding})
    assert answer.status_code == 200, answer.text


def test_bombs_and_damage(server):
    bomb = gzip.compress(b" " * (200 << 20), 9)
    assert len(bomb) < 300_000
    twice = gzip.compress(gzip.compress(b" " * (1 << 20)))
    for data, encoding, status in [(bomb, "gzip", 413), (bomb[:-100], "gzip", 413), (gzip.compress(b"{}")[:-3], "gzip", 400),
                                   (b"plain", "gzip", 400), (twice, "gzip, gzip", 415), (b"x", "br", 415)]:
        answer = server.call("POST", "/search/by-text", data=data, headers={"Content-Encoding": encoding})
        assert answer.status_code == status, (encoding, answer.text)
        assert answer.json()["message"]


def test_limits(server):
    with Wire(server) as wire:
        wire.send("GET / HTTP/1.1\r\nHost: localhost\r\nX: " + "x" * 20000 + "\r\n\r\n")
        assert reason(wire.answer())[0] == 431
    with Wire(server) as wire:  # told before it is sent
        wire.send(f"POST {PREFIX}/image/add HTTP/1.1\r\nHost: localhost\r\nContent-Length: {40 << 20}\r\nExpect: 100-continue\r\n\r\n")
        assert reason(wire.answer())[0] == 413
    # Sent all the same: the client gets the answer and no broken connection.
    answer = requests.post(server.url + PREFIX + "/image/add", data=b"x" * (40 << 20), timeout=60)
    assert answer.status_code == 413 and answer.json()["status"] == "PAYLOAD_TOO_LARGE"
    with Wire(server) as wire:
        wire.send(f"POST {PREFIX}/library/delete HTTP/1.1\r\nHost: localhost\r\nContent-Length: 26\r\nExpect: 100-continue\r\n\r\n")
        assert wire.file.readline() == b"HTTP/1.1 100 Continue\r\n"
        wire.file.readline()
        wire.send('{"library_name": "nothing"}'[:26])
        assert wire.answer()[0] in (400, 404)


@pytest.mark.parametrize("request_bytes, status", [
    (b"nonsense\r\n\r\n", 400), (b"GET / HTTP/1.1\r\n\r\n", 400), (b"GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"GET /%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400), (b"GET /%ff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", 400), (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400), (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n", 400), (b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    (b"BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405), (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n\r\n", 403)])
def test_what_is_wrong_is_told(server, request_bytes, status):
    with Wire(server) as wire:
        wire.send(request_bytes)
        assert reason(wire.answer())[0] == status


def test_request_ids_and_the_access_log(server):
    answer = server.call("GET", "/healthz", headers={"X-Request-Id": "my-id_1"})
    assert answer.headers["X-Request-Id"] == "my-id_1"
    made = server.call("GET", "/healthz", headers={"X-Request-Id": "x" * 200}).headers["X-Request-Id"]
    assert re.fullmatch(r"[0-9a-f]{16}", made)
    with Wire(server) as wire:
        wire.send(b"GET /a%20b%0afaked?secret=hunter2 HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: logged\r\n\r\n")
        assert wire.answer()[0] == 404
    line = wait_for(lambda: [l for l in server.log().splitlines() if l.endswith("id=logged")], "the log line")[0]
    assert 'method=GET path="/a b\\x0afaked" status=404' in line
    assert "principal=anonymous" in line and re.search(r" ms=\d+\.\d{3} ", line) and "hunter2" not in server.log()


@pytest.fixture(scope="module")
def impatient(tmp_path_factory):
    """A server whose limits a test can wait for."""
    config = """
[http]
header_timeout_ms = 1000
idle_timeout_ms = 1500
max_connections = 20
max_body_bytes = 1000000
max_buffered_bytes = 2000000
"""
    with Server(tmp_path_factory.mktemp("impatient") / "data", config=config) as running:
        yield running


def test_one_byte_a_second(impatient):
    with Wire(impatient) as wire:
        begin = time.monotonic()
        try:
            for byte in b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n":
                wire.send(bytes([byte]))
                time.sleep(0.3)
        except OSError:
            pass
        assert reason(wire.answer())[0] == 408
        assert time.monotonic() - begin < 15
    # In a body the pace counts: 11 seconds for what should have come in none.
    with Wire(impatient) as wire:
        begin = time.monotonic()
        wire.send(f"POST {PREFIX}/image/add HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n")
        wire.socket.settimeout(1)
        answer = None
        while answer is None and time.monotonic() - begin < 30:
            try:
                wire.send(b"x")
                answer = wire.file.readline()
            except TimeoutError:
                wire.file = wire.socket.makefile("rb")
            except OSError:
                break
        assert b"408" in answer and 8 < time.monotonic() - begin < 20
    with Wire(impatient) as wire:  # says nothing at all
        begin = time.monotonic()
        assert wire.answer() is None
        assert time.monotonic() - begin < 5


def test_too_many_connections(impatient):
    wires = [Wire(impatient) for _ in range(20)]
    try:
        for wire in wires:
            wire.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert all(wire.answer()[0] == 200 for wire in wires)
        with Wire(impatient) as wire:
            answer = wire.answer()
            assert reason(answer)[0] == 503 and answer[1]["retry-after"]
    finally:
        for wire in wires:
            wire.__exit__()
    wait_for(lambda: impatient.call("GET", "/healthz").status_code == 200, "room for connections")


def test_metrics(server, library):
    server.add(library, "1", "u", picture(1))
    server.by_text(library, "a word that nobody has searched for")
    server.by_image(library, picture(1))
    text = server.call("GET", "/metrics").text
    for stage in ("decode", "embed", "search", "store"):
        count = re.search(rf'ocellus_stage_seconds_count{{stage="{stage}"}} (\d+)', text)
        assert count and int(count[1]) > 0, stage
        assert f'ocellus_stage_seconds_bucket{{stage="{stage}",le="+Inf"}}' in text
    assert re.search(r'ocellus_http_requests_total{method="POST",status="200"} [1-9]', text)
    assert re.search(r"ocellus_http_seconds_count [1-9]", text) and "ocellus_http_connections " in text


def resident_bytes(server):
    for line in open(f"/proc/{server.process.pid}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024


def test_memory_stays_flat(server, library):
    """Large bodies, right and wrong, leave nothing behind."""
    big = picture(3, "BMP", size=(1600, 1200))
    body = {"library_name": library, "image_id": "i", "image_uri": "u", "image_base64": b64(big), "save_image": False}
    wrong = json.dumps(body)[:-1]

    def round():
        for _ in range(6):
            assert server.call("POST", "/image/add", body).status_code == 200
            assert server.call("POST", "/image/add", data=wrong).status_code == 400
    round()
    before = resident_bytes(server)
    for _ in range(4):
        round()
    assert resident_bytes(server) - before < 48 << 20


@pytest.mark.parametrize("path", [PREFIX + "/search/by-text", PREFIX + "/library/create", "/vector-service/query",
                                  "/update/values/actions/bulk", "/openapi/ha3/instances/i/tables", "/v1/responses",
                                  "/v1/embeddings", "/mcp"])
def test_a_body_of_very_many_values_is_refused_by_every_front(server, path):
    if path.startswith("/update"):
        table = {"name": "values", "primaryKey": "id", "fieldSchema": {"id": "INT64", "v": "MULTI_FLOAT"},
                 "vectorIndex": [{"indexName": "v", "vectorField": "v", "dimension": "2"}]}
        assert requests.post(server.url + "/openapi/ha3/instances/i/tables", json=table, timeout=60).status_code == 200
    body = '{"x":[' + "1," * (4 << 20) + "1]}"
    answer = requests.post(server.url + path, data=body, timeout=60, headers={
        "Content-Type": "application/json", "Accept": "application/json, text/event-stream"})
    assert "more than 4194304" in answer.text, answer.text[:500]
    assert answer.status_code in (200, 400), answer.text[:500]
    if path.startswith("/update"):
        requests.delete(server.url + "/openapi/ha3/instances/i/tables/values", timeout=60)


# What bodies become in memory


def peak_bytes(server, work):
    """How much more memory than before the server had at one time during `work`."""
    status = pathlib.Path(f"/proc/{server.process.pid}")

    def field(name):
        return int(re.search(rf"{name}:\s+(\d+)", (status / "status").read_text())[1]) << 10
    (status / "clear_refs").write_text("5")  # VmHWM becomes VmRSS
    before = field("VmRSS")
    work()
    return field("VmHWM") - before


LISTS = {"name": "lists", "primaryKey": "id", "fieldSchema": {"id": "INT64", "m": "MULTI_INT32", "v": "MULTI_FLOAT"},
         "vectorIndex": [{"indexName": "v", "vectorField": "v", "dimension": "2"}]}
MILLIONS = 3_000_000
# One body each: numbers as a JSON list, and as one text, two bytes a number and forty in memory.
WORST = {"JSON": '[{"cmd":"add","fields":{"id":%d,"m":[' + "0," * MILLIONS + '"x"]}}]',
         "text": '[{"cmd":"add","fields":{"id":%d,"m":"' + "0," * MILLIONS + 'x"}}]'}


@pytest.mark.parametrize("shape", WORST)
def test_many_bodies_of_very_many_values_at_one_time(tmp_path, shape):
    """Eight bodies, each of which takes hundreds of megabytes: one after another, and none is lost."""
    with Server(tmp_path / "data", config="[http]\nmax_parsed_bytes = 134217728\n") as server:
        answer = requests.post(server.url + "/openapi/ha3/instances/i/tables", json=LISTS, timeout=60)
        assert answer.status_code == 200, answer.text

        def push(number):
            for _ in range(100):
                answer = requests.post(server.url + "/update/lists/actions/bulk", data=WORST[shape] % number, timeout=60)
                if answer.status_code != 503:
                    return answer
                assert answer.json()["errorCode"] == 10020 and answer.headers["Retry-After"], answer.text
                time.sleep(0.2)

        def push_all(count):
            with concurrent.futures.ThreadPoolExecutor(count) as pool:
                for answer in pool.map(push, range(count)):
                    # Read to its end: the last element is what is wrong with it.
                    assert answer.status_code == 200 and "[0].fields.m: " in answer.text, answer.text[:300]
        one = peak_bytes(server, lambda: push_all(1))
        assert peak_bytes(server, lambda: push_all(8)) < 2 * one
        assert requests.get(server.url + "/healthz", timeout=60).status_code == 200


def test_lists_as_texts_are_counted_together(server):
    assert requests.post(server.url + "/openapi/ha3/instances/i/tables", json=LISTS, timeout=60).status_code == 200
    document = '{"cmd":"add","fields":{"id":%d,"m":"0' + ",0" * (2 << 20) + '"}}'
    answer = requests.post(server.url + "/update/lists/actions/bulk", timeout=60,
                           data="[" + document % 1 + "," + document % 2 + "]")
    assert answer.json()["status"] == "FAIL" and answer.json()["errorCode"] == 10001
    assert answer.json()["errorMsg"].startswith("[1].fields.m: the lists of the body have more than 4194304"), answer.text
    requests.delete(server.url + "/openapi/ha3/instances/i/tables/lists", timeout=60)
