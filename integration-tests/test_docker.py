# SPDX-License-Identifier: GPL-2.0-or-later
"""The local driver against a real engine and kernel, moved by hand (hands.c), without the daemon."""
import json
import os
import signal
import subprocess
import threading
import time

import pytest

from harness import net
from harness.daemon import BUILD, PATIENCE, wait_for
from harness.policies import PUPPET

HANDS = os.path.join(BUILD, "integration-tests/hands")
PROGRAM = os.path.join(BUILD, "integration-tests/puppet")
STAMP = "kalki/stamp:1"


class Hands:
    """One run of hands: orders, their results, and what the driver tells."""

    def __init__(self, place, *more):
        self._process = subprocess.Popen([HANDS, *place, *more], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True)
        self._lines, self._news = [], threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._process.stdout:
            with self._news:
                self._lines.append(json.loads(line))
                self._news.notify_all()

    def wait(self, wanted, timeout=PATIENCE):
        end = time.monotonic() + timeout
        with self._news:
            while True:
                for i, line in enumerate(self._lines):
                    if wanted(line):
                        return self._lines.pop(i)
                left = end - time.monotonic()
                assert left > 0, self._lines
                self._news.wait(left)

    def notice(self, kind, umbox=0):
        return self.wait(lambda line: line.get("notice") == kind and line["umbox"] == umbox)

    def count(self, kind):
        with self._news:
            return sum(line.get("notice") == kind for line in self._lines)

    def say(self, order):
        self._process.stdin.write(order + "\n")
        self._process.stdin.flush()

    def result(self, order):
        return self.wait(lambda line: line.get("call") == order.split("{")[0])

    def do(self, order):
        self.say(order)
        return self.result(order)

    def good(self, order):
        done = self.do(order)
        assert done["result"] == 0, done
        return done

    def launch(self, umbox, image=PUPPET, **parameters):
        return self.do(f"launch {umbox} {image} {json.dumps(parameters)}")

    def umboxes(self):
        picture = self.good("observe")["picture"]
        assert picture["complete"]
        return {umbox["umbox"]: umbox for umbox in picture["umboxes"]}

    def end(self):
        """The driver closes; what runs stays."""
        self._process.stdin.close()
        return self._process.wait(PATIENCE)

    def kill(self):
        self._process.kill()
        self._process.wait()


class Place:
    """Names of one driver; each `hands` in it is the same driver once more."""

    def __init__(self, engine, folder, number):
        self.engine, self.instance = engine, f"hands{os.getpid()}-{number}"
        self.folder, self.port = str(folder / "umbox"), f"kh{os.getpid() % 0x10000:x}{number}"
        self.namespace = self.instance
        self._names = (self.instance, self.namespace, self.port, engine.socket, self.folder)
        net.ip("link", "add", self.port, "type", "veth", "peer", self.port + "x")
        net.ip("link", "set", self.port + "x", "up")
        self.running = []

    def hands(self):
        hands = Hands(self._names)
        hands.notice("engine-up")
        self.running.append(hands)
        return hands

    def teardown(self):
        return Hands(self._names, "teardown").wait(lambda line: line["call"] == "teardown")

    def containers(self, **labels):
        return self.engine.containers(**{"org.kalki.instance": self.instance}, **labels)

    def inspect(self, umbox):
        return self.engine.inspect(f"{self.instance}-umbox-{umbox}")

    def pid(self, umbox):
        return self.inspect(umbox)["State"]["Pid"]

    def legs(self):
        links = subprocess.run(["ip", "-n", self.namespace, "-o", "link"], capture_output=True,
                               text=True, check=True).stdout
        return sorted(name for line in links.splitlines()
                      if (name := line.split()[1].split("@")[0]).startswith("u"))


@pytest.fixture(name="place")
def _place(engine, images, tmp_path, request):
    number = request.session.testscollected and request.session.items.index(request.node)
    place = Place(engine, tmp_path, number)
    yield place
    for hands in place.running:
        hands.kill()
    try:
        assert place.teardown()["result"] == 0
        assert place.containers() == [] and os.listdir(place.folder) == []
        assert place.namespace not in os.listdir("/run/netns")
    finally:
        net.ip("link", "del", place.port)


def test_three_launches_at_once(place):
    hands = place.hands()
    for umbox in (1, 2, 3):
        hands.say(f"launch {umbox} {PUPPET} {{\"every_ms\": 100}}")
    for umbox in (1, 2, 3):
        assert hands.result(f"launch {umbox} {PUPPET} ")["result"] == 0
        hands.notice("ready", umbox)
        hands.notice("alert", umbox)
    seen = hands.umboxes()
    assert sorted(seen) == [1, 2, 3]
    assert all(u["state"] == "running" and u["ready"] and not u["wired"] for u in seen.values())


