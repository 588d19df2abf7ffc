# SPDX-License-Identifier: GPL-2.0-or-later
"""Simulated devices that speak HTTP."""
import base64
import dataclasses
import http.server
import json

from .simulator import GARBAGE, Device, Server


@dataclasses.dataclass
class Request:
    method: str
    path: str
    headers: dict
    body: bytes

    def json(self):
        """The body as JSON; None when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def basic(self):
        """(user, password) of HTTP Basic; None without."""
        kind, _, words = self.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return None
        try:
            user, _, password = base64.b64decode(words).decode().partition(":")
        except ValueError:
            return None
        return user, password


@dataclasses.dataclass
class Answer:
    body: object = ""  # text, bytes, or what becomes JSON
    status: int = 200
    kind: str = "text/html"
    headers: dict = dataclasses.field(default_factory=dict)

    def bytes(self):
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


def json_answer(body, status=200):
    return Answer(body, status, "application/json")


def xml_answer(body, status=200):
    return Answer('<?xml version="1.0" encoding="utf-8"?>\n' + body, status,
                  'text/xml; charset="utf-8"')


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def answer(self):
        device = self.server.device
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(self.command, self.path,
                          {key.lower(): worth for key, worth in self.headers.items()},
                          self.rfile.read(length))
        device.note({"method": request.method, "path": request.path,
                     "from": self.client_address[0], "body": request.body.decode(errors="replace")})
        fault = device.think()
        if fault == "none":
            self.send(device.answer(request))
        elif fault == "error":
            self.send(Answer("out of order", 500))
        elif fault == "garbage":
            self.send(Answer(GARBAGE))
        else:
            self.close_connection = True

    def send(self, answer):
        body = answer.bytes()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(body)))
        for name, worth in answer.headers.items():
            self.send_header(name, worth)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer


class WebDevice(Device):
    """A device whose `answer` turns a Request into an Answer."""

    def answer(self, request):
        raise NotImplementedError

    def start(self, options):
        Server(options.listen, Handler, self)
