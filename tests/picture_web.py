"""A web server with pictures on a free port of loopback, and a server that may fetch from it."""
import contextlib
import http.server
import threading

from conftest import Server


class PictureWeb:
    """`pages` maps a path to bytes, or to a function that takes the handler and answers itself."""

    def __init__(self, pages=None):
        self.pages = dict(pages or {})
        self.asked = []
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                web.asked.append(self.path)
                page = web.pages.get(self.path)
                if callable(page):
                    return page(self)
                self.send_response(200 if page is not None else 404)
                self.send_header("Content-Length", str(len(page or b"")))
                self.end_headers()
                self.wfile.write(page or b"")

            def log_message(self, *_):
                pass

        class Listener(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):  # clients that hang up are part of the game
                pass

        self.listener = Listener(("127.0.0.1", 0), Handler)
        self.port = self.listener.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()

    def close(self):
        self.listener.shutdown()
        self.listener.server_close()


@contextlib.contextmanager
def server_beside_a_web(folder, pages=None, more="", env=None):
    """A server that may fetch from loopback, and the web it may fetch from."""
    web = PictureWeb(pages)
    config = f"""
[fetch]
enabled = true
ports = [{web.port}]
allow_networks = ["127.0.0.1"]
{more}
"""
    try:
        with Server(folder / "data", config=config, env=env) as server:
            yield server, web
    finally:
        web.close()
