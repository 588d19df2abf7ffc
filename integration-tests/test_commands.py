# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands reach devices over their protocols; what becomes of them stands in the history."""
import http.server
import json
import threading

import pytest

from harness.daemon import wait_for
from harness.policies import puppet, rule


class Bulb:
    """An HTTP device on loopback; `statuses` are answered first, then 200."""

    def __init__(self):
        self.statuses, self.told = [], []
        self.gate = threading.Event()  # closed: requests wait
        self.gate.set()
        bulb = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_PUT(self):
                bulb.told.append((self.path, self.rfile.read(
                    int(self.headers.get("Content-Length", 0))).decode()))
                bulb.gate.wait(60)
                self.send_response(bulb.statuses.pop(0) if bulb.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def bulb():
    bulb = Bulb()
    yield bulb
    bulb.close()


def put(bulb, path, **more):
    return {"http": {"method": "PUT", "url": f"{bulb.url}/{{device}}/{path}",
                     "body": '{"by": "{device}"}'}, "timeout": "30s", **more}


def commands(bulb):
    return {"turn-on": put(bulb, "on", retries=2), "turn-off": put(bulb, "off")}


@pytest.fixture
def lamps(site, bulb):
    """Two lamps in one group and a camera whose alert turns them on."""
    site.types = [
        {"type": "lamp", "states": {"Normal": {"chain": "pass"}}, "commands": commands(bulb)},
        {"type": "camera", "commands": commands(bulb), "states": {
            "Normal": {"chain": [puppet("watch", alerts=["motion"])]},
            "Attack": {"chain": "block"}},
         "rules": [{**rule("light-up", ["Normal"], 'alert("motion")', "Attack"), "actions": [
             {"command": "turn-on", "type": "lamp"}, {"command": "turn-off"},
             {"tag": "seen"}, {"notify": "nobody"}]}]},
    ]
    for name in ("lamp1", "lamp2"):
        site.add_device(name, "lamp", groups=["hall"])
    site.add_device("cam1", "camera", groups=["hall"])
    return site


def actions(site, **wanted):
    events = site.api.get("/events?kind=action&limit=1000")["items"]
    found = [dict(event["eve"]["kalki"], device=event["device"]) for event in events]
    return [action for action in found
            if all(action.get(key) == value for key, value in wanted.items())]


def test_an_alert_turns_the_lamps_of_the_group_on(lamps, bulb):
    lamps.start()
    lamps.raise_alert("cam1")
    done = wait_for(lambda: len(actions(lamps, action="command")) == 3 and
                    actions(lamps, action="command"), what="the commands")
    assert {(action["device"], action["name"], action["result"]) for action in done} == {
        ("lamp1", "turn-on", "ok"), ("lamp2", "turn-on", "ok"), ("cam1", "turn-off", "ok")}
    assert {(path, body) for path, body in bulb.told} == {
        ("/lamp1/on", '{"by": "lamp1"}'), ("/lamp2/on", '{"by": "lamp2"}'),
        ("/cam1/off", '{"by": "cam1"}')}
    alert = lamps.api.get("/events?kind=alert&device=cam1")["items"][0]["id"]
    assert all((action["by"], action["rule"], action["from"], action["evidence"]) ==
               ("rule", "light-up", "cam1", [alert]) for action in done)
    # In the timeline of each lamp, with the reason; the camera has its tag.
    assert "turn-on: ok" in lamps.daemon.kalkictl("device", "timeline", "lamp1").stdout
    assert lamps.device_status("cam1")["definition"]["tags"] == ["seen"]
    assert actions(lamps, action="tag", name="seen", result="ok")
    missing = actions(lamps, action="notify", name="nobody")[0]
    assert (missing["result"], missing["words"]) == ("failed", "no notifier is named 'nobody'")
    code, words = lamps.daemon.check()
    assert code == 0 and "no notifier 'nobody' (notifiers: in kalkid.yaml)" in words


def test_a_device_that_does_not_answer_delays_no_chain(lamps, bulb):
    bulb.gate.clear()
    lamps.start()
    lamps.raise_alert("cam1")
    def in_force():
        status = lamps.device_status("cam1")
        return status["state"] == "Attack" and (
            status["generation"] == status["generation_reached"])
    wait_for(in_force, timeout=60, what="the chain of Attack")
    wait_for(lambda: len(bulb.told) == 3, what="the commands")
    assert not actions(lamps, action="command")
    bulb.gate.set()
    wait_for(lambda: len(actions(lamps, result="ok", action="command")) == 3, what="the answers")


def test_an_operator_sends_a_command(lamps, bulb):
    lamps.start()
    bulb.statuses = [500]
    kalkictl = lamps.daemon.kalkictl
    assert kalkictl("device", "command", "lamp1", "turn-on", "--dry-run").returncode == 0
    assert not bulb.told
    assert kalkictl("device", "command", "lamp1", "turn-on", "--reason", "dusk").returncode == 0
    done = wait_for(lambda: actions(lamps, name="turn-on"), timeout=60, what="the command")[0]
    assert (done["result"], done["attempts"], done["by"], done["reason"]) == (
        "ok", 2, "operator", "dusk")
    orders = lamps.api.get("/events?kind=operator&device=lamp1")["items"]
    assert [order["eve"]["kalki"]["action"] for order in orders] == ["command"]
    # Without retries it is sent once, and its failure is told.
    bulb.statuses = [500]
    kalkictl("device", "command", "lamp2", "turn-off")
    failed = wait_for(lambda: actions(lamps, name="turn-off"), what="the failure")[0]
    assert (failed["result"], failed["attempts"]) == ("failed", 1)
    unknown = kalkictl("device", "command", "lamp1", "turn-offf")
    assert unknown.returncode == 6 and "did you mean 'turn-off'?" in unknown.stderr
    assert kalkictl("device", "command", "lamp9", "turn-off").returncode == 4


def test_a_command_is_not_sent_again_after_a_kill(lamps, bulb):
    lamps.start()
    bulb.gate.clear()
    for _ in range(2):  # one under way, one behind it
        lamps.api.post("/devices/lamp1/command", {"command": "turn-on"})
    wait_for(lambda: bulb.told, what="the command")
    lamps.daemon.kill()
    bulb.gate.set()
    lamps.daemon.start()
    lamps.wait_settled()
    # The next one is the next that is sent.
    lamps.api.post("/devices/lamp1/command", {"command": "turn-off"})
    wait_for(lambda: actions(lamps, name="turn-off"), what="the next command")
    assert [path for path, _ in bulb.told] == ["/lamp1/on", "/lamp1/off"]


def test_an_end_gives_pending_commands_up(lamps, bulb):
    lamps.start()
    bulb.gate.clear()
    for _ in range(2):
        lamps.api.post("/devices/lamp1/command", {"command": "turn-on"})
    wait_for(lambda: bulb.told, what="the command")
    lamps.daemon.stop()
    lamps.daemon.start()
    assert [action["result"] for action in actions(lamps, name="turn-on")] == ["abandoned"] * 2
    assert json.dumps(bulb.told).count("/on") == 1
