# SPDX-License-Identifier: GPL-2.0-or-later
"""Those that are told: an HTTP server, a mail server, a broker, each on a loopback port of its own."""
import base64
import email
import email.policy
import hashlib
import hmac
import http.server
import os
import socket
import socketserver
import ssl
import subprocess
import threading

from .daemon import PATIENCE, wait_for


def make_certificate(folder, name="own"):
    """A certificate for 127.0.0.1 that nobody else trusts; (certificate, key) as paths."""
    certificate, key = (os.path.join(folder, f"{name}.{end}") for end in ("crt", "key"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-addext", "basicConstraints=critical,CA:TRUE",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


def _tls(pair):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    return context


class _Server:
    """A threading server that can go and come back on its port."""

    def __init__(self, handler, port=0):
        self.port = port
        self._handler = handler
        self._server = None

    def start(self):
        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a peer that goes away is no trouble of the test's

        self._server = Server(("127.0.0.1", self.port), self._handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class Hook(_Server):
    """Takes POSTs; `statuses` are answered first, then 200.  `taken` holds (headers, body)."""

    def __init__(self, statuses=(), tls=None):
        self.statuses, self.taken, self.refused = list(statuses), [], []
        hook, context = self, _tls(tls) if tls else None

        class Handler(http.server.BaseHTTPRequestHandler):
            def setup(self):
                if context:
                    self.request = context.wrap_socket(self.request, server_side=True)
                super().setup()

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = hook.statuses.pop(0) if hook.statuses else 200
                (hook.taken if status == 200 else hook.refused).append((self.headers, body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(Handler)

    @staticmethod
    def is_signed(headers, body, secret):
        """As README.md tells receivers to check it."""
        moment = headers["X-Kalki-Timestamp"]
        wanted = hmac.new(secret, moment.encode() + b"." + body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(headers["X-Kalki-Signature"], "sha256=" + wanted)


class MailServer(_Server):
    """SMTP with STARTTLS and AUTH PLAIN; takes mail of whoever logged in after STARTTLS."""

    def __init__(self, tls, user, password, starttls=True):
        self.mails, self.logins = [], []
        self.refuse = None  # what RCPT is answered with
        server, context = self, _tls(tls)
        wanted = base64.b64encode(f"\0{user}\0{password}".encode()).decode()

        class Handler(socketserver.StreamRequestHandler):
            def say(self, line):
                self.wfile.write(line.encode() + b"\r\n")

            def handle(self):
                self.secure = self.known = False
                self.recipients = []
                self.say("220 test")
                while True:
                    line = self.rfile.readline().decode().strip()
                    if not line or not self.answer(line):
                        return

            def answer(self, line):
                verb = line.split()[0].upper()
                if verb == "QUIT":
                    self.say("221 bye")
                    return False
                if verb == "EHLO":
                    offers = ["AUTH PLAIN"] if self.secure else ["STARTTLS"] * starttls
                    for offer in offers:
                        self.say("250-" + offer)
                    self.say("250 8BITMIME")
                elif verb == "STARTTLS":
                    self.say("220 go")
                    self.connection = context.wrap_socket(self.connection, server_side=True)
                    self.rfile = self.connection.makefile("rb")
                    self.wfile = self.connection.makefile("wb", buffering=0)
                    self.secure = True
                elif verb == "AUTH":
                    self.log_in(line)
                elif not self.known:
                    self.say("530 log in first")
                elif verb == "DATA":
                    self.take()
                elif verb == "RCPT" and server.refuse:
                    self.say(server.refuse)
                else:
                    if verb == "RCPT":
                        self.recipients.append(line.split(":", 1)[1])
                    self.say("250 ok")
                return True

            def log_in(self, line):
                words = line.split()
                if len(words) == 2:
                    self.say("334 ")
                    words.append(self.rfile.readline().decode().strip())
                self.known = self.secure and words[2] == wanted
                server.logins.append(self.known)
                self.say("235 welcome" if self.known else "535 no")

            def take(self):
                self.say("354 go")
                lines = []
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(line[1:] if line.startswith(b".") else line)
                mail = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
                server.mails.append((self.recipients, mail))
                self.recipients = []
                self.say("250 taken")

        super().__init__(Handler)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Broker:
    """A mosquitto of the test's own, which takes only `user` with `password`, and speaks TLS with
    the certificate and key of `tls`."""

    def __init__(self, folder, user, password, tls=None):
        self.port, self.folder, self.process = free_port(), str(folder), None
        self._login = ["-u", user, "-P", password, *(("--cafile", tls[0]) if tls else ())]
        passwords = os.path.join(self.folder, "passwords")
        subprocess.run(["mosquitto_passwd", "-c", "-b", passwords, user, password], check=True)
        os.chmod(passwords, 0o644)
        with open(os.path.join(self.folder, "mosquitto.conf"), "w", encoding="ascii") as file:
            file.write(f"listener {self.port} 127.0.0.1\nallow_anonymous false\n"
                       f"password_file {passwords}\npersistence false\nuser root\n")
            if tls:
                file.write(f"certfile {tls[0]}\nkeyfile {tls[1]}\n")

    def start(self):
        log = open(os.path.join(self.folder, "mosquitto.log"), "ab")
        self.process = subprocess.Popen(
            ["mosquitto", "-c", os.path.join(self.folder, "mosquitto.conf")],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        wait_for(self._listens, what="mosquitto")

    def _listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.process = None

    def retained(self, topic="#", count=1):
        """What the broker keeps: topic to text.  Fewer than `count` if there are no more yet."""
        done = subprocess.run(["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.port), *self._login,
                               "-t", topic, "-v", "--retained-only", "-C", str(count), "-W", "10"],
                              capture_output=True, text=True, check=False)
        return dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)

    def publish(self, topic, text, *options):
        subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.port), *self._login,
                        "-t", topic, "-m", text, *options], check=True, timeout=60)

    def listen(self, topic):
        """Collects messages from now on; `lines()` are those so far, "topic text" each."""
        return _Listener(["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.port), *self._login,
                          "-t", topic, "-v", "-d"])


class _Listener:
    def __init__(self, command):
        self._lines = []
        self._ready = threading.Event()
        self.process = subprocess.Popen(["stdbuf", "-oL", *command], stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        threading.Thread(target=self._read, daemon=True).start()
        assert self._ready.wait(PATIENCE), "mosquitto_sub does not subscribe"

    def _read(self):
        for line in self.process.stdout:
            if "SUBACK" in line:
                self._ready.set()
            elif not line.startswith(("Client ", "Subscribed")):
                self._lines.append(line.rstrip("\n"))

    def lines(self):
        return list(self._lines)

    def stop(self):
        self.process.terminate()
        self.process.wait()
