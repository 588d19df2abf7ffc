# SPDX-License-Identifier: GPL-2.0-or-later
"""What the operator is told about files that are wrong: all of it at once, with its place."""
import os

import pytest

from harness.daemon import Kalkid

GOOD = {
    "kalkid.yaml": """instance: check
data_plane:
  device_ports:
    - name: iot0
  network_port: eth1
""",
    "types.d/camera.yaml": """type: camera
states:
  Normal:
    chain:
      - {name: brute-force, image: 'kalki/brute-force:1', parameters: {attempts: 5}}
  Attack:
    {chain: block, final: true}
rules:
  - {name: guessing, from: [Normal], when: 'alert("brute-force", within: 10m)', to: Attack}
""",
    "devices.d/site.yaml": """- name: cam1
  type: camera
  port: iot0
  mac: 02:00:00:00:0a:01
  ips: [10.20.0.11]
""",
}


@pytest.fixture
def check(tmp_path):
    """Writes the good files, with one text in one of them replaced, and checks them."""
    def body(file=None, old="", new="", more=None):
        for name, text in {**GOOD, **(more or {})}.items():
            if name == file:
                assert old in text
                text = text.replace(old, new) if old else new
            path = tmp_path / "etc/kalki" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        code, words = Kalkid(tmp_path).check()
        return code, words.replace(str(tmp_path / "etc/kalki") + "/", "")
    return body


def test_good_files(check):
    assert check() == (0, "1 types, 1 devices: all well\n")


CONFIG, TYPE, DEVICES = GOOD

WRONG = [
    # The reader itself.
    (CONFIG, "instance: check", "instance: &a check",
     "kalkid.yaml:1:11: anchors are not allowed (write the value out)"),
    (CONFIG, "instance: check", "instance: check\ninstance: twice",
     "kalkid.yaml:2:1: instance: this key is already there, in line 1"),
    (CONFIG, "instance: check", "instance: yes",
     "kalkid.yaml:1:11: instance: readers of YAML disagree about this word: yes (write true, "),
    (CONFIG, "instance: check", "instance: [check",
     "kalkid.yaml:2:11: instance: did not find expected ',' or ']'"),
    # kalkid.yaml.
    (CONFIG, "instance: check", "instance: check\ndocker: {sokket: /run/x}",
     "kalkid.yaml:2:10: docker.sokket: unknown key (did you mean 'socket'?)"),
    (CONFIG, "    - name: iot0\n", "    - name: iot0\n    - name: iot0\n",
     "kalkid.yaml:5:7: data_plane.device_ports[1]: 'iot0' is there before (each port once)"),
    (CONFIG, "network_port: eth1",
     "network_port: eth1\n  host_leg: {name: kalki0, addresses: [10.20.0.11/24]}",
     "devices.d/site.yaml:5:8: [0].ips: the address 10.20.0.11 is the host leg's (another address)"),
    (CONFIG, "network_port: eth1", "network_port: a-name-that-is-too-long",
     "kalkid.yaml:5:17: data_plane.network_port: 'a-name-that-is-too-long' is no name of a network "
     "interface (at most 15 letters, digits and -_.@)"),
    (CONFIG, "  network_port: eth1\n", "",
     "kalkid.yaml:1:1: data_plane: devices have no way out (network_port: an interface, or "
     "host_leg: {name: a link to this machine})"),
    (CONFIG, "network_port: eth1", "network_port: iot0",
     "kalkid.yaml:1:1: data_plane.device_ports: 'iot0' is the network port too (one or the other)"),
    (CONFIG, "instance: check", "umbox: {ready_timeout: soon}",
     "kalkid.yaml:1:24: umbox.ready_timeout: 'soon' is no duration (write 500ms, 10s, 1h30m, 2d)"),
    (CONFIG, "instance: check", "history: {max_bytes: 1KiB}",
     "kalkid.yaml:1:22: history.max_bytes: is out of range (1MiB to 1TiB)"),
    # A device type.
    (TYPE, "to: Attack", "to: Atack",
     "types.d/camera.yaml:9:85: rules[0].to: no state 'Atack' (did you mean 'Attack'?)"),
    (TYPE, 'alert("brute-force", within: 10m)', 'allert("brute-force")',
     "types.d/camera.yaml:9:45: rules[0].when: no function 'allert' (did you mean 'alert'?)"),
    (TYPE, 'alert("brute-force", within: 10m)', 'count("brute-force", within: 10m)',
     "types.d/camera.yaml:9:45: rules[0].when: a condition is true or false; this is of type number (compare it)"),
    (TYPE, "chain: block", "chain: nothing",
     "types.d/camera.yaml:7:13: states.Attack.chain: is no chain (a list of hops, pass or block)"),
    (TYPE, "image: 'kalki/brute-force:1'", "image: 'Kalki/Brute Force'",
     "types.d/camera.yaml:5:36: states.Normal.chain[0].image: 'Kalki/Brute Force' is no image"),
    # Devices.
    (DEVICES, "mac: 02:00:00:00:0a:01", "mac: 02:00:00:00:0a",
     "devices.d/site.yaml:4:8: [0].mac: '02:00:00:00:0a' is no MAC address (six pairs of hex digits, "
     "like 02:00:00:00:0a:01)"),
    (DEVICES, "mac: 02:00:00:00:0a:01", "mac: 03:00:00:00:0a:01",
     "devices.d/site.yaml:4:8: [0].mac: '03:00:00:00:0a:01' is a multicast address, not a device's"),
    (DEVICES, "10.20.0.11", "10.20.0.256",
     "devices.d/site.yaml:5:9: [0].ips[0]: '10.20.0.256' is no IP address (like 192.0.2.7 or "
     "2001:db8::7)"),
    (DEVICES, "type: camera", "type: camra",
     "devices.d/site.yaml:2:9: [0].type: no device type 'camra' (did you mean 'camera'?)"),
    (DEVICES, "port: iot0", "port: iot1",
     "devices.d/site.yaml:3:9: [0].port: no device port 'iot1' (did you mean 'iot0'?)"),
    (DEVICES, "", GOOD["devices.d/site.yaml"] + GOOD["devices.d/site.yaml"].replace("cam1", "cam2"),
     "devices.d/site.yaml:9:8: [1].mac: the MAC address 02:00:00:00:0a:01 is that of device 'cam1'"),
]


@pytest.mark.parametrize("file, old, new, words", WRONG)
def test_wrong_files(check, file, old, new, words):
    code, said = check(file, old, new)
    assert (code, said.splitlines()[0][:len(words)]) == (6, words), said


def test_all_errors_of_all_files_at_once(check):
    code, said = check(TYPE, "type: camera", "typ: camera", more={
        "devices.d/a.yaml": "- {name: x, type: lamp, port: iot0, mac: nonsense}\n",
        "conf.d/z.yaml": "colour: red\n"})
    assert code == 6
    files = {line.split(":")[0] for line in said.splitlines()}
    assert files >= {"types.d/camera.yaml", "devices.d/a.yaml", "conf.d/z.yaml"}, said


def test_no_files_at_all(tmp_path):
    code, said = Kalkid(tmp_path).check()
    assert code == 6
    assert os.path.join(str(tmp_path), "etc/kalki/kalkid.yaml") in said
