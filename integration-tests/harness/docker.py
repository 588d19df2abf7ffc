# SPDX-License-Identifier: GPL-2.0-or-later
"""A private engine and what runs on it, seen without the daemon."""
import io
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import threading
import urllib.parse

from .daemon import PATIENCE, REPOSITORY, UnixConnection


def python_files(script):
    """(entry, files) of an image that runs a Python script of this folder: its program, the modules
    that it takes in, and their libraries."""
    here = os.path.join(REPOSITORY, "integration-tests")
    python = os.path.realpath(sys.executable)
    ask = (f"import encodings.ascii, encodings.idna, encodings.latin_1, {script}, os, sys\n"
           "for module in list(sys.modules.values()):\n"
           "    print(getattr(module, '__file__', None) or '')")
    listed = subprocess.run([python, "-S", "-c", ask], cwd=here, text=True, check=True,
                            capture_output=True).stdout.split()
    files = {python, *(path for path in listed if not path.startswith(here))}
    programs = [path for path in files if path == python or path.endswith(".so")]
    linked = subprocess.run(["ldd", *programs], text=True, check=True, capture_output=True).stdout
    files |= set(re.findall(r"(/\S+) \(0x", linked))
    return ([python, "-S", "-u", f"/{script}.py"],
            {path: path for path in files} | {f"/{script}.py": os.path.join(here, script + ".py")})


class Engine:
    """The engine that scripts/engine runs under a name."""

    def __init__(self, name):
        self.name = name
        self.socket = self._script("socket").strip()

    def _script(self, command):
        done = subprocess.run([os.path.join(REPOSITORY, "scripts/engine"), command, "--name",
                               self.name], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self):
        self._script("start")

    def stop(self):
        self._script("stop")

    def _signal(self, number):
        with open(f"/run/kalki-engine/{self.name}/dockerd.pid", encoding="ascii") as file:
            os.kill(int(file.read()), number)

    def kill(self):
        """kill -9 of dockerd; its containers live on."""
        self._signal(signal.SIGKILL)

    def freeze(self, frozen):
        """It takes connections and answers nothing."""
        self._signal(signal.SIGSTOP if frozen else signal.SIGCONT)

    def request(self, method, path, body=None, kind="application/x-tar", timeout=PATIENCE):
        connection = UnixConnection(self.socket, timeout)
        try:
            headers = {"Content-Type": kind} if body else {}
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            raw = answer.read()
            if answer.status >= 300:
                raise RuntimeError(f"{method} {path}: {answer.status} {raw!r}")
            try:
                return json.loads(raw) if raw else None
            except ValueError:
                return raw.decode(errors="replace")
        finally:
            connection.close()

    def containers(self, **labels):
        """All containers that carry the labels."""
        wanted = json.dumps({"label": [f"{key}={value}" for key, value in labels.items()]})
        return self.request("GET", "/containers/json?all=1&filters=" + urllib.parse.quote(wanted))

    def inspect(self, container):
        return self.request("GET", f"/containers/{container}/json")

    def import_program(self, image, program, **labels):
        """An image that is nothing but one static program."""
        self.import_files(image, ["/program"], {"/program": program}, **labels)

    def import_files(self, image, entry, files, **labels):
        """An image of files of this machine: {path inside: path here}."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w", dereference=True) as tar:
            for inside, here in files.items():
                tar.add(here, inside.lstrip("/"))
            for folder in ("run/kalki", "tmp"):
                made = tarfile.TarInfo(folder)
                made.type, made.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(made)
        repository, tag = image.split(":")
        changes = [f"ENTRYPOINT {json.dumps(entry)}"]
        changes += [f"LABEL {key.replace('_', '.')}='{value}'" for key, value in labels.items()]
        query = [("fromSrc", "-"), ("repo", repository), ("tag", tag)]
        self.request("POST", "/images/create?" + urllib.parse.urlencode(
            query + [("changes", change) for change in changes]), archive.getvalue())

    def images(self):
        return [tag for image in self.request("GET", "/images/json")
                for tag in image["RepoTags"] or []]


class Watch(threading.Thread):
    """Labels of every container that was ever created, from the engine's own events."""

    def __init__(self, engine):
        super().__init__(daemon=True)
        self.labels = {}
        self._engine = engine
        self._stopping = threading.Event()
        self.start()

    def run(self):
        while not self._stopping.is_set():
            try:
                for container in self._engine.containers():
                    self.labels.setdefault(container["Id"], container["Labels"])
            except (OSError, RuntimeError, ValueError):
                pass  # the engine is being killed and started
            self._stopping.wait(0.1)

    def close(self):
        self._stopping.set()
        self.join(PATIENCE + 5)
