# SPDX-License-Identifier: GPL-2.0-or-later
"""The types of policy-examples/ as they are shipped, on simulated devices over the real protocols:
sensor drives state, state drives chain, rule drives command.  Here devices are asked about every second,
and what has to last lasts less long."""
import glob
import os
import re
import subprocess

import pytest

from devices.remote import Broker, Remote
from harness import net
from harness.daemon import BUILD, REPOSITORY, wait_for
from harness.site import Site

EXAMPLES = os.path.join(REPOSITORY, "policy-examples")
LOGIN = "a password"
DEVICES = {  # name -> (type, simulator, options)
    "camera": ("dlink-camera", "dlink", ()),
    "lamp": ("hue-lamp", "hue", ("--token", "a-token")),
    "lamp-left": ("hue-lamp", "hue", ("--token", "a-token")),
    "lamp-middle": ("hue-lamp", "hue", ("--token", "a-token")),
    "lamp-right": ("hue-lamp", "hue", ("--token", "a-token")),
    "plug": ("wemo-insight", "wemo", ()),
    "board": ("udoo-neo", "udoo", ()),
    "yard": ("onvif-camera", "onvif", ()),
    "thermostat": ("mqtt-thermostat", "thermostat", ()),
    "tank": ("modbus-controller", "modbus", ()),
}
FACTORS = {"camera": 30, "yard": 60, "tank": 5}  # of the others 10: by it their period is a second
GROUPS = {"camera": ["hall"], "lamp": ["hall"],
          "lamp-left": ["row"], "lamp-middle": ["row"], "lamp-right": ["row"]}


def shorter(match):
    """A tenth of the minutes, as seconds."""
    return f"{match[1]}{max(1, int(match[2]) // 10)}s"


def hashed(password):
    """As the login before the plug wants it."""
    return subprocess.run([os.path.join(BUILD, "umbox-images/http-auth-proxy"), "hash"], text=True,
                          input=password + "\n", capture_output=True, check=True).stdout.strip()


