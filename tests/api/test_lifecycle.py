"""Starting, stopping, and being killed."""
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time

import requests

from conftest import BINARY, PREFIX, Server, b64, picture, run_cli, wait_for


def test_ready_line_and_health(tmp_path):
    with Server(tmp_path / "data") as server:
        assert server.ready_line.startswith("ocellus ")
        assert f"ready at http://127.0.0.1:{server.port}  (data: {tmp_path}/data, kernels: " in server.ready_line
        assert server.call("GET", "/healthz").json() == {"status": "ok"}
        assert server.stop() == 0


def test_version_and_help():
    assert run_cli("--version").stdout.startswith("ocellus 0.")
    for command in ([], ["serve"], ["import"], ["search"], ["library"], ["library", "create"]):
        text = run_cli(*command, "--help")
        assert text.returncode == 0 and "ocellus" in text.stdout, command
    nothing = run_cli()
    assert nothing.returncode == 2 and "ocellus serve" in nothing.stdout
    assert run_cli("fly").returncode == 2


def test_one_server_a_folder(tmp_path):
    with Server(tmp_path / "data") as server:
        second = run_cli("serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0")
        assert second.returncode == 2 and str(tmp_path / "data") in second.stderr
        taken = run_cli("serve", "--data", tmp_path / "other", "--listen", f"127.0.0.1:{server.port}")
        assert taken.returncode == 2 and "in use" in taken.stderr


def test_the_binary_may_be_anywhere(tmp_path):
    """--models names the bundles; without them it says what to do."""
    shutil.copy(BINARY, tmp_path / "ocellus")
    libraries = str(next(BINARY.resolve().parents[1].glob("deps/openvino-*/openvino/libs")))
    env = os.environ | {"LD_LIBRARY_PATH": libraries}
    result = subprocess.run([tmp_path / "ocellus", "serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0"],
                            capture_output=True, text=True, timeout=30, env=env)
    assert result.returncode == 2 and "--models" in result.stderr


def test_everything_is_there_after_a_restart(tmp_path):
    with Server(tmp_path / "data") as server:
        server.create("kept", description="stays")
        for seed in range(20):
            server.add("kept", f"i{seed}", "u", picture(seed), {"n": seed})
        before = server.by_image("kept", picture(3), top_k=20)
        libraries = server.data_of("GET", "/library/list")
        assert server.stop() == 0
        server.start()
        assert server.by_image("kept", picture(3), top_k=20) == before
        assert server.data_of("GET", "/library/list") == libraries


def test_a_drain_loses_no_accepted_request(tmp_path):
    """Clients send without a pause while SIGTERM comes: each request that was sent on a connection is
    answered, and every add that was acknowledged is there after the restart."""
    with Server(tmp_path / "data") as server:
        server.create("drain")
        acknowledged, failures, lock = set(), [], threading.Lock()
        started = threading.Barrier(13)

        def client(number):
            session = requests.Session()
            started.wait()
            for n in range(10_000):
                name = f"{number}-{n}"
                try:
                    server.add("drain", name, "u", picture(number), session=session)
                except requests.ConnectionError as error:
                    # Refused is fine: nothing was accepted. Any other end of a connection is a loss.
                    if "refused" not in str(error).lower():
                        with lock:
                            failures.append(str(error))
                    return
                with lock:
                    acknowledged.add(name)

        threads = [threading.Thread(target=client, args=(i,)) for i in range(12)]
        for thread in threads:
            thread.start()
        started.wait()
        wait_for(lambda: len(acknowledged) > 50, "some load")
        server.terminate()
        for thread in threads:
            thread.join()
        assert server.process.wait(30) == 0
        assert not failures, failures[:3]
        server.start()
        found = {r["image_id"] for r in server.by_image("drain", picture(0), top_k=1000)}
        assert len(acknowledged) < 1000 and acknowledged <= found


def test_a_half_sent_request_is_answered_at_the_end(tmp_path):
    with Server(tmp_path / "data") as server:
        body = b'{"library_name": "half", "mode": "general_search"}'
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as half:
            half.sendall(f"POST {PREFIX}/library/create HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[:10])
            time.sleep(0.2)
            server.terminate()
            time.sleep(0.6)
            half.sendall(body[10:])
            answer = half.makefile("rb").read()
            assert answer.startswith(b"HTTP/1.1 200") and b"Connection: close" in answer
        assert server.process.wait(20) == 0


def test_acknowledged_pictures_survive_kill(tmp_path):
    """The short form of tests/crash: a few kills in the middle of adds."""
    seed = random.randrange(1 << 30)
    print("seed", seed)
    rng = random.Random(seed)
    acknowledged = {}
    server = Server(tmp_path / "data").start()
    try:
        server.create("crash")
        for kill in range(4):
            stop = threading.Event()

            def client(number):
                session = requests.Session()
                for n in range(10_000):
                    if stop.is_set():
                        return
                    name = f"{kill}-{number}-{n}"
                    try:
                        server.add("crash", name, "u", picture(number), {"n": n}, session=session)
                    except requests.RequestException:
                        return
                    acknowledged[name] = n

            threads = [threading.Thread(target=client, args=(i,)) for i in range(8)]
            for thread in threads:
                thread.start()
            time.sleep(rng.uniform(0.2, 1.0))
            server.kill()
            stop.set()
            for thread in threads:
                thread.join()
            server.start()
            assert server.call("GET", "/healthz").status_code == 200
            count = server.count("crash")
            assert count >= len(acknowledged)
        assert acknowledged
        sample = rng.sample(sorted(acknowledged), min(60, len(acknowledged)))
        for name in sample:
            number = int(name.split("-")[1])
            assert server.call("GET", f"/images/crash/{name}?uri=u").content == picture(number), name
    finally:
        server.stop()


def test_sigint_ends_as_sigterm_does(tmp_path):
    with Server(tmp_path / "data") as server:
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(20) == 0
