#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The camera of the demo: a web server that wants a password.

/         a page behind HTTP Basic authentication
/stream   pictures without an end, 25 a second, for who is logged in
"""
import base64
import http.server
import os
import sys
import time

PASSWORD = "Basic " + base64.b64encode(b"admin:correct horse").decode()
PICTURE = os.urandom(4096)


class Camera(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.headers.get("Authorization") != PASSWORD:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path == "/stream":
            self.stream()
        else:
            self.send_response(200)
            self.send_header("Content-Length", "7")
            self.end_headers()
            self.wfile.write(b"camera\n")

    def stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.end_headers()
        while True:
            self.wfile.write(PICTURE)
            time.sleep(0.04)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass  # a viewer who went away


Server((sys.argv[1], int(sys.argv[2])), Camera).serve_forever()
