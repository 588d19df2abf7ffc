# SPDX-License-Identifier: GPL-2.0-or-later
"""A Udoo Neo: a real OpenSSH server over a /sys/class with the files of the board's sensors.

Server and sensors live in a mount namespace of their own, with accounts, keys and a /run of their
own: nothing of the machine's SSH is read or changed.  Needs root."""
import os
import shutil
import signal
import subprocess
import tempfile
import threading

from .simulator import Device, main

SENSORS = {"accelerometer": "misc/FreescaleAccelerometer/data",
           "gyroscope": "misc/FreescaleGyroscope/data",
           "magnetometer": "misc/FreescaleMagnetometer/data",
           "temperature": "hwmon/hwmon0/temp1_input"}

# $1 is the folder of the device, the rest is sshd with its options.
SERVE = """
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/sshd
mount --bind "$1/class" /sys/class
for file in passwd shadow group; do mount --bind "$1/$file" "/etc/$file"; done
shift
exec "$@"
"""


class Udoo(Device):
    """Axes are lists of three, the temperature is in thousandths of a degree.  User `udooer`.
    It cannot be delayed; `error` and `cut` take its files away."""

    port = 22
    standard = {"accelerometer": [0.02, -0.05, 0.98], "gyroscope": [0.5, -0.4, 0.2],
                "magnetometer": [60, 70, 100], "temperature": 21500}

    def __init__(self):
        super().__init__()
        self._folder = self._server = None

    def add_options(self, parser):
        parser.add_argument("--authorized-key", metavar="FILE", help="public key that may log in")

    def start(self, options):
        self._folder = tempfile.mkdtemp(prefix="udoo-")
        os.chmod(self._folder, 0o755)
        self._write("passwd", "root:x:0:0::/root:/usr/sbin/nologin\n"
                    f"sshd:x:100:65534::{self._folder}:/usr/sbin/nologin\n"
                    f"udooer:x:1000:1000::{self._folder}:/bin/sh\n")
        self._write("shadow", "root:*:::::::\nsshd:*:::::::\nudooer:*:::::::\n")
        self._write("group", "root:x:0:\nnogroup:x:65534:\nudooer:x:1000:\n")
        self._write("keys", "")
        if options.authorized_key:
            shutil.copyfile(options.authorized_key, self._path("keys"))
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self._path("host")],
                       check=True)
        self.changed()
        host, port = options.listen
        self._serve([
            f"ListenAddress={f'[{host}]' if ':' in host else host}:{port}", f"HostKey={self._path('host')}",
            f"AuthorizedKeysFile={self._path('keys')}", "StrictModes=no", "UsePAM=no",
            "PasswordAuthentication=no", "AllowUsers=udooer", "PidFile=none",
            "PermitUserRC=no", "PrintMotd=no", "PrintLastLog=no", "UseDNS=no", "LogLevel=INFO"])

    def _serve(self, settings):
        options = [word for setting in settings for word in ("-o", setting)]
        self._server = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", SERVE, "udoo",
             self._folder, "/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", *options],
            stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, ()))
        words = []
        for line in self._server.stderr:
            words.append(line)
            if "Server listening" in line:
                break
        else:
            raise OSError("sshd: " + "".join(words).strip())
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        """Who came is in the server's log."""
        for line in self._server.stderr:
            self.note({"log": line.strip()})

    def stop(self):
        if self._server:
            self._server.kill()
            self._server.wait()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def changed(self):
        """A board that says nothing has pipes without a writer for files: a reader waits."""
        if not self._folder:
            return
        for sensor, name in SENSORS.items():
            path = self._path("class/" + name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if os.path.lexists(path):
                os.unlink(path)
            worth = self.values[sensor]
            text = ",".join(map(str, worth)) if isinstance(worth, list) else str(worth)
            if self.fault == "silent":
                os.mkfifo(path, 0o644)
            elif self.fault == "garbage":
                self._write("class/" + name, "\x00\x7f,,\n")
            elif self.fault == "none":
                self._write("class/" + name, text + "\n")

    def _path(self, name):
        return os.path.join(self._folder, name)

    def _write(self, name, text):
        """A file appears whole: readers are about at any time."""
        path = self._path(name)
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(text)
        os.replace(path + ".new", path)


if __name__ == "__main__":
    main(Udoo(), __doc__)
