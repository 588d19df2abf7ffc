# SPDX-License-Identifier: GPL-2.0-or-later
"""One program of an image between two links, and what is measured of it, for scripts/bench.d/umbox."""
import contextlib
import ctypes
import importlib.machinery
import io
import json
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import tarfile
import time
import types

from harness.daemon import BUILD, REPOSITORY

IMAGES = pathlib.Path(REPOSITORY, "umbox-images")
STATIC = pathlib.Path(REPOSITORY, "build-images/umbox-images")
os.environ["UMBOX_PROGRAMS"] = str(STATIC)
sys.path.insert(0, str(IMAGES / "tests"))
from umbox_site import DEVICE_IP, NETWORK_IP, UmboxSite, ip, raw_socket  # noqa: E402, F401  the path comes first

PACKETS = os.path.join(BUILD, "umbox-images/packets")
RINGS = 2 * 2048 * 1024  # of the packet sockets, mapped: kernel memory that is not the program's
SO_ATTACH_FILTER = 26
# A sender and the forwarder have a processor each, and nobody else's work between.
SENDER_CPU, FORWARDER_CPU = ("0", "1") if os.cpu_count() > 1 else ("0", "0")


def load_builder():
    """scripts/build-images as a module."""
    sys.path.insert(0, os.path.join(REPOSITORY, "scripts"))
    loader = importlib.machinery.SourceFileLoader("build_images", os.path.join(REPOSITORY, "scripts/build-images"))
    module = types.ModuleType(loader.name)
    module.__file__ = loader.path
    loader.exec_module(module)
    return module


def family(pid):
    """The process and all that come from it."""
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text(encoding="ascii").split():
            found += family(int(child))
    return found


@contextlib.contextmanager
def on_time():
    """Whoever holds the watch is not kept from it by what else runs, the sender included."""
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {int(SENDER_CPU)})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(2))
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        os.sched_setaffinity(0, cpus)


class Site(UmboxSite):
    """An image that brings more than a program runs in its own root, the folder `root`."""

    root = None

    def start_as_umbox(self, *words, capabilities="+net_raw"):
        if not self.root:
            return super().start_as_umbox(*words, capabilities=capabilities)
        script = "set -e; mkdir -p {0}/proc {0}/dev {0}/tmp {0}/umbox-folder; mount --rbind /proc {0}/proc; " \
            "mount --rbind /dev {0}/dev; mount -t tmpfs tmpfs {0}/tmp; mount --bind {1} {0}/umbox-folder; " \
            "UMBOX_FOLDER=/umbox-folder exec chroot {0} /umbox".format(self.root, self.folder)
        return super().start_as_umbox("unshare", "--mount", "sh", "-c", script,
                                      capabilities=capabilities + ",+sys_admin,+sys_chroot")


def bridge(site):
    site.wire()
    there = ("-n", site.names["box"])
    ip(*there, "link", "add", "bridge", "mtu", str(site.mtu), "type", "bridge", "forward_delay", "0")
    for leg in ("in", "out"):
        ip(*there, "link", "set", leg, "master", "bridge")
    ip(*there, "link", "set", "bridge", "up")


