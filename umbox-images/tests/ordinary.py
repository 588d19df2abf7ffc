"""An hour of what a camera in a home does, and what is done with it, as fast as it goes.

Web pages looked at, a video stream, DNS, NTP, mDNS, SSDP searches answered, MQTT keepalives, ping, ARP and
neighbour discovery, over real sockets; both ends are played here, one step after the other.
"""
import socket
import struct

from umbox_site import DEVICE_IP, DEVICE_IP6, NETWORK_IP, NETWORK_IP6, inside

TIMEOUT = 30
NAMES = ("api.camera.example", "time.camera.example", "cdn-eu7.camera.example", "pool.ntp.example",
         "firmware.camera.example", "d3k9x2.cloudnet.example")


def dns_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def dns_answer(query, address):
    """The query with one A record behind it."""
    return (query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + query[12:] + b"\xc0\x0c\0\1\0\1" +
            struct.pack("!IH", 60, 4) + socket.inet_aton(address))


class Ordinary:
    def __init__(self, site):
        self.site, self.sockets = site, []
        self.dns = self.udp("net", (NETWORK_IP, 53))
        self.ntp = self.udp("net", (NETWORK_IP, 123))
        self.six = self.udp("net", (NETWORK_IP6, 7777), socket.AF_INET6)
        self.search = self.udp("dev", ("239.255.255.250", 1900))
        self.search.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                               socket.inet_aton("239.255.255.250") + socket.inet_aton(DEVICE_IP))
        self.web = self.listener("dev", (DEVICE_IP, 80))
        self.stream = self.connect("net", self.listener("dev", (DEVICE_IP, 554)))
        self.broker = self.connect("dev", self.listener("net", (NETWORK_IP, 1883)))

    def end(self, role, family, kind):
        with inside(self.site.names[role]):
            made = socket.socket(family, kind)
        made.settimeout(TIMEOUT)
        self.sockets.append(made)
        return made

    def udp(self, role, address, family=socket.AF_INET):
        end = self.end(role, family, socket.SOCK_DGRAM)
        end.bind(address)
        return end

    def listener(self, role, address):
        end = self.end(role, socket.AF_INET, socket.SOCK_STREAM)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        end.bind(address)
        end.listen(1)
        return end

    def connect(self, role, listener):
        """Both ends of a new connection: who opened it, and who took it."""
        client = self.end(role, socket.AF_INET, socket.SOCK_STREAM)
        client.connect(listener.getsockname())
        server = listener.accept()[0]
        server.settimeout(TIMEOUT)
        self.sockets.append(server)
        return client, server

    def ask(self, server, question, answer, family=socket.AF_INET, port=0):
        """The device asks over UDP and is answered."""
        address = DEVICE_IP6 if family == socket.AF_INET6 else DEVICE_IP
        client = self.udp("dev", (address, port), family)
        client.sendto(question, server.getsockname())
        server.sendto(answer, server.recvfrom(2048)[1])
        assert client.recv(2048) == answer
        client.close()

    @staticmethod
    def say(sender, receiver, message):
        sender.sendall(message)
        left = len(message)
        while left:
            got = receiver.recv(left)
            assert got, "cut"
            left -= len(got)

    def page(self):
        client, server = self.connect("net", self.web)
        self.say(client, server, b"GET /status.html HTTP/1.1\r\nHost: camera\r\n\r\n")
        self.say(server, client, b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + bytes(9000))
        client.close()
        server.close()

    def resolve(self, name):
        query = b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + dns_name(name) + b"\0\1\0\1"
        self.ask(self.dns, query, dns_answer(query, "203.0.113.7"))

    def searched(self):
        """An app looks for cameras, each time from a new port."""
        app = self.udp("net", (NETWORK_IP, 0))
        app.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(NETWORK_IP))
        app.sendto(b"M-SEARCH * HTTP/1.1\r\nST: ssdp:all\r\n\r\n", ("239.255.255.250", 1900))
        self.search.recvfrom(2048)
        answer = self.udp("dev", (DEVICE_IP, 0))
        answer.sendto(b"HTTP/1.1 200 OK\r\n\r\n", app.getsockname())
        app.recv(2048)
        app.close()
        answer.close()

    def announce(self):
        end = self.udp("dev", (DEVICE_IP, 5353))
        end.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(DEVICE_IP))
        end.sendto(b"\0\0\x84\0\0\0\0\0\0\0\0\0", ("224.0.0.251", 5353))
        end.close()

    def forget_neighbours(self):
        for role, link in (("dev", "dev0"), ("net", "net0")):
            self.site.run(role, "ip", "neigh", "flush", "dev", link)
        self.site.run("net", "ping", "-c", "1", "-W", "10", DEVICE_IP)

    def minute(self, minute):
        self.page()
        self.resolve(NAMES[minute % len(NAMES)])
        self.say(*self.stream[::-1], bytes(50000))
        self.say(*self.broker, b"\xc0\0")
        self.say(*self.broker[::-1], b"\xd0\0")
        self.searched()
        self.announce()
        if minute % 15 == 0:
            self.ask(self.ntp, b"\x23" + bytes(47), b"\x24" + bytes(47), port=123)
            self.forget_neighbours()
            self.ask(self.six, b"?", b"!", socket.AF_INET6)

    def close(self):
        for end in self.sockets:
            end.close()


def ordinary_hour(site):
    """Every frame of it must have come through, or this fails."""
    ordinary = Ordinary(site)
    try:
        for minute in range(60):
            ordinary.minute(minute)
    finally:
        ordinary.close()