def test_nothing_more_than_needed(place):
    hands = place.hands()
    assert hands.launch(7, STAMP)["result"] == 0
    found = place.inspect(7)
    host, config = found["HostConfig"], found["Config"]
    assert config["Hostname"] == "umbox-7" and config["NetworkDisabled"]
    assert host["CapDrop"] == ["ALL"] and host["CapAdd"] == ["NET_RAW"]
    assert host["ReadonlyRootfs"] and not host["Privileged"]
    assert "no-new-privileges" in host["SecurityOpt"]
    assert host["Memory"] == host["MemorySwap"] == 32 << 20 and host["PidsLimit"] == 4
    assert host["RestartPolicy"]["Name"] == "no"
    assert hands.umboxes()[7]["image"] == found["Image"] == place.engine.request(
        "GET", f"/images/{STAMP}/json")["Id"]
    links = os.listdir(f"/proc/{place.pid(7)}/root/sys/class/net") \
        if os.path.isdir(f"/proc/{place.pid(7)}/root/sys/class/net") else []
    assert set(links) <= {"lo"}
    folder = os.path.join(place.folder, "7")
    with open(os.path.join(folder, "umbox.json"), encoding="ascii") as file:
        told = json.load(file)
    assert told["umbox"] == 7 and told["contract"] == 1 and told["device"]["name"] == "cam1"
    assert os.stat(place.folder).st_mode & 0o77 == 0


def test_wired_routed_and_removed(place):
    hands = place.hands()
    hands.good("enrol")
    for umbox in (1, 2):
        assert hands.launch(umbox, STAMP)["result"] == 0
        hands.good(f"wire {umbox}")
        hands.notice("ready", umbox)
    hands.good("route 1 2")
    assert place.legs() == ["u1i", "u1o", "u2i", "u2o"]
    assert all(umbox["wired"] for umbox in hands.umboxes().values())
    hands.good("hold")
    hands.good("remove 1")
    hands.good("remove 2")
    assert place.legs() == [] and place.containers() == [] and os.listdir(place.folder) == []
    assert hands.umboxes() == {}
    # Their end was wanted: nobody is told of it.
    assert hands.count("gone") == 0 and hands.count("rules-changed") == 0
    hands.good("remove 2")


def test_death_is_told_once(place):
    hands = place.hands()
    assert hands.launch(1)["result"] == 0
    hands.notice("ready", 1)
    start_ms = time.monotonic() * 1000
    os.kill(place.pid(1), signal.SIGKILL)
    told = hands.notice("gone", 1)
    print(f"death told after {told['at_ms'] - start_ms:.2f} ms: {told['words']}")
    wait_for(lambda: place.containers()[0]["State"] == "exited", what="its end in the engine's list")
    assert hands.umboxes()[1]["state"] == "gone"
    assert hands.count("gone") == 0
    hands.good("remove 1")


def test_a_silent_umbox_is_condemned(place):
    hands = place.hands()
    assert hands.launch(1)["result"] == 0
    hands.notice("ready", 1)
    os.kill(place.pid(1), signal.SIGSTOP)
    hands.notice("silent", 1)
    assert hands.umboxes()[1]["state"] == "gone"
    hands.good("remove 1")


@pytest.mark.parametrize("labels, words", [
    ({}, "the image is no umbox: it has no label umbox.contract"),
    ({"umbox_contract": 1, "umbox_capabilities": "SYS_ADMIN"}, "umbox.capabilities is 'SYS_ADMIN'"),
    ({"umbox_contract": 1, "umbox_parameters": '{"pattern":"x"}'}, "keyword 'pattern' is not"),
])
def test_images_that_are_refused(place, labels, words):
    place.engine.import_program("kalki-test/wrong:1", PROGRAM, **labels)
    hands = place.hands()
    done = hands.launch(1, "kalki-test/wrong:1")
    assert done["result"] < 0 and words in done["words"]
    assert place.containers() == [] and os.listdir(place.folder) == []


def test_what_is_wrong_with_a_launch_is_said(place):
    hands = place.hands()
    missing = hands.launch(1, "kalki-test/missing:1")
    assert missing["result"] < 0 and "No such image: kalki-test/missing:1" in missing["words"]
    wrong = hands.launch(1, STAMP, delay_us="long")
    assert "parameters.delay_us: is not of type integer" in wrong["words"]
    unknown = hands.launch(1, STAMP, colour=1)
    assert "'colour' is not known" in unknown["words"]
    reference = hands.launch(1, "../containers")
    assert reference["result"] < 0 and "not a name" in reference["words"]
    # A static program that every Debian has, and that does not like it there.
    place.engine.import_program("kalki-test/ends:1", "/sbin/ldconfig", umbox_contract=1)
    for umbox in range(1, 6):
        ends = hands.launch(umbox, "kalki-test/ends:1")
        if ends["result"] < 0:
            break
        hands.good(f"remove {umbox}")  # it lived long enough to be launched
    assert "it ended at once with code 1: /program: " in ends["words"]
    assert place.containers() == [] and os.listdir(place.folder) == []


