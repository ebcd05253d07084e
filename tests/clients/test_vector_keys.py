"""Keys and roles, as the password of Basic credentials."""
import pytest
import requests

from conftest import Server
from vector_front import TABLES

ADMIN, WRITE, READ, CONFINED = ("admin-secret-0123456789", "write-secret-0123456789", "read-secret-01234567890",
                                "confined-secret-0123456")
FIELDS, INDEX = {"id": "INT64", "vector": "MULTI_FLOAT"}, [{"vectorField": "vector", "dimension": "2"}]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vector_keys")
    (folder / "keys.toml").write_text("".join(
        f'[[key]]\nname = "{name}"\nsecret = "{secret}"\nrole = "{role}"\n{more}'
        for name, secret, role, more in (("boss", ADMIN, "admin", ""), ("uploader", WRITE, "write", ""),
                                         ("reader", READ, "read", ""), ("shop", CONFINED, "write", 'tables = ["shoes"]\n'))))
    with Server(folder / "data", config=f'keys_file = "{folder}/keys.toml"\n') as server:
        for name in ("shoes", "bags"):
            answer = requests.post(server.url + TABLES, auth=("x", ADMIN), timeout=10, json={
                "name": name, "primaryKey": "id", "fieldSchema": FIELDS, "vectorIndex": [INDEX[0] | {"indexName": "v"}]})
            assert answer.status_code == 200, answer.text
        yield server


def body(table):
    return {"tableName": table, "vector": [1, 2]}


PUSH = [{"cmd": "add", "fields": {"id": 1, "vector": [1, 2]}}]
CALLS = {
    "active": ("GET", "/network/active", None),
    "list": ("GET", TABLES, None),
    "query shoes": ("POST", "/vector-service/query", body("shoes")),
    "query bags": ("POST", "/vector-service/query", body("bags")),
    "fetch bags": ("POST", "/vector-service/fetch", {"tableName": "bags"}),
    "stats bags": ("POST", "/vector-service/stats", {"tableName": "bags"}),
    "batch bags": ("POST", "/vector-service/batch-query", {"queries": [body("bags")]}),
    "push shoes": ("POST", "/update/x_shoes/actions/bulk", PUSH),
    "push bags": ("POST", "/update/x_bags/actions/bulk", PUSH),
    "get shoes": ("GET", TABLES + "/shoes", None),
    "get bags": ("GET", TABLES + "/bags", None),
    "modify bags": ("PUT", TABLES + "/bags", {"partitionCount": 2}),
    "stop bags": ("POST", "/openapi/ha3/instances/x/indexes/bags/startIndex", None),
    "delete none": ("DELETE", TABLES + "/none", None),
}
READING = {"active", "list", "query shoes", "query bags", "fetch bags", "stats bags", "batch bags", "get shoes", "get bags"}
ALLOWED = {
    ADMIN: set(CALLS), WRITE: READING | {"push shoes", "push bags"}, READ: READING,
    CONFINED: {"active", "list", "query shoes", "push shoes", "get shoes"}
}


def refused(answer):
    """Forbidden: by HTTP status, or in the body of a call that answers 200."""
    if answer.status_code == 403:
        return True
    if answer.status_code != 200:
        return False
    said = answer.json()
    said = said[0] if isinstance(said, list) and said else said
    return 10010 in (said.get("errorCode"), *[e["code"] for e in said.get("errors", [])])


@pytest.mark.parametrize("key", ALLOWED, ids=["admin", "write", "read", "confined"])
def test_roles(guarded, key):
    for name, (method, path, sent) in CALLS.items():
        answer = requests.request(method, guarded.url + path, json=sent, auth=("anybody", key), timeout=10)
        assert refused(answer) != (name in ALLOWED[key]), (name, answer.text)
        assert key not in answer.text
    listed = requests.get(guarded.url + TABLES, auth=("anybody", key), timeout=10).json()["result"]
    assert {t["name"] for t in listed} == ({"shoes"} if key == CONFINED else {"shoes", "bags"})


def test_without_a_key(guarded):
    for name, (method, path, sent) in CALLS.items():
        for auth in (None, ("user", "wrong"), (ADMIN, "x")):
            answer = requests.request(method, guarded.url + path, json=sent, auth=auth, timeout=10)
            assert answer.status_code == 401, (name, auth)
            said = answer.json()
            assert (said["code"] and said["message"]) if path.startswith("/openapi") else (said["errorCode"] and
                                                                                           said["errorMsg"]), answer.text


def test_bearer_keys_are_as_good(guarded):
    headers = {"Authorization": f"Bearer {READ}"}
    assert requests.post(guarded.url + "/vector-service/query", json=body("bags"), headers=headers,
                         timeout=10).json().get("errorCode") is None
