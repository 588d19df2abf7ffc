# SPDX-License-Identifier: GPL-2.0-or-later
"""A small site: devices and network hosts in namespaces, a daemon between them.

    device namespaces          kalkid's namespace             network side
    cam1 eth0 ---- <tag>d0 ==> device port | network port <== <tag>up ---- bridge ---- host eth0
    cam2 eth0 ---- <tag>d1 ==> device port |                               in namespace net

Each device has a port of its own, unless it is put behind a shared one (`shared=True`): then a
bridge stands between, as in a switch.

The daemon runs in the machine's own namespace; with `own_machine` it gets one of its own, where a
host leg with the first address of the network cannot be in anybody's way.
"""
import itertools
import json
import os
import shutil
import signal

from . import net
from .daemon import PATIENCE, Kalkid, wait_for
from .policies import PUPPET

_numbers = itertools.count(1)

NETWORK = "10.20.0"
NETWORK6 = "fd20::"


class Host:
    """A namespace with one interface `eth0`: a device or somebody in the network."""

    def __init__(self, ns, name, mac, address, address6):
        self.ns, self.name, self.mac, self.ip, self.ip6 = ns, name, mac, address, address6

    def ping(self, other, **options):
        return net.ping(self.ns, getattr(other, "ip", other), **options)

    def ping6(self, other, **options):
        return net.ping(self.ns, getattr(other, "ip6", other), **options)

    def reach(self, other):
        """Waits until a ping comes back: much may be on its way on a loaded machine."""
        wait_for(lambda: self.ping(other), what=f"{self.name}: a ping")

    def reach6(self, other):
        wait_for(lambda: self.ping6(other), what=f"{self.name}: a ping over IPv6")

    def run(self, *command, **options):
        return net.run_in(self.ns, *command, **options)

    def start(self, *command, **options):
        return net.start_in(self.ns, *command, **options)

    def knows(self, *others):
        """Fixed neighbours: no ARP and no discovery disturbs a count of frames."""
        for other in others:
            net.ip("neigh", "replace", other.ip, "lladdr", other.mac, "dev", "eth0", "nud",
                   "permanent", ns=self.ns)


