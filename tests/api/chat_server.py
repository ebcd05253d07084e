"""A chat completions server on loopback that does as it is told: the model behind the Responses front in tests."""
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ChatServer:
    """Answers request number n with script[n] (the last one again and again). A step is a function of the handler."""

    def __init__(self, *script):
        self.script = list(script)
        self.requests = []  # bodies, in order
        self.keys = []
        self.hung_up = threading.Event()  # a client left before its answer ended
        self.lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with outer.lock:
                    number = len(outer.requests)
                    outer.requests.append(body)
                    outer.keys.append(self.headers.get("Authorization"))
                assert self.path == "/v1/chat/completions"
                self.body = body
                try:
                    outer.script[min(number, len(outer.script) - 1)](self)
                except (BrokenPipeError, ConnectionResetError):
                    outer.hung_up.set()
                self.close_connection = True

            def head(self, status=200, content_type="text/event-stream"):
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.end_headers()

            def event(self, value):
                text = value if isinstance(value, str) else json.dumps(value)
                self.wfile.write(f"data: {text}\n\n".encode())
                self.wfile.flush()

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 512

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def config(self, **more):
        lines = [f'url = "{self.url}"', 'model = "scripted"'] + [f"{k} = {json.dumps(v)}" for k, v in more.items()]
        return "[assistant]\n" + "\n".join(lines) + "\n[libraries]\nmax = 50\n"


def delta(finish=None, **fields):
    return {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


def usage(prompt, completion):
    return {"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion,
                                     "total_tokens": prompt + completion}}


def says(*words, finish="stop", tokens=(100, 10)):
    """A step that streams a message."""
    def step(handler):
        handler.head()
        for word in words:
            handler.event(delta(content=word))
        handler.event(delta(finish))
        handler.event(usage(*tokens))
        handler.event("[DONE]")
    return step


def calls(*tools, tokens=(50, 5), text=None):
    """A step that streams calls: (name, arguments), arguments as a value or as they are."""
    def step(handler):
        handler.head()
        if text:
            handler.event(delta(content=text))
        for i, (name, arguments) in enumerate(tools):
            sent = arguments if isinstance(arguments, str) else json.dumps(arguments)
            handler.event(delta(tool_calls=[{"index": i, "id": f"call_{i}", "type": "function",
                                             "function": {"name": name, "arguments": sent[:3]}}]))
            handler.event(delta(tool_calls=[{"index": i, "function": {"arguments": sent[3:]}}]))
        handler.event(delta("tool_calls"))
        handler.event(usage(*tokens))
        handler.event("[DONE]")
    return step


def whole(message, finish="stop"):
    """A step that does not stream, though it was asked to."""
    def step(handler):
        handler.head(content_type="application/json")
        handler.wfile.write(json.dumps({
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": {"prompt_tokens": 7, "completion_tokens": 3}}).encode())
    return step


def fails(status, body, content_type="application/json"):
    def step(handler):
        handler.head(status, content_type)
        handler.wfile.write((body if isinstance(body, str) else json.dumps(body)).encode())
    return step


def sends(*lines):
    """A step that sends these lines of a stream and ends."""
    def step(handler):
        handler.head()
        for line in lines:
            handler.wfile.write((line + "\n\n").encode())
    return step


def stalls(seconds, first=None):
    """A step that says a word, if any, and then nothing."""
    def step(handler):
        handler.head()
        if first:
            handler.event(delta(content=first))
        handler.wfile.flush()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.05)
            handler.connection.settimeout(0.01)
            try:
                if handler.connection.recv(1) == b"":
                    raise ConnectionResetError
            except TimeoutError:
                pass
    return step


def babbles():
    """A step that never ends."""
    def step(handler):
        handler.head()
        while True:
            handler.event(delta(content="word " * 2000))
    return step
