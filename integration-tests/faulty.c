/* SPDX-License-Identifier: GPL-2.0-or-later */
/* faulty.c - a small umbox without the kit that keeps the contract, or breaks it in one point: for
 * the test of the tester.
 *
 * Its parameter "fault" names the point: see FAULTS.  Without it every check must pass. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { IN, OUT, SIDES };
enum { HEARTBEAT_MS = 2000, AGAIN_MS = 200, LEAK_MS = 1500, TAG = 4, ROOM = 70000 };

enum fault {
	NO_FAULT,
	LEAKS,       /* forwards before it says ready */
	WRONG_SUM,   /* damages the checksum of UDP */
	WRONG_MAC,   /* sends what the device says with a MAC of its own */
	STRIPS_VLAN, /* loses VLAN tags */
	CUTS,        /* forwards nothing above 1000 bytes */
	DOUBLES,     /* sends one frame in ten twice */
	REORDERS,    /* every other frame waits for the next */
	HOLDS,       /* keeps each frame for 100 ms */
	NO_GSO,      /* drops what is larger than the MTU */
	FORGES,      /* sends frames in another's name */
	UNDERCOUNTS, /* drops IPv6 and does not count it */
	MUTE,        /* no heartbeats */
	BABBLES,     /* lines that are no alerts */
	FLOODS,      /* thousands of alerts */
	BLOCKS,      /* waits until what it says is read */
	GIVES_UP,    /* does not connect again */
	LINGERS,     /* ends slowly after SIGTERM */
	CLINGS,      /* lives on without a leg */
	CRASHES,     /* ends in a flood */
	HASTY,       /* says ready before it has its legs */
	DEAF,        /* ready, and lets nothing through */
	FAULT_COUNT,
};

static const char *const FAULTS[FAULT_COUNT] = {
	"none",    "leaks",    "wrong-sum", "wrong-mac", "strips-vlan", "cuts",
	"doubles", "reorders", "holds",     "no-gso",    "forges",      "undercounts",
	"mute",    "babbles",  "floods",    "blocks",    "gives-up",    "lingers",
	"clings",  "crashes",  "hasty",     "deaf",
};

struct frame {
	struct virtio_net_hdr offload;
	uint8_t bytes[ROOM];
	size_t count;
};

static enum fault fault;
static int leg[SIDES] = {-1, -1}, control = -1;
static bool ready, was_connected;
static uint64_t passed, dropped;
static struct frame frame, waiting[SIDES];
static volatile sig_atomic_t stopped;

static int64_t now_ms(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void sleep_ms(int ms)
{
	poll(NULL, 0, ms);
}

static void on_sigterm(int number)
{
	(void)number;
	stopped = 1;
}

static void read_fault(void)
{
	static char text[16384], wanted[64];
	FILE *file = fopen("/run/kalki/umbox.json", "r");
	if (!file || fread(text, 1, sizeof(text) - 1, file) == 0)
		exit(1);
	fclose(file);
	for (int i = 0; i < FAULT_COUNT; i++) {
		snprintf(wanted, sizeof(wanted), "\"fault\":\"%s\"", FAULTS[i]);
		if (strstr(text, wanted))
			fault = (enum fault)i;
	}
}

/* --- what it says --- */

/* What finds no room is lost: nothing here is worth waiting for. */
static void say(const char *line)
{
	int flags = MSG_NOSIGNAL | (fault == BLOCKS ? 0 : MSG_DONTWAIT);
	if (control < 0 || send(control, line, strlen(line), flags) >= 0 || errno == EAGAIN)
		return;
	close(control);
	control = -1;
}

static void join_daemon(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/kalki/control.sock"};
	char byte;
	if (control >= 0 && recv(control, &byte, 1, MSG_DONTWAIT) == 0) {
		close(control);
		control = -1;
	}
	if (control >= 0 || (fault == GIVES_UP && was_connected))
		return;
	control = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(control, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(control);
		control = -1;
		return;
	}
	was_connected = true;
	if (ready || fault == HASTY)
		say("{\"kalki\":\"ready\"}\n");
}

static void speak(void)
{
	static int64_t again_ms, heartbeat_ms;
	char line[160];
	if (now_ms() >= again_ms) {
		join_daemon();
		again_ms = now_ms() + AGAIN_MS;
	}
	if (control < 0 || now_ms() < heartbeat_ms || fault == MUTE)
		return;
	heartbeat_ms = now_ms() + HEARTBEAT_MS;
	snprintf(line, sizeof(line),
		 "{\"kalki\":\"heartbeat\",\"counters\":{\"passed\":%llu,\"dropped\":%llu}}\n",
		 (unsigned long long)passed, (unsigned long long)dropped);
	say(line);
}

static void say_badly(void)
{
	if (fault == BABBLES)
		say("{\"kalki\":\"alert\",\"severity\":\"worst\"}\n");
	for (int i = 0; fault == FLOODS && i < 200; i++)
		say("{\"kalki\":\"alert\",\"type\":\"flood\"}\n");
}

/* --- frames --- */

static int open_leg(const char *name)
{
	int one = 1;
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(name),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		exit(2); /* without NET_RAW */
	setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one));
	setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one));
	setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	if (!address.sll_ifindex || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Once both are there. */
static bool open_legs(void)
{
	static const char *const names[SIDES] = {"in", "out"};
	for (int side = 0; side < SIDES; side++) {
		if (leg[side] < 0 && if_nametoindex(names[side]))
			leg[side] = open_leg(names[side]);
	}
	return leg[IN] >= 0 && leg[OUT] >= 0;
}

static bool has_leg(const char *name)
{
	return fault == CLINGS || if_nametoindex(name);
}

static void put_tag_back(const struct tpacket_auxdata *status)
{
	if (!(status->tp_status & TP_STATUS_VLAN_VALID) || fault == STRIPS_VLAN)
		return;
	uint16_t tag[2] = {htons(status->tp_vlan_tpid), htons(status->tp_vlan_tci)};
	memmove(frame.bytes + 12 + TAG, frame.bytes + 12, frame.count - 12);
	memcpy(frame.bytes + 12, tag, TAG);
	frame.count += TAG;
}

static bool receive(int side)
{
	struct iovec parts[] = {{&frame.offload, sizeof(frame.offload)},
				{frame.bytes, sizeof(frame.bytes) - TAG}};
	_Alignas(struct cmsghdr) char room[256];
	struct msghdr message = {.msg_iov = parts,
				 .msg_iovlen = 2,
				 .msg_control = room,
				 .msg_controllen = sizeof(room)};
	ssize_t got = recvmsg(leg[side], &message, 0);
	if (got < (ssize_t)sizeof(frame.offload) + 14)
		return false;
	frame.count = (size_t)got - sizeof(frame.offload);
	for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part;
	     part = CMSG_NXTHDR(&message, part)) {
		struct tpacket_auxdata status;
		if (part->cmsg_level != SOL_PACKET || part->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&status, CMSG_DATA(part), sizeof(status));
		put_tag_back(&status);
	}
	return true;
}