class Bed:
    """A program of an image, or a bridge in its place."""

    def __init__(self, site, image, parameters=None):
        self.site, self.process, self.kind = site, None, image.kind
        if image.name == "bridge":
            bridge(site)
        else:
            site.root = image.root
            with image.setting(site):
                self.process = site.umbox(image.name, parameters, arguments=image.arguments)
        site.run("dev", "ethtool", "-K", "dev0", "tso", "off")
        if not image.offload:
            for role, link in (("dev", "dev0"), ("net", "net0")):
                site.run(role, "ethtool", "-K", link, "tx", "off")

    def processes(self):
        return family(self.process.pid) if self.process else []

    def be_urgent(self):
        for pid in self.processes():
            subprocess.run(["chrt", "-a", "-r", "-p", "1", str(pid)], check=True)

    def hold_cpu(self):
        for pid in self.processes():
            for words in (["taskset", "-acp", FORWARDER_CPU], ["chrt", "-a", "-f", "-p", "1"]):
                subprocess.run([*words, str(pid)], check=True, stdout=subprocess.DEVNULL)

    def processor_seconds(self):
        """What it has used so far, in user space and in the kernel."""
        spent = 0
        for pid in self.processes():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
            spent += int(fields[11]) + int(fields[12])
        return spent / os.sysconf("SC_CLK_TCK")

    def arrived(self):
        return int(self.site.run("net", "cat", "/sys/class/net/net0/statistics/rx_packets").stdout)

    def blast(self, size, seconds, rate=None):
        """(sent, arrived)"""
        before = self.arrived()
        words = ("chrt", "-f", "1", "taskset", "-c", SENDER_CPU, PACKETS, "blast", "dev0", str(size),
                 str(seconds))
        sent = int(self.site.run("dev", *words, *([str(rate)] if rate else [])).stdout)
        time.sleep(0.02)
        return sent, self.arrived() - before

    def bulk(self):
        """Gbit/s of one TCP connection; 0 where it does not come about."""
        server = self.site.start("net", "chrt", "-r", "1", "iperf3", "-s", "-1", "--forceflush")
        for line in server.stdout:
            if "listening" in line:
                break
        done = self.site.run("dev", "chrt", "-r", "1", "iperf3", "-c", NETWORK_IP, "-t", "1", "--json",
                             "--connect-timeout", "2000", check=False)
        server.kill()
        server.wait()
        received = json.loads(done.stdout).get("end", {}).get("sum_received")
        return received["bits_per_second"] / 1e9 if received else 0

    def delays(self, count):
        """Microseconds of single frames from one end to the other."""
        dev, net = self.site.ends()
        times = []
        with on_time():
            for number in range(count):
                frame = bytes.fromhex("020000000101" "020000000a01" "88b5") + struct.pack("!I", number) + bytes(42)
                started = time.perf_counter_ns()
                dev.send(frame)
                while net.recv(100)[12:18] != frame[12:18]:
                    pass
                times.append((time.perf_counter_ns() - started) / 1000)
                time.sleep(0.0002)
        return times

    def resident(self):
        """Bytes."""
        pages = sum(int(pathlib.Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
                    for pid in self.processes())
        return pages * os.sysconf("SC_PAGE_SIZE")

    def most_mapped(self):
        """Bytes that the program had at the same time: no more can ever have been resident."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmPeak:\s+(\d+)", status)[1]) * 1024

    def pipe(self):
        """Where a wrapped program would write its lines."""
        path = os.path.join(self.site.folder, "engine.log")
        return open(path if os.path.exists(path) else os.devnull, "wb", buffering=0)

    def counters(self):
        """What it counted itself, as of a heartbeat from now on."""
        daemon = self.site.daemon
        daemon.take_waiting()
        return daemon.wait_kind("heartbeat", after=len(daemon.lines))["counters"]

    def counters_when_passed(self, count):
        """The same, once it counts so many as passed; some count with a delay."""
        for _ in range(5):
            found = self.counters()
            if found["passed"] >= count:
                break
        return found

    def quiet_ends(self):
        """Packet sockets at both ends, where nobody but the bench answers; large frames are not seen."""
        for role, link in (("dev", "dev0"), ("net", "net0")):
            ip("-n", self.site.names[role], "addr", "flush", "dev", link)
        dev, net = (raw_socket(self.site.names[role], link) for role, link in (("dev", "dev0"), ("net", "net0")))
        # BPF: load the length; above 256 jump over the next; take; drop
        code = ctypes.create_string_buffer(struct.pack("HBBI" * 4, 0x80, 0, 0, 0, 0x25, 1, 0, 256,
                                                       0x06, 0, 0, 0x40000, 0x06, 0, 0, 0))
        for raw in (dev, net):
            raw.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", 4, ctypes.addressof(code)))
            self.site.raw.append(raw)
        return dev, net


class Image:
    """What the bench knows of one image."""

    def __init__(self, name, kind, root=None, size=None):
        self.name, self.kind, self.root, self.size = name, kind, root, size
        dockerfile = IMAGES / name / "Dockerfile"
        self.offload = not dockerfile.exists() or 'umbox.offload="off"' not in dockerfile.read_text()
        self.arguments = ("/bin/sh", "-c", "echo watching; exec sleep 10000") if name == "wrapper" else ()

    @contextlib.contextmanager
    def setting(self, site):
        """What a program needs that is no parameter: the wrapper's file."""
        if self.name == "wrapper":
            path = os.path.join(site.folder, "wrapper.json")
            with open(path, "w", encoding="ascii") as file:
                json.dump({"forward": "wrapper", "logs": [os.path.join(site.folder, "engine.log")],
                           "patterns": [{"match": "^watching", "ready": True},
                                        {"match": "from (?<source>[0-9.]+)", "alert": "told"}]}, file)
            os.environ["UMBOX_WRAPPER"] = path
        yield
        os.environ.pop("UMBOX_WRAPPER", None)


def kind_of(name):
    if any("umbox_kernel.h" in source.read_text() for source in (IMAGES / name).glob("*.[ch]")):
        return "bridge"
    return "pass"


def files_of(builder, name, version, folder):
    """What the image has below / (its layers, unpacked into a tar if it brings its own), and its size."""
    _, packed = builder.pack(name, version, False)
    size, root = 0, os.path.join(folder, name)
    with tarfile.open(fileobj=io.BytesIO(packed)) as image:
        for layer in json.load(image.extractfile("manifest.json"))[0]["Layers"]:
            member = image.getmember(layer)
            size += member.size
            if (IMAGES / name / "debian.json").exists():
                with tarfile.open(fileobj=image.extractfile(member)) as tar:
                    tar.extractall(root)
    return size, root if os.path.isdir(root) else None


def images(folder):
    """All of umbox-images, packed as scripts/build-images does, and the names of those whose Debian packages
    cannot be had.  Files of theirs lie in `folder`."""
    builder = load_builder()
    names, found, missing = builder.image_names(), [], []
    version = builder.compile_programs(names)
    for name in names:
        try:
            size, root = files_of(builder, name, version, folder)
        except builder.debian.Unavailable:
            missing.append(name)
            continue
        found.append(Image(name, kind_of(name), root, size))
    return found, missing
