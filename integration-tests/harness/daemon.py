# SPDX-License-Identifier: GPL-2.0-or-later
"""kalkid as a process, and its API over the Unix socket."""
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time

from . import net

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("KALKI_BUILD", os.path.join(REPOSITORY, "build"))

# How long what must come is waited for, in seconds: as long as a loaded machine may need.
PATIENCE = 60

# What a sanitizer or an assertion of ours prints; no test may cause any of it.
CRASH_MARKS = ("AddressSanitizer", "LeakSanitizer", "runtime error:", "Assertion `")


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("kalkid", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class ApiError(Exception):
    """The answer was no; `status` and the problem document say why."""

    def __init__(self, method, path, status, problem):
        super().__init__(f"{method} {path}: {status} {problem}")
        self.status = status
        self.problem = problem


class Api:
    """Requests to the REST API; every answer is parsed JSON."""

    def __init__(self, path):
        self.path = path

    def request(self, method, path, body=None, headers=None, timeout=PATIENCE):
        connection = UnixConnection(self.path, timeout)
        try:
            sent = dict(headers or {})
            if body is not None and not isinstance(body, (bytes, str)):
                body = json.dumps(body)
            if body is not None:
                sent.setdefault("Content-Type", "application/json")
            connection.request(method, "/api/v1" + path, body, sent)
            answer = connection.getresponse()
            raw = answer.read()
            try:
                value = json.loads(raw) if raw else None
            except ValueError:
                value = raw.decode(errors="replace")
            return answer.status, value, dict(answer.getheaders())
        finally:
            connection.close()

    def call(self, method, path, body=None, **options):
        status, value, _ = self.request(method, path, body, **options)
        if status >= 300:
            raise ApiError(method, path, status, value)
        return value

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None):
        return self.call("POST", path, body if body is not None else {})

    def put(self, path, body, **options):
        return self.call("PUT", path, body, **options)

    def delete(self, path):
        return self.call("DELETE", path)


class Events(threading.Thread):
    """Everything that the event stream says, gathered in the background, each with the time it came."""

    def __init__(self, api, last_id=None):
        super().__init__(daemon=True)
        self.list = []
        self.last_id = last_id
        self._api = api
        self._connection = None
        self._stopping = False
        self._changed = threading.Condition()
        self.start()

    def run(self):
        while not self._stopping:
            try:
                self._listen()
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)  # the daemon is being killed and started

    def _listen(self):
        self._connection = UnixConnection(self._api.path, 60)
        headers = {"Accept": "text/event-stream"}
        if self.last_id is not None:
            headers["Last-Event-ID"] = str(self.last_id)
        self._connection.request("GET", "/api/v1/events", headers=headers)
        answer = self._connection.getresponse()
        data = []
        while not self._stopping:
            line = answer.readline()
            if not line:
                return
            line = line.decode().rstrip("\r\n")
            if line.startswith("data:"):
                data.append(line[5:].lstrip())
            elif line.startswith("id:"):
                self.last_id = line[3:].strip()
            elif not line and data:
                with self._changed:
                    self.list.append(json.loads("\n".join(data)))
                    self._changed.notify_all()
                data = []

    def wait(self, wanted, timeout=PATIENCE):
        """The first event for which `wanted` is true."""
        end = time.monotonic() + timeout
        seen = 0
        with self._changed:
            while True:
                for event in self.list[seen:]:
                    seen += 1
                    if wanted(event):
                        return event
                left = end - time.monotonic()
                if left <= 0:
                    raise TimeoutError("the event did not come; the last ones: "
                                       + json.dumps(self.list[-5:], indent=1))
                self._changed.wait(left)

    def close(self):
        self._stopping = True
        connection = self._connection
        if connection and connection.sock:
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.join(5)


def wait_for(question, timeout=PATIENCE, every=0.05, what="the condition"):
    """Asks until the answer is truthy, and returns it."""
    end = time.monotonic() + timeout
    last = None
    while True:
        try:
            last = question()
            if last:
                return last
        except (OSError, http.client.HTTPException, ApiError) as error:
            last = error
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come in {timeout} s; last answer: {last!r}")
        time.sleep(every)


class Kalkid:
    """The daemon with its own root folder; in network namespace `ns`, if one is named."""

    def __init__(self, root, program=None, ns=None):
        self.root = str(root)
        # Not `ip netns exec`: namespaces that the daemon makes must be seen outside too.
        self._enter = ["nsenter", f"--net=/run/netns/{ns}", "--"] if ns else []
        self.program = program or os.path.join(BUILD, "kalkid", "kalkid")
        self.log_path = os.path.join(self.root, "kalkid.log")
        self.api = Api(os.path.join(self.root, "run/kalki/kalkid.sock"))
        self.process = None

    def start(self, wait=True):
        assert not self.running()
        with open(self.log_path, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen([*self._enter, self.program, "--root", self.root],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if wait:
            wait_for(self._answers, what="kalkid")

    def _answers(self):
        if not self.running():
            raise AssertionError("kalkid ended at its start:\n" + self.log_tail())
        return self.api.get("/status")

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, timeout=PATIENCE):
        """A clean end, as systemd asks for it."""
        if self.running():
            self.process.send_signal(signal.SIGTERM)
            code = self.process.wait(timeout)
            assert code == 0, f"kalkid ended with {code}:\n{self.log_tail()}"
        self.process = None

    def kill(self):
        if self.running():
            self.process.kill()
            self.process.wait()
        self.process = None

    def teardown(self):
        return net.run(*self._enter, self.program, "--root", self.root, "--teardown", timeout=60)

    def check(self):
        """`kalkid --check`: its exit code and its words."""
        done = subprocess.run([self.program, "--root", self.root, "--check"], capture_output=True,
                              text=True, timeout=30)
        return done.returncode, done.stdout + done.stderr

    def kalkictl(self, *words):
        """The client with its words; not checked."""
        return subprocess.run([os.path.join(BUILD, "kalkid/cli/kalkictl"), "--root", self.root,
                               *words], capture_output=True, text=True, timeout=60, check=False)

    def log_text(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""

    def log_tail(self, lines=40):
        return "\n".join(self.log_text().splitlines()[-lines:])

    def crashes(self):
        return [line for line in self.log_text().splitlines()
                if any(mark in line for mark in CRASH_MARKS)]

    def rss_bytes(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