static void transmit(int side, const struct frame *what)
{
	struct iovec parts[] = {{(void *)&what->offload, sizeof(what->offload)},
				{(void *)what->bytes, what->count}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	passed += sendmsg(leg[side], &message, 0) > 0;
}

static bool is_udp(void)
{
	return frame.count > 42 && frame.bytes[12] == 8 && frame.bytes[13] == 0 &&
	       frame.bytes[14] == 0x45 && frame.bytes[23] == IPPROTO_UDP;
}

/* Whether the frame is still to be sent on. */
static bool spoil(int from, int to)
{
	static uint64_t number;
	number++;
	switch (fault) {
	case WRONG_SUM: frame.bytes[40] ^= is_udp() ? 0x55 : 0; break;
	case WRONG_MAC: frame.bytes[11] ^= from == IN ? 0x55 : 0; break;
	case CUTS: return frame.count <= 1000;
	case NO_GSO: return frame.count <= 1600;
	case DEAF: return false;
	case UNDERCOUNTS: return frame.bytes[12] != 0x86;
	case HOLDS: sleep_ms(100); break;
	case DOUBLES:
		if (number % 10 == 0)
			transmit(to, &frame);
		break;
	case REORDERS:
		if (frame.count > 1600)
			break;
		if (!waiting[to].count) {
			waiting[to] = frame;
			return false;
		}
		transmit(to, &frame);
		transmit(to, &waiting[to]);
		waiting[to].count = 0;
		return false;
	case FORGES:
		if (number % 10 == 0) {
			struct frame forged = {.count = 60};
			memcpy(forged.bytes, frame.bytes, 12);
			forged.bytes[6] ^= 0x44;
			transmit(OUT, &forged);
		}
		break;
	case CRASHES:
		if (number > 2500)
			abort();
		break;
	default: break;
	}
	return true;
}

static void forward(int from)
{
	while (leg[from] >= 0 && receive(from)) {
		if (spoil(from, !from))
			transmit(!from, &frame);
		if (fault == HOLDS)
			return; /* the other side waits as well */
	}
}

/* What waited for a next frame that did not come. */
static void send_waiting(void)
{
	for (int side = 0; side < SIDES; side++) {
		if (waiting[side].count)
			transmit(side, &waiting[side]);
		waiting[side].count = 0;
	}
}

static void wait_for_something(void)
{
	struct pollfd ends[] = {{.fd = leg[IN], .events = POLLIN},
				{.fd = leg[OUT], .events = POLLIN}};
	if (poll(ends, 2, 50) == 0)
		send_waiting();
}

int main(void)
{
	int64_t legs_ms = 0;
	signal(SIGTERM, on_sigterm);
	signal(SIGPIPE, SIG_IGN);
	read_fault();
	while (!stopped) {
		speak();
		if (!open_legs()) {
			sleep_ms(20);
			continue;
		}
		legs_ms = legs_ms ? legs_ms : now_ms();
		if (!ready && (fault != LEAKS || now_ms() > legs_ms + LEAK_MS)) {
			ready = true;
			say("{\"kalki\":\"ready\"}\n");
		}
		wait_for_something();
		if (!has_leg("in") || !has_leg("out"))
			return 1;
		forward(IN);
		forward(OUT);
		say_badly();
	}
	sleep_ms(fault == LINGERS ? 5000 : 0);
	return 0;
}
