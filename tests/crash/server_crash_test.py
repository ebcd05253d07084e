#!/usr/bin/env python3
"""server_crash_test.py OCELLUS [KILLS [SEED]]: kills a server in the middle of imports, again and again, and
compares what it acknowledged with what it has afterwards. Python's own library is all it needs.

Eight clients add pictures of their own, and an import task reads a file of more, while the server is killed
with SIGKILL after a random time: often while it starts. After each start, of the same data:
  - every acknowledged picture is there, by content, and no more pictures than were sent;
  - some of them, of this round and of earlier ones, come back byte for byte, are the first result of a search
    for themselves, and are found by their tag;
  - the import task goes on, and in the end every line of it is there.
Not modelled: a power cut, which loses what was written and not synced.
"""
import base64
import hashlib
import http.client
import json
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

PREFIX = "/api/v1/operators/image-search"
CLIENTS = 8
TASK_LINES = 400


def png(seed):
    """A picture of 8x8 coloured squares; another one for every seed."""
    rng = random.Random(seed)
    side, cell = 64, 8
    colours = [[bytes(rng.randrange(256) for _ in range(3)) for _ in range(side // cell)] for _ in range(side // cell)]
    rows = b"".join(b"\0" + b"".join(c * cell for c in colours[y // cell]) for y in range(side))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class Server:
    def __init__(self, binary, folder):
        self.command = [binary, "serve", "--data", str(folder / "data"), "--listen", "127.0.0.1:0",
                        "--config", str(folder / "config.toml")]
        self.log = open(folder / "server.log", "ab")
        self.process = None

    def spawn(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=self.log)

    def start(self):
        self.spawn()
        line = self.process.stdout.readline().decode()
        if " ready at " not in line:
            raise AssertionError(f"the server did not start again: {line!r}; see {self.log.name}")
        self.port = int(line.split(" ready at ")[1].split()[0].rsplit(":", 1)[1])

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Client:
    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body)
        self.connection.request(method, path, data, {"Content-Type": "application/json"} if data else {})
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def data(self, method, path, body=None):
        status, answer = self.call(method, PREFIX + path, body)
        assert status == 200, (path, status, answer[:500])
        return json.loads(answer)["data"]


def add_body(name, data, number):
    return {"library_name": "crash", "image_id": name, "image_uri": "u", "image_base64": base64.b64encode(data).decode(),
            "tags": {"number": number}}


class Test:
    def __init__(self, binary, kills, seed):
        self.kills = kills
        self.rng = random.Random(seed)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ocellus-crash-"))
        (self.folder / "config.toml").write_text(
            f'model_cache = "{self.folder}/models"\nlog_level = "warning"\n[import]\nroots = ["{self.folder}"]\n')
        self.server = Server(binary, self.folder)
        self.lock = threading.Lock()
        self.next = 0
        self.sent = 0
        self.acknowledged = {}  # image_id to number
        self.tasks = []         # (task_id, first number)

    def picture_of(self, number):
        return png(number)

    def add_until_killed(self, stop):
        client = Client(self.server.port)
        while not stop.is_set():
            with self.lock:
                self.next += 1
                number = self.next
                self.sent += 1
            try:
                status, answer = client.call("POST", PREFIX + "/image/add", add_body(f"i{number}", self.picture_of(number), number))
            except (OSError, http.client.HTTPException):
                return
            assert status == 200, answer
            with self.lock:
                self.acknowledged[f"i{number}"] = number

    def start_task(self):
        client = Client(self.server.port)
        first = 1_000_000 * (len(self.tasks) + 1)
        path = self.folder / f"task-{first}.jsonl"
        with open(path, "w") as file:
            for number in range(first, first + TASK_LINES):
                body = add_body(f"t{number}", self.picture_of(number), number)
                del body["library_name"]
                file.write(json.dumps(body) + "\n")
        task = client.data("POST", "/image/tasks/create", {"library_name": "crash", "oss_path": str(path)})["task_id"]
        self.tasks.append((task, first))

    def known(self, client, numbers):
        """Checks that the pictures of these numbers are there."""
        digests = {hashlib.sha256(self.picture_of(n)).hexdigest(): n for n in numbers}
        names = list(digests)
        for at in range(0, len(names), 1000):
            status, answer = client.call("POST", "/api/v1/admin/libraries/crash/known", {"digests": names[at:at + 1000]})
            assert status == 200, answer
            missing = set(names[at:at + 1000]) - set(json.loads(answer)["known"])
            assert not missing, f"acknowledged and lost: {sorted(digests[d] for d in missing)[:10]}"

    def check(self, fresh):
        client = Client(self.server.port)
        status, answer = client.call("GET", "/healthz")
        assert status == 200, answer
        older = self.rng.sample(sorted(self.acknowledged.values()), min(200, len(self.acknowledged)))
        self.known(client, set(fresh) | set(older))
        count = client.data("GET", "/library/list")["libraries"][0]["image_count"]
        most = self.sent + TASK_LINES * len(self.tasks)
        assert len(self.acknowledged) <= count <= most, (len(self.acknowledged), count, most)
        for number in self.rng.sample(fresh, min(2, len(fresh))) + older[:2]:
            data = self.picture_of(number)
            status, back = client.call("GET", f"/images/crash/i{number}?uri=u")
            assert status == 200 and back == data, (number, status)
            search = {"library_name": "crash", "image_base64": base64.b64encode(data).decode(), "top_k": 1, "return_frame": False}
            for more in ({}, {"tag_filter": [{"field": "number", "op": "=", "value": number}]}):
                hits = client.data("POST", "/search/by-image", search | more)["results"]
                assert hits and hits[0]["score"] > 0.99, (number, more, hits)
                assert not more or hits[0]["tags"] == {"number": number}, hits
        task = client.data("GET", f"/image/tasks/results/{self.tasks[-1][0]}")
        assert task["failed"] == 0 and task["status"] in ("PENDING", "RUNNING", "SUCCEEDED"), task
        if task["status"] == "SUCCEEDED":
            self.known(client, range(self.tasks[-1][1], self.tasks[-1][1] + TASK_LINES))
            self.start_task()

    def run(self):
        self.server.start()
        Client(self.server.port).data("POST", "/library/create", {"library_name": "crash", "mode": "general_search"})
        self.start_task()
        for kill in range(self.kills):
            before = set(self.acknowledged.values())
            stop = threading.Event()
            threads = [threading.Thread(target=self.add_until_killed, args=(stop,)) for _ in range(CLIENTS)]
            for thread in threads:
                thread.start()
            # Some early, some after so many that a slow machine has been in the middle of adds too.
            wanted = len(self.acknowledged) + self.rng.choice((0, 0, 5, 20, 60))
            deadline = time.monotonic() + 10
            time.sleep(self.rng.uniform(0.0, 0.5))
            while len(self.acknowledged) < wanted and time.monotonic() < deadline:
                time.sleep(0.001)
            self.server.kill()
            stop.set()
            for thread in threads:
                thread.join()
            while self.rng.random() < 0.25:  # and sometimes in the middle of the start
                self.server.spawn()
                time.sleep(self.rng.uniform(0.0, 0.6))
                self.server.kill()
            self.server.start()
            self.check(sorted(set(self.acknowledged.values()) - before))
            if kill % 10 == 9:
                print(f"{kill + 1} kills, {len(self.acknowledged)} acknowledged pictures, {len(self.tasks)} tasks", flush=True)
        client = Client(self.server.port)
        deadline = time.monotonic() + 120
        while client.data("GET", f"/image/tasks/results/{self.tasks[-1][0]}")["status"] != "SUCCEEDED":
            assert time.monotonic() < deadline, "the last task did not end"
            time.sleep(0.1)
        self.known(client, list(self.acknowledged.values()) + [n for _, first in self.tasks for n in range(first, first + TASK_LINES)])
        self.server.process.terminate()
        assert self.server.process.wait(60) == 0
        assert self.acknowledged, "nothing was acknowledged: nothing was tested"


def main():
    binary = str(pathlib.Path(sys.argv[1]).resolve())
    kills = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 30)
    print(f"seed {seed}", flush=True)
    test = Test(binary, kills, seed)
    try:
        test.run()
    except BaseException:
        print(f"FAILED: its data is left in {test.folder}", flush=True)
        raise
    finally:
        if test.server.process and test.server.process.poll() is None:
            test.server.process.kill()
    shutil.rmtree(test.folder)
    print(f"ok: {kills} kills, {len(test.acknowledged)} acknowledged pictures are all there")


main()
