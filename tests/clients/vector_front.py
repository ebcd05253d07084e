"""The vector front's own words: the SDK sync and async, raw requests, tables and rows to test with."""
import asyncio
import contextlib
import json

import requests

from alibabacloud_ha3engine_vector import models
from alibabacloud_ha3engine_vector.client import Client

TABLES = "/openapi/ha3/instances/ha-cn-test/tables"


class Sdk:
    """The SDK's client as its users call it; asynchronous=True calls each method's `_async` twin."""

    def __init__(self, server, asynchronous=False, user="user", password="password", **config):
        config = models.Config(endpoint=f"127.0.0.1:{server.port}", instance_id="ha-cn-test", protocol="http",
                               access_user_name=user, access_pass_word=password, **config)
        self.client = Client(config)
        self.asynchronous = asynchronous

    def __getattr__(self, name):
        if not self.asynchronous:
            return getattr(self.client, name)
        method = getattr(self.client, name + "_async")
        return lambda *arguments: asyncio.run(method(*arguments))

    def push(self, table, documents, key="id", headers=None):
        """Pushes, wants the contract's success, and gives the answer."""
        answer = self.push_documents(f"ha-cn-test_{table}", key, models.PushDocumentsRequest(headers or {}, documents))
        assert json.loads(answer.body) == {"status": "OK", "code": 200}, answer.body
        return answer

    def add(self, table, rows, key="id"):
        return self.push(table, [{"cmd": "add", "fields": row} for row in rows], key)

    def delete(self, table, keys, key="id"):
        return self.push(table, [{"cmd": "delete", "fields": {key: k}} for k in keys], key)


def body_of(response):
    """What a data call answered, parsed; an error body fails the test."""
    body = json.loads(response.body)
    assert "errorCode" not in body, body
    return body


def hits(response):
    body = body_of(response)
    assert body["totalCount"] == len(body["result"]) and body["totalTime"] >= 0, body
    return body["result"]


def ids(response):
    return [hit["id"] for hit in hits(response)]


def error_of(response):
    """The error body of a data call that the front answered with HTTP 200."""
    body = json.loads(response.body if hasattr(response, "body") else response.text)
    assert isinstance(body["errorCode"], int) and body["errorMsg"], body
    assert body["result"] == [] and body["totalCount"] == 0, body
    return body


def post(server, path, body, **more):
    """A request as another HTTP client would send it: `body` as JSON, or bytes as they are."""
    if not isinstance(body, (bytes, str)):
        body = json.dumps(body)
    headers = {"Content-Type": "application/json"} | more.pop("headers", {})
    return requests.post(server.url + path, data=body, headers=headers, timeout=60, **more)


def ask(server, call, body, **more):
    """POST /vector-service/{call}; its parsed body, without an error."""
    answer = post(server, f"/vector-service/{call}", body, **more)
    assert answer.status_code == 200, answer.text
    assert "errorCode" not in answer.json(), answer.text
    return answer.json()


def ask_wrongly(server, call, body, **more):
    """The same for a request that is refused: the error body."""
    answer = post(server, f"/vector-service/{call}", body, **more)
    assert answer.status_code == 200, answer.text
    return error_of(answer)


def push(server, table, rows, command="add", **more):
    documents = [{"cmd": command, "fields": row} for row in rows]
    answer = post(server, f"/update/ha-cn-test_{table}/actions/bulk", documents, **more)
    assert answer.status_code == 200 and answer.json() == {"status": "OK", "code": 200}, answer.text


def create(server, name, fields, indexes, primary_key="id", process=(), **more):
    """Makes a table over the wire. `indexes`: vectorIndex entries; name, type and metric have defaults."""
    body = {"name": name, "primaryKey": primary_key, "partitionCount": 1, "fieldSchema": fields,
            "vectorIndex": [{"indexName": index["vectorField"], "vectorIndexType": "HNSW",
                             "distanceType": "SquaredEuclidean"} | index for index in indexes],
            "dataProcessConfig": list(process)} | more
    answer = post(server, TABLES, body)
    assert answer.status_code == 200 and "requestId" in answer.json(), answer.text
    return name


def drop(server, name):
    return requests.delete(f"{server.url}{TABLES}/{name}", timeout=60)


@contextlib.contextmanager
def made(server, name, *arguments, **more):
    """`create`, and the table is dropped in the end."""
    create(server, name, *arguments, **more)
    try:
        yield name
    finally:
        drop(server, name)


def vectorize(source, target, modal, model=""):
    return {"srcField": source, "dstField": target, "operator": "vectorize",
            "params": {"vectorModal": modal, "vectorModel": model}}
