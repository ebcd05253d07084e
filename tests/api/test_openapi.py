"""/openapi.json against the routes that are really there."""
import re

from conftest import PREFIX, Server, picture

METHODS = ("get", "put", "post", "delete", "patch")


def test_every_documented_call_answers(server, library):
    server.add(library, "i", "u", picture(1))
    document = server.call("GET", "/openapi.json").json()
    assert document["openapi"].startswith("3.1") and document["info"]["title"] and document["info"]["version"]
    calls = 0
    for path, operations in document["paths"].items():
        real = re.sub(r"\{library\}", library, path)
        real = re.sub(r"\{image_id\*?\}", "i", real)
        real = re.sub(r"\{[a-z_]+\*?\}", "unknown", real)
        wanted = re.findall(r"\{([a-z_]+)\*?\}", path)
        for method, operation in operations.items():
            if method not in METHODS:
                continue
            calls += 1
            assert operation.get("summary") or operation.get("description"), (method, path)
            assert operation["responses"], (method, path)
            shared = operations.get("parameters", []) + operation.get("parameters", [])
            assert {p["name"] for p in shared if p["in"] == "path"} == set(wanted), (method, path)
            answer = _call(server, method, real)
            status = answer.status_code
            assert status not in (404, 405, 501) or "unknown" in real, (method, path, status, answer.text)
            documented = set(operation["responses"])
            assert str(status) in documented or "default" in documented or f"{status // 100}XX" in documented, (method, path, status)
        # No other method answers on that path.
        for method in set(METHODS) - set(operations):
            answer = _call(server, method, real)
            assert answer.status_code == 405 and answer.headers["Allow"], (method, path, answer.status_code)
            assert set(a.strip().lower() for a in answer.headers["Allow"].split(",")) - {"head", "options"} == \
                set(operations) & set(METHODS), path
    assert calls > 15


def _call(server, method, path):
    import requests
    body = {} if method in ("post", "put", "patch") else None
    return requests.request(method, server.url + path, json=body, timeout=30)


def test_every_route_is_documented(server):
    """What the documentation of the fronts names stands in the document too."""
    documented = server.call("GET", "/openapi.json").json()["paths"]
    for path in ["/library/create", "/libraries/create", "/image-library/create", "/lib/create", "/libraries", "/library/list",
                 "/library/delete", "/image/add", "/image/tasks/create", "/image/tasks/results/{task_id}", "/search/by-image",
                 "/search/by-text"]:
        assert PREFIX + path in documented, path
    for path in ["/", "/healthz", "/metrics", "/openapi.json", "/api/v1/admin/libraries/{library}/known"]:
        assert path in documented, path
    assert any(path.startswith("/images/") for path in documented)


def test_a_path_of_the_configuration(tmp_path):
    config = '[adb.paths]\nlibrary_create = "/v9/make"\n'
    with Server(tmp_path / "data", config=config) as server:
        import requests
        answer = requests.post(server.url + "/v9/make", json={"library_name": "a", "mode": "general_search"}, timeout=10)
        assert answer.status_code == 200, answer.text
        assert "/v9/make" in server.call("GET", "/openapi.json").json()["paths"]
