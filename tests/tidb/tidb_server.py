"""A TiDB on free ports of loopback: TIDB_TEST_SERVER names the program, which scripts/test_tidb builds."""
import os
import socket
import subprocess
import time

import pytest


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def tidb_port(tmp_path_factory):
    port, status = free_port(), free_port()
    log = tmp_path_factory.mktemp("tidb") / "log"
    with open(log, "wb") as out:
        server = subprocess.Popen([os.environ["TIDB_TEST_SERVER"], "-P", str(port), "-status", str(status)],
                                  stdout=out, stderr=out)
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert server.poll() is None, log.read_text()[-2000:]
            time.sleep(0.1)
        else:
            raise AssertionError("TiDB does not listen")
        yield port
    finally:
        server.terminate()
        server.wait(60)