class Site:
    def __init__(self, root, engine, tag=None, own_machine=False):
        self.tag = tag or f"kt{os.getpid() % 0x1000:03x}{next(_numbers):02}"
        self.root = str(root)
        self.engine = engine
        self.devices, self.hosts, self.ports = {}, {}, []
        self.machine = f"{self.tag}-machine" if own_machine else None
        self.daemon = Kalkid(self.root, ns=self.machine)
        self.types, self.wireless = [], []
        self.settings, self.plane_settings = {}, {}
        self.data_plane = self.tag + "-kalki"
        self.host_leg, self.address = self.tag + "h", f"{NETWORK}.1"
        for folder in ("etc/kalki/types.d", "etc/kalki/devices.d", "etc/kalki/conf.d",
                       "var/lib/kalki", "run/kalki"):
            os.makedirs(os.path.join(self.root, folder), exist_ok=True)
        self._shared = None
        self._namespaces = []
        try:
            self._build_network()
        except RuntimeError:
            self.remove_all()
            raise

    # --- the wires ---

    def _namespace(self, name):
        ns = f"{self.tag}-{name}"
        net.add_namespace(ns)
        self._namespaces.append(ns)
        return ns

    def _build_network(self):
        if self.machine:
            self._namespace("machine")
        self.network_ns = self._namespace("net")
        self.network_port = self.tag + "up"
        net.ip_batch([f"link add {self.network_port} type veth peer name uplink "
                      f"netns {self.network_ns}", f"link set {self.network_port} up"], ns=self.machine)
        net.ip_batch(["link add br0 type bridge forward_delay 0 mcast_snooping 0",
                      "link set br0 up", "link set uplink master br0 up"], ns=self.network_ns)

    def add_host(self, name, number=None):
        """A host on the network side."""
        number = number or 100 + len(self.hosts)
        ns = self._namespace(name)
        host = Host(ns, name, f"02:00:00:00:ff:{number:02x}", f"{NETWORK}.{number}",
                    f"{NETWORK6}{number:x}")
        net.ip_batch([f"link add h{number} type veth peer name eth0 address {host.mac} netns {ns}",
                      f"link set h{number} master br0 up"], ns=self.network_ns)
        self._address(host)
        self.hosts[name] = host
        return host

    def _address(self, host):
        net.ip_batch([f"address add {host.ip}/24 dev eth0",
                      f"address add {host.ip6}/64 dev eth0 nodad", "link set eth0 up"], ns=host.ns)

    def add_device(self, name, type_name, enrol=True, shared=False, **fields):
        """A device in a namespace; enrolled by devices.d unless told otherwise."""
        number = 10 + len(self.devices)
        ns = self._namespace(name)
        device = Host(ns, name, f"02:00:00:00:0a:{number:02x}", f"{NETWORK}.{number}",
                      f"{NETWORK6}{number:x}")
        device.port = self._shared_port() if shared else self._own_port(device)
        if shared:
            net.ip_batch([f"link add s{number} type veth peer name eth0 address {device.mac} "
                          f"netns {ns}", f"link set s{number} master br0 up"], ns=self._shared)
        self._address(device)
        device.enrolment = dict({"name": name, "type": type_name, "port": device.port,
                                 "mac": device.mac, "ips": [device.ip, device.ip6]}, **fields)
        device.enrolled = enrol
        self.devices[name] = device
        return device

    def add_devices_without_wires(self, count, type_name):
        """Enrolments that nobody is behind: for numbers, not for traffic."""
        port = self._shared_port()
        names = [f"dev{number}" for number in range(count)]
        self.wireless = [{"name": name, "type": type_name, "port": port,
                          "mac": f"02:00:00:01:{number >> 8:02x}:{number & 255:02x}",
                          "ips": [f"10.21.{number >> 8}.{number & 255}"]}
                         for number, name in enumerate(names)]
        return names

    def add_enrolment(self, name, type_name, **fields):
        """A device that nobody is behind: for decisions and chains, not for traffic."""
        number = len(self.wireless)
        self.wireless.append({"name": name, "type": type_name, "port": self._shared_port(),
                              "mac": f"02:00:00:00:0c:{number:02x}", "ips": [f"10.22.0.{number}"],
                              **fields})

    def _own_port(self, device):
        port = f"{self.tag}d{len(self.ports)}"
        net.ip_batch([f"link add {port} type veth peer name eth0 address {device.mac} "
                      f"netns {device.ns}", f"link set {port} up"], ns=self.machine)
        self.ports.append(port)
        return port

    def _shared_port(self):
        if self._shared:
            return self.tag + "ds"
        self._shared = self._namespace("shared")
        port = self.tag + "ds"
        net.ip_batch([f"link add {port} type veth peer name uplink netns {self._shared}",
                      f"link set {port} up"], ns=self.machine)
        net.ip_batch(["link add br0 type bridge forward_delay 0 mcast_snooping 0",
                      "link set br0 up", "link set uplink master br0 up"], ns=self._shared)
        self.ports.append(port)
        return port

    # --- the files ---

    def put_secret(self, name, text):
        """A credential under etc/kalki/secrets."""
        folder = os.path.join(self.root, "etc/kalki/secrets")
        os.makedirs(folder, mode=0o700, exist_ok=True)
        with open(os.path.join(folder, name), "w", encoding="ascii",
                  opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(text)

    def write(self, path, value):
        """A file under ROOT/etc/kalki; JSON is YAML too."""
        text = value if isinstance(value, str) else json.dumps(value, indent=1)
        with open(os.path.join(self.root, "etc/kalki", path), "w", encoding="utf-8") as file:
            file.write(text)

    def write_files(self):
        config = {
            "instance": self.tag,
            "data_plane": {
                "namespace": self.data_plane,
                "device_ports": [{"name": port} for port in self.ports],
                "network_port": self.network_port,
                **self.plane_settings,
            },
            "docker": {"socket": self.engine.socket},
        }
        if self.machine:
            config["data_plane"].setdefault("host_leg", {
                "name": self.host_leg, "addresses": [f"{self.address}/24"]})
        config.update(self.settings)
        self.write("kalkid.yaml", config)
        for type_ in self.types:
            self.write(f"types.d/{type_['type']}.yaml", type_)
        self.write("devices.d/site.yaml", [device.enrolment for device in self.devices.values()
                                           if device.enrolled] + self.wireless)

    def start(self, wait=True):
        """Writes the files, starts the daemon, waits until every device is as it should be."""
        self.write_files()
        self.daemon.start()
        if wait:
            self.wait_settled()

    @property
    def api(self):
        return self.daemon.api

    def device_status(self, name):
        return self.api.get(f"/devices/{name}")

    def wait_goal(self, name, *goals, timeout=PATIENCE):
        """Waits until the device stands at one of the goals, in the newest generation."""
        def reached():
            status = self.device_status(name)
            return status["goal"] in goals and (
                status["generation"] == status["generation_reached"]) and status
        return wait_for(reached, timeout=timeout, what=f"{name}: {' or '.join(goals)}")

    def wait_settled(self, timeout=PATIENCE):
        wanted = len(self.wireless) + sum(device.enrolled for device in self.devices.values())
        wait_for(lambda: self.api.get("/status")["chains"]["converged"] == wanted,
                 timeout=timeout, what="every chain")

    def set_state(self, name, state, **body):
        return self.api.post(f"/devices/{name}/state", {"state": state, **body})

    def reload(self):
        """The files as they are now, for the daemon that runs."""
        before = self.daemon.log_text().count("reloaded")
        self.write_files()
        self.daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.daemon.log_text().count("reloaded") > before, what="a reload")

    def hops(self, name):
        """Names of the hops that are in force, the device's side first."""
        hops = [hop for hop in self.api.get(f"/devices/{name}/chain")["hops"]
                if hop["role"] == "in_force"]
        return [hop["name"] for hop in sorted(hops, key=lambda hop: hop["position"])]

    def raise_alert(self, name, number=0):
        """The puppet in the device's chain raises the `number`-th type of its `alerts`."""
        umbox = next(hop["umbox"] for hop in self.api.get(f"/devices/{name}/chain")["hops"]
                     if hop["role"] == "in_force" and hop["image"] == PUPPET)
        container, = self.engine.containers(**{"org.kalki.instance": self.tag,
                                               "org.kalki.umbox": umbox})
        self.engine.request("POST", f"/containers/{container['Id']}/kill?signal="
                                    f"{signal.SIGRTMIN + number}")

    def assert_replay_is_alike(self, *names):
        """What was recorded, given to the policy again, leads each device (of the type of that name) to the
        same states."""
        recorded = self.daemon.kalkictl("event", "-o", "jsonl", "--kind", "alert,sensor,transition", "-n", "100000")
        history = os.path.join(self.root, "history.jsonl")
        with open(history, "w", encoding="utf-8") as file:
            file.write(recorded.stdout)
        for name in names:
            policy = os.path.join(self.root, f"etc/kalki/types.d/{name}.yaml")
            done = self.daemon.kalkictl("policy", "replay", policy, history, "--device", name, "--detailed-exitcode")
            assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
            assert "of 1 devices would have moved; 0 otherwise than they did" in done.stdout, name

    # --- the end ---

    def leftovers(self):
        """What of this site is still on the machine: nothing, after a teardown."""
        links = net.links(self.machine)
        left = [f"interface {name}" for name in links
                if name.startswith(self.tag) and name not in self.ports
                and name != self.network_port]
        left += [f"namespace {name}" for name in net.namespaces() if name == self.data_plane]
        left += [f"container {container['Names'][0]}" for container in self.engine.containers()
                 if self.tag in container["Labels"].values()]
        missing = [port for port in (*self.ports, self.network_port) if port not in links]
        left += [f"port {port} was not given back" for port in missing]
        return left

    def close(self):
        """Ends everything; whatever is wrong then is the test's failure."""
        trouble = []
        try:
            self.daemon.stop()
        except Exception as error:  # a failing daemon must not keep the machine dirty
            trouble.append(f"stop: {error}")
            self.daemon.kill()
        try:
            self.daemon.teardown()
            trouble += self.leftovers()
        except Exception as error:
            trouble.append(f"teardown: {error}")
        trouble += self.daemon.crashes()
        self.remove_all()
        assert not trouble, "\n".join(trouble) + "\n--- log\n" + self.daemon.log_tail()

    def remove_all(self):
        """Removes what a failing daemon may have left, then the wires."""
        for container in self.engine.containers():
            if self.tag in container["Labels"].values():
                try:
                    self.engine.request("DELETE", f"/containers/{container['Id']}?force=1")
                except (OSError, RuntimeError):
                    pass
        for ns in net.namespaces():
            if ns.startswith(self.tag + "-"):
                net.run("ip", "netns", "del", ns, check=False)
        for name in net.links():
            if name.startswith(self.tag):
                net.run("ip", "link", "del", name, check=False)

    def remove_root(self):
        shutil.rmtree(self.root, ignore_errors=True)