def shipped(path):
    """A sample as it is, but for its times, the password that nobody has, and the place of its
    program."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    text = re.sub(r"operator:[^\"]+", lambda _: "operator:" + hashed(LOGIN), text)
    text = re.sub(r"(\bfor: |time_in_state >= )(\d+)m\b", shorter, text)
    return text.replace("/usr/lib/kalki/", os.path.join(EXAMPLES, "programs/"))


class House:
    """A site with all samples, its devices simulated."""

    def __init__(self, root, engine):
        self.site = Site(root, engine, own_machine=True)
        self.running = {}
        self.broker = None
        self.mark = 0

    def start(self):
        site = self.site
        for path in glob.glob(os.path.join(EXAMPLES, "*.yaml")):
            name = os.path.basename(path)
            if name not in ("devices.yaml", "kalkid.yaml") and not name.endswith(".test.yaml"):
                site.write("types.d/" + name, shipped(path))
        self._write_secrets()
        self.broker = Broker(site.root, "0.0.0.0", ns=site.machine)
        for name, (type_, _, _) in DEVICES.items():
            site.add_device(name, type_, shared=True, groups=GROUPS.get(name, []),
                            telemetry_factor=FACTORS.get(name, 10))
        # They are there before they are asked, but for the one that itself asks for the broker.
        for name, (_, kind, options) in DEVICES.items():
            if kind != "thermostat":
                self.simulate(name, kind, *options, *self._options(name, kind))
        site.start(wait=False)
        site.wait_settled(timeout=120)
        self.simulate("thermostat", "thermostat", *self._options("thermostat", "thermostat"))

    def _write_secrets(self):
        folder = os.path.join(self.site.root, "etc/kalki/secrets")
        os.makedirs(folder)
        for name, text in (("camera-login", "admin:secret"), ("hue-token", "a-token")):
            with open(os.path.join(folder, name), "w", encoding="ascii") as file:
                file.write(text)
        net.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                os.path.join(folder, "board-key"))
        for name in os.listdir(folder):
            os.chmod(os.path.join(folder, name), 0o600)

    def _options(self, name, kind):
        machine = self.site.address
        return {
            "dlink": ("--set", "password=secret", "--mail-server", f"{machine}:2525",
                      "--mail-to", f"{name}@kalki"),
            "udoo": ("--authorized-key",
                     os.path.join(self.site.root, "etc/kalki/secrets/board-key.pub")),
            "thermostat": ("--broker", f"{machine}:1883", "--topic", f"zigbee2mqtt/{name}"),
        }.get(kind, ())

    # --- what tests do ---

    def host(self):
        """Somebody in the network."""
        return self.site.hosts.get("somebody") or self.site.add_host("somebody")

    def transitions(self, name):
        """The newest first."""
        return self.site.api.get(f"/devices/{name}/timeline?kind=transition&limit=20")["items"]

    def reset(self, name, **values):
        """The device as it should be, released by the operator, and answering that it is so."""
        device = self.running[name]
        device.tell(values=values, fault="none")

        def normal():
            return self.site.device_status(name)["state"] == "Normal"

        def released():
            self.site.api.post(f"/devices/{name}/release", {"reason": "a test"})
            seen = len(device.seen)
            wait_for(lambda: len(device.seen) > seen + 1 or not normal(), timeout=60,
                     what="the next answers")
            return normal()
        wait_for(released, timeout=60, what=f"{name} in Normal")
        self.mark = self.transitions(name)[0]["id"]

    def wait_moved(self, name, rule, state):
        """Waits until the rule has fired since the reset; returns the transition."""
        def look():
            return next((item["eve"]["kalki"] for item in self.transitions(name)
                         if item["id"] > self.mark and item["eve"]["kalki"].get("rule") == rule), None)
        moved = wait_for(look, timeout=60, what=f"{name}: rule {rule}")
        assert moved["to"] == state
        return moved

    def wait_state(self, name, state, *hops):
        """The state and, if named, its chain in force."""
        wait_for(lambda: self.site.device_status(name)["state"] == state, timeout=60,
                 what=f"{name}: {state}")
        if hops:
            wait_for(lambda: tuple(self.site.hops(name)) == hops, timeout=60,
                     what=f"{name}: the chain of {state}")

    def simulate(self, name, kind, *options):
        self.running[name] = Remote(kind, os.path.join(self.site.root, name + ".sock"), *options,
                                    ns=self.site.devices[name].ns)

    def close(self):
        for device in self.running.values():
            device.close()
        if self.broker:
            self.broker.close()
        self.site.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory, engine, images):
    house = House(tmp_path_factory.mktemp("house"), engine)
    try:
        house.start()
        yield house
    finally:
        house.close()


PLUG = {"current_power": 12000, "today_kwh": 0.05, "today_on_time": 3600}
BOARD = {"accelerometer": [0.02, -0.05, 0.98], "gyroscope": [0.5, -0.4, 0.2],
         "magnetometer": [60, 70, 100], "temperature": 21500}


NORMAL = {"plug": PLUG, "board": BOARD, "lamp": {"on": [False]}, "camera": {}}


@pytest.mark.parametrize("value, rule, state, hop", [
    ({"current_power": 17041}, "current-low", "Suspicious", "login"),
    ({"today_on_time": 32401}, "time-on", "Suspicious", "login"),
    ({"today_kwh": 0.221}, "today-kwh", "Suspicious", "login"),
    ({"current_power": 17051}, "current-high", "Attack", "decoy")])
def test_wemo_moves_as_its_meter_says(house, value, rule, state, hop):
    house.reset("plug", **PLUG)
    house.running["plug"].set(**value)
    house.wait_moved("plug", rule, state)
    if state == "Attack":
        house.wait_state("plug", state, hop, "anti-dos")


def test_wemo_that_draws_far_too_much_when_suspicious(house):
    house.reset("plug", **PLUG)
    house.running["plug"].set(today_on_time=32401)
    house.wait_moved("plug", "time-on", "Suspicious")
    house.running["plug"].set(current_power=17051)
    house.wait_moved("plug", "current-high", "Attack")


def test_wemo_over_17040_mw_for_10_minutes(house):
    house.reset("plug", **PLUG)
    house.running["plug"].set(current_power=17041)
    house.wait_moved("plug", "current-low-for-long", "Attack")
    house.wait_state("plug", "Attack", "decoy", "anti-dos")


def page_of_plug(house, *options, port=49153):
    """What a host of the network is told: (status, text)."""
    page = f"http://{house.site.devices['plug'].ip}:{port}/setup.xml"
    told = house.host().run("curl", "-s", "--max-time", "20", "-w", "\n%{http_code}", *options,
                            page, check=False)
    text, _, status = told.rpartition("\n")
    return status, text


def asked_for_pages(house):
    return [what for what in house.running["plug"].seen if "/setup.xml" in str(what)]


def test_wemo_is_behind_a_login(house):
    house.reset("plug", **PLUG)
    house.wait_state("plug", "Normal", "login", "anti-dos")
    before = len(asked_for_pages(house))
    assert page_of_plug(house)[0] == "401"
    assert len(asked_for_pages(house)) == before
    assert page_of_plug(house, "-u", "operator:" + LOGIN, port=9010)[0] == "200"
    assert page_of_plug(house)[0] == "200"
    assert len(asked_for_pages(house)) == before + 1


def test_guessing_the_login_of_the_plug(house):
    house.reset("plug", **PLUG)
    house.wait_state("plug", "Normal", "login", "anti-dos")
    for number in range(5):
        # 503: another password was looked at just now
        wait_for(lambda n=number: page_of_plug(house, "-u", f"operator:{n}", port=9010)[0] == "401",
                 timeout=60, what="an answer to a guess")
    house.wait_moved("plug", "guessing", "Suspicious")


def test_wemo_in_attack_is_a_decoy_until_it_is_released(house):
    house.reset("plug", **PLUG)
    house.site.set_state("plug", "Attack", reason="a test")
    house.wait_state("plug", "Attack", "decoy", "anti-dos")
    before, answers = len(asked_for_pages(house)), len(house.running["plug"].seen)
    status, text = page_of_plug(house)
    assert status == "200" and "WeMo Insight" in text
    assert len(asked_for_pages(house)) == before
    wait_for(lambda: len(house.running["plug"].seen) > answers + 1, timeout=60,
             what="the real plug, which we still ask")
    house.reset("plug", **PLUG)
    house.wait_state("plug", "Normal", "login", "anti-dos")


@pytest.mark.parametrize("value, rule", [
    ({"accelerometer": [0.2, -0.05, 0.98]}, "acceleration"),
    ({"gyroscope": [0.5, -61, 0.2]}, "gyro"),
    ({"magnetometer": [60, 70, 111]}, "magnetometer"),
    ({"temperature": 23100}, "temperature")])
def test_udoo_moves_as_its_axes_say(house, value, rule):
    house.reset("board", **BOARD)
    house.running["board"].set(**value)
    house.wait_moved("board", rule, "Suspicious")


@pytest.mark.parametrize("value, rule", [
    ({"accelerometer": [0.8, 0.8, 0.1]}, "acceleration-avg"),
    ({"gyroscope": [2.5, 1.8, 1.8]}, "gyro-avg"),
    ({"magnetometer": [150, 150, 60]}, "magnetometer-avg")])
def test_udoo_moved_in_any_direction_when_suspicious(house, value, rule):
    house.reset("board", **BOARD)
    house.site.set_state("board", "Suspicious", reason="a test")
    house.running["board"].set(**value)
    house.wait_moved("board", rule, "Attack")


def test_udoo_that_stays_warm_is_an_attack(house):
    house.reset("board", **BOARD)
    house.running["board"].set(temperature=40000)
    house.wait_moved("board", "temperature-avg", "Attack")
    house.wait_state("board", "Attack", "block-all")


def test_guessing_passwords_of_the_board(house):
    house.reset("board", **BOARD)
    board = house.site.devices["board"]
    for _ in range(6):
        house.host().run("bash", "-c", f": </dev/tcp/{board.ip}/22", check=False)
    house.wait_moved("board", "brute-force", "Suspicious")


def test_guessing_that_goes_on_keeps_the_board_suspicious(house):
    house.reset("board", **BOARD)
    house.site.set_state("board", "Suspicious", reason="a test")
    house.wait_state("board", "Suspicious", "guard", "outward", "anti-dos")
    board = house.site.devices["board"]
    for _ in range(6):
        house.host().run("timeout", "1", "bash", "-c", f": </dev/tcp/{board.ip}/22", check=False)
    house.wait_moved("board", "brute-force-again", "Suspicious")
    wait_for(lambda: "guessed-at" in house.site.device_status("board")["definition"]["tags"],
             timeout=60, what="the tag")


def test_a_board_that_starts_something_by_itself(house):
    house.reset("board", **BOARD)
    host = house.host()
    for number in range(5):
        house.site.devices["board"].run("bash", "-c", f"echo hi >/dev/udp/{host.ip}/{7000 + number}")
    house.wait_moved("board", "abnormal-traffic", "Suspicious")
    house.wait_state("board", "Suspicious", "guard", "outward", "anti-dos")
    for number in range(5):
        house.site.devices["board"].run("bash", "-c", f"echo hi >/dev/udp/{host.ip}/{7000 + number}")
    house.wait_moved("board", "abnormal-traffic-again", "Attack")


def test_guessing_tokens_of_the_lamp(house):
    house.reset("lamp", on=[False])
    site = house.site
    url = f"http://{site.devices['lamp'].ip}/api/token[0-5]/lights"  # one curl asks for all of them
    for host, rule, state in ((house.host(), "guessing", "Suspicious"),
                              (site.add_host("another"), "guessing-goes-on", "Attack")):
        host.run("curl", "-s", "--max-time", "5", url, check=False)
        house.wait_moved("lamp", rule, state)
        site.wait_goal("lamp", "converged", "held", timeout=60)


def test_a_lamp_that_burns_for_nobody_is_turned_off(house):
    house.reset("lamp", on=[True])
    wait_for(lambda: house.running["lamp"].values["on"] == [False], timeout=60, what="darkness")


def test_the_odd_one_out_of_three_lamps(house):
    house.reset("lamp-middle", on=[True])
    house.running["lamp-middle"].set(on=[False])
    house.wait_moved("lamp-middle", "odd-one-out", "Suspicious")
    house.wait_moved("lamp-middle", "still-odd", "Attack")


def test_guessing_passwords_of_the_camera(house):
    house.reset("camera")
    for number in range(6):
        house.host().run("curl", "-s", "--max-time", "20", "-u", f"admin:wrong{number}",
                         f"http://{house.site.devices['camera'].ip}/", check=False)
    house.wait_moved("camera", "guessing", "Suspicious")
    house.wait_state("camera", "Suspicious", "login-guard", "flow-stats", "anti-dos")


def test_a_new_account_of_a_camera(house):
    house.reset("yard", users=[])
    house.running["yard"].set(users=["intruder"])
    house.wait_moved("yard", "new-account", "Suspicious")
    wait_for(lambda: house.running["yard"].values["relay"], timeout=60, what="the siren")


def test_other_firmware(house):
    house.reset("yard", users=[], firmware="5.7.3")
    house.running["yard"].set(firmware="6.6.6")
    house.wait_moved("yard", "other-firmware", "Suspicious")


def test_a_tank_that_overflows_is_told_to_stop(house):
    tank = house.running["tank"]
    house.reset("tank", registers=[1800, 1013, 215], coils=[True, False])
    for level in (1850, 1890, 1950):
        tank.set(registers=[level, 1013, 215])
        seen = len(tank.seen)
        wait_for(lambda: len(tank.seen) > seen, timeout=60, what="the next question")
    wait_for(lambda: tank.values["coils"] == [False, True], timeout=60, what="pump and valve")


@pytest.mark.parametrize("name", ["plug", "board", "lamp", "camera"])
def test_unavailable_after_five_misses(house, name):
    house.reset(name, **NORMAL[name])
    house.running[name].fail("cut")
    house.wait_moved(name, "unavailable", "Suspicious")
    if name != "camera":
        house.wait_moved(name, "still-unavailable", "Attack")
    house.running[name].fail("none")


@pytest.mark.parametrize("name", ["plug", "board", "lamp", "camera"])
def test_each_state_has_the_chain_of_its_file(house, name):
    site = house.site
    house.reset(name, **NORMAL[name])
    for state in site.api.get(f"/types/{DEVICES[name][0]}")["states"]:
        site.set_state(name, state["name"], reason="a test")
        house.wait_state(name, state["name"])
        hops = [hop["name"] for hop in state["hops"]]
        wait_for(lambda hops=hops: site.hops(name) == hops, timeout=60,
                 what=f"{name}: the chain of {state['name']}")
        site.wait_goal(name, "converged" if hops else "held", timeout=60)


def newest(house, name):
    sensors = house.site.api.get(f"/devices/{name}/telemetry")["sensors"]
    return {sensor["name"]: sensor["value"] for sensor in sensors}


def test_wemo_tells_all_its_values(house):
    house.reset("plug", **PLUG)
    wanted = {"isOn": True, "current_power": 12000, "today_on_time": 3600,
              "today_standby_time": 3600, "lastchange": 1600000000}
    wait_for(lambda: newest(house, "plug").items() >= wanted.items(), timeout=60, what="values")
    assert abs(newest(house, "plug")["today_kwh"] - 0.05) < 0.001


def test_udoo_tells_all_its_values(house):
    house.reset("board", **BOARD)
    axes = {f"{short}_{axis}": value for short, long in (
        ("acc", "accelerometer"), ("gyro", "gyroscope"), ("mag", "magnetometer"))
        for axis, value in zip("xyz", BOARD[long])}
    wait_for(lambda: newest(house, "board") == {**axes, "temperature": 21.5}, timeout=60,
             what="values")


@pytest.mark.parametrize("name, key, off, on", [("lamp", "on", [False], [True]),
                                                ("plug", "isOn", False, True)])
def test_an_operator_switches_it(house, name, key, off, on):
    device = house.running[name]
    house.reset(name, **{**NORMAL[name], key: off})
    for command, wanted in (("turn-on", on), ("turn-off", off)):
        done = house.site.daemon.kalkictl("device", "command", name, command)
        assert done.returncode == 0, done.stderr
        wait_for(lambda wanted=wanted: device.values[key] == wanted, timeout=60, what=command)


def test_motion_turns_the_lamp_on(house):
    house.reset("camera")
    house.reset("lamp", on=[False])
    house.running["camera"].do("motion")
    wait_for(lambda: house.running["lamp"].values["on"] == [True], timeout=60, what="the lamp")
    assert house.site.device_status("camera")["state"] == "Normal"


def test_a_thermostat_set_by_others_is_set_back(house):
    thermostat = house.running["thermostat"]
    thermostat.set(occupied_heating_setpoint=30)
    wait_for(lambda: thermostat.values["occupied_heating_setpoint"] == 20, timeout=60,
             what="the setting")