def test_a_newer_image_of_the_same_name_is_taken(place):
    hands = place.hands()
    for umbox, contract in ((1, 1), (2, 2)):
        place.engine.import_program("kalki-test/changes:1", PROGRAM, umbox_contract=contract)
        # The engine's event about the image is on its way.
        end = time.monotonic() + PATIENCE
        while (done := hands.launch(umbox, "kalki-test/changes:1"))["result"] == 0 and contract == 2:
            hands.good(f"remove {umbox}")
            assert time.monotonic() < end
        assert (done["result"] == 0) == (contract == 1), done


def recreate(place, umbox):
    """The same container anew, as a daemon leaves it that died between create and start."""
    full = place.inspect(umbox)
    place.engine.request("DELETE", f"/containers/{full['Id']}?force=true")
    return place.engine.request(
        "POST", f"/containers/create?name={place.instance}-umbox-{umbox}",
        json.dumps(full["Config"] | {"HostConfig": full["HostConfig"]}), "application/json")["Id"]


def test_a_container_left_by_an_earlier_try_is_used(place):
    hands = place.hands()
    assert hands.launch(1)["result"] == 0
    hands.kill()
    left = recreate(place, 1)
    hands = place.hands()
    assert hands.umboxes()[1]["state"] == "gone"
    assert hands.launch(1)["result"] == 0
    hands.notice("ready", 1)
    assert place.inspect(1)["Id"] == left


def test_what_is_not_ours_is_left_alone(place):
    name = f"{place.instance}-umbox-5"
    place.engine.request("POST", f"/containers/create?name={name}", json.dumps({"Image": PUPPET}),
                         "application/json")
    try:
        hands = place.hands()
        for done in (hands.launch(5), hands.do("remove 5"), hands.do("logs 5")):
            assert done["result"] < 0 and "does not carry our labels" in done["words"]
        assert hands.umboxes() == {}
        assert place.inspect(5)["State"]["Status"] == "created"
    finally:
        place.engine.request("DELETE", f"/containers/{name}")


def test_adopted_after_a_kill(place):
    hands = place.hands()
    hands.good("enrol")
    assert hands.launch(1, STAMP)["result"] == 0
    assert hands.launch(2)["result"] == 0
    hands.good("wire 1")
    hands.notice("ready", 1)
    hands.good("route 1")
    pid = place.pid(1)
    hands.kill()
    os.kill(place.pid(2), signal.SIGKILL)  # while nobody looks
    os.makedirs(os.path.join(place.folder, "99"))
    hands = place.hands()
    seen = hands.umboxes()
    assert seen[1]["state"] == "running" and seen[1]["wired"] and seen[2]["state"] == "gone"
    assert place.pid(1) == pid
    hands.notice("ready", 1)
    assert hands.umboxes()[1]["ready"]
    assert sorted(os.listdir(place.folder)) == ["1", "2"]
    hands.good("remove 2")
    os.kill(pid, signal.SIGKILL)
    hands.notice("gone", 1)
    hands.good("remove 1")


def test_an_adopted_one_that_does_not_come_back_is_condemned(place):
    hands = place.hands()
    assert hands.launch(1)["result"] == 0
    hands.notice("ready", 1)
    os.kill(place.pid(1), signal.SIGSTOP)
    hands.kill()
    hands = place.hands()
    assert hands.umboxes()[1]["state"] == "running"
    hands.notice("silent", 1)


def test_the_engine_killed_and_back(place):
    hands = place.hands()
    assert hands.launch(1)["result"] == 0
    hands.notice("ready", 1)
    pid = place.pid(1)
    place.engine.kill()
    try:
        assert hands.notice("engine-down")["words"]
        done = hands.do("observe")
        assert done["result"] < 0 and not done["picture"]["complete"]
        assert [u["state"] for u in done["picture"]["umboxes"]] == ["running"]
        assert hands.launch(2)["result"] < 0
        assert hands.do("remove 1")["result"] < 0
    finally:
        place.engine.start()
    hands.notice("engine-up")
    assert hands.umboxes()[1]["state"] == "running" and place.pid(1) == pid
    assert hands.launch(2)["result"] == 0
    place.engine.request("DELETE", f"/containers/{place.instance}-umbox-2?force=true")
    hands.notice("gone", 2)
    assert hands.umboxes()[1]["state"] == "running"


def test_logs_and_teardown_twice(place):
    hands = place.hands()
    assert hands.launch(1)["result"] == 0
    hands.notice("ready", 1)
    assert hands.good("logs 1")["logs"] == "the puppet plays\n"
    hands.good("enrol")
    hands.good("wire 1")
    assert hands.end() == 0
    assert len(place.containers()) == 1 and len(place.legs()) == 2
    assert place.teardown()["result"] == 0
    assert place.containers() == []
    assert place.teardown()["result"] == 0
