"""Keys, roles, and keys for some libraries only."""
import base64
import os

import pytest
import requests

from conftest import Server, b64, picture, run_cli

ADMIN, WRITE, READ, CONFINED = ("admin-secret-0123456789", "write-secret-0123456789", "read-secret-01234567890", "confined-secret-0123456")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    (folder / "keys.toml").write_text(f"""
[[key]]
name = "boss"
secret = "{ADMIN}"
role = "admin"
[[key]]
name = "uploader"
secret = "{WRITE}"
role = "write"
[[key]]
name = "reader"
secret = "{READ}"
role = "read"
[[key]]
name = "shop"
secret = "{CONFINED}"
role = "write"
tables = ["shoes"]
""")
    with Server(folder / "data", config=f'keys_file = "{folder}/keys.toml"\n') as server:
        server.key = ADMIN
        server.create("shoes")
        server.create("bags")
        server.add("bags", "1", "u", picture(1))
        server.key = None
        yield server


def add_body(library):
    return {"library_name": library, "image_id": "i", "image_uri": "u", "image_base64": b64(picture(1))}


CALLS = {
    "list": ("GET", "/library/list", None),
    "create": ("POST", "/library/create", {"library_name": "new", "mode": "general_search"}),
    "delete": ("POST", "/library/delete", {"library_name": "new"}),
    "add to shoes": ("POST", "/image/add", add_body("shoes")),
    "add to bags": ("POST", "/image/add", add_body("bags")),
    "search shoes": ("POST", "/search/by-text", {"library_name": "shoes", "text": "x"}),
    "search bags": ("POST", "/search/by-text", {"library_name": "bags", "text": "x"}),
    "picture of bags": ("GET", "/images/bags/1?uri=u", None),
    "known of bags": ("POST", "/api/v1/admin/libraries/bags/known", {"digests": []}),
    "metrics": ("GET", "/metrics", None),
    "health": ("GET", "/healthz", None),
}
ALLOWED = {
    ADMIN: set(CALLS),
    WRITE: set(CALLS) - {"create", "delete"},
    READ: set(CALLS) - {"create", "delete", "add to shoes", "add to bags"},
    CONFINED: {"list", "add to shoes", "search shoes", "metrics", "health"},
}


@pytest.mark.parametrize("key", ALLOWED, ids=["admin", "write", "read", "confined"])
def test_roles(guarded, key):
    for name, (method, path, body) in CALLS.items():
        answer = guarded.call(method, path, body, key=key)
        if name in ALLOWED[key]:
            assert answer.status_code == 200, (name, answer.text)
        else:
            assert answer.status_code == 403, (name, answer.text)
            assert key not in answer.text and answer.json()
    if key == CONFINED:
        libraries = guarded.data_of("GET", "/library/list", key=key)["libraries"]
        assert [l["library_name"] for l in libraries] == ["shoes"]


def test_without_a_key(guarded):
    for name, (method, path, body) in CALLS.items():
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic ???"}, {"Authorization": ADMIN}):
            answer = guarded.call(method, path, body, headers=headers)
            assert answer.status_code == (200 if name == "health" else 401), (name, headers)
            if name != "health":
                assert answer.headers["WWW-Authenticate"].startswith("Bearer") and answer.json()


def test_basic_authentication(guarded):
    assert requests.get(guarded.url + "/metrics", auth=("anybody", READ), timeout=10).status_code == 200
    assert requests.get(guarded.url + "/metrics", auth=(READ, "x"), timeout=10).status_code == 401


def test_the_log_has_names_and_no_secrets(guarded):
    guarded.call("GET", "/metrics", key=READ)
    log = guarded.log()
    assert "principal=reader" in log
    for secret in ALLOWED:
        assert secret not in log and base64.b64encode(secret.encode()).decode() not in log


def test_the_command_line_sends_a_key(guarded):
    url = ["--server", guarded.url]
    assert "bags" in run_cli("library", "list", *url, env={"OCELLUS_API_KEY": READ}).stdout
    assert "bags" in run_cli("library", "list", *url, "--api-key", READ).stdout
    refused = run_cli("library", "delete", "bags", *url, "--api-key", READ)
    assert refused.returncode == 2 and "role" in refused.stderr
    none = run_cli("library", "list", *url)
    assert none.returncode == 2 and "key" in none.stderr


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0"])
def test_others_only_with_a_key(tmp_path, listen):
    refused = run_cli("serve", "--data", tmp_path / "data", "--listen", listen)
    assert refused.returncode == 2
    assert "OCELLUS_API_KEY=$(openssl rand -hex 24)" in refused.stderr
    if listen.startswith("[") and not os.path.exists("/proc/net/if_inet6"):
        return
    # The test reaches it on loopback; with a key it may listen beyond.
    with Server(tmp_path / "data", env={"OCELLUS_API_KEY": ADMIN}, listen=listen) as server:
        url = f"http://127.0.0.1:{server.port}/metrics"
        assert requests.get(url, timeout=10).status_code == 401
        assert requests.get(url, headers={"Authorization": f"Bearer {ADMIN}"}, timeout=10).status_code == 200


@pytest.mark.parametrize("config, message", [
    ('dada = "x"', "did you mean 'data'"), ("[http]\nworkers = -1", "http.workers must be"), ("data = ", "line 1"),
    ('keys_file = "/no/such/file"', "/no/such/file"), ('models = "/no/such/folder"', "/no/such/folder"),
    ('[fetch]\nallow_networks = ["here"]', "fetch.allow_networks"), ('[adb.paths]\nnothing = "/x"', "nothing")])
def test_configurations_that_are_wrong(tmp_path, config, message):
    (tmp_path / "c.toml").write_text(config)
    result = run_cli("serve", "--config", tmp_path / "c.toml", "--data", tmp_path / "data", "--listen", "127.0.0.1:0")
    assert result.returncode == 2 and message in result.stderr, result.stderr
