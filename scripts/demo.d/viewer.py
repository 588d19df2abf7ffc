#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The user of the demo: watches the camera's stream and keeps count.

Prints a line of JSON when it is told to end, and after each picture rewrites the file it was given.
usage: viewer.py ADDRESS PORT FILE
"""
import base64
import json
import os
import signal
import socket
import sys
import time

address, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
LOGIN = base64.b64encode(b"admin:correct horse").decode()
seen = {"bytes": 0, "sessions": 0, "broken": 0, "longest_silence_ms": 0, "last": 0.0}


def tell():
    with open(path + ".new", "w", encoding="ascii") as file:
        json.dump(seen, file)
    os.rename(path + ".new", path)


def watch():
    with socket.create_connection((address, port), timeout=2) as sock:
        # A silence of the camera is not the end of the session: TCP goes on where it was.
        sock.settimeout(120)
        sock.sendall(f"GET /stream HTTP/1.0\r\nAuthorization: Basic {LOGIN}\r\n\r\n".encode())
        seen["sessions"] += 1
        seen["last"] = time.time()
        while data := sock.recv(65536):
            now = time.time()
            silence = round((now - seen["last"]) * 1000)
            seen["longest_silence_ms"] = max(seen["longest_silence_ms"], silence)
            seen["last"] = now
            seen["bytes"] += len(data)
            tell()


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
while True:
    try:
        watch()
    except OSError:
        pass
    seen["broken"] += 1
    tell()
    time.sleep(0.5)
