/* SPDX-License-Identifier: GPL-2.0-or-later */
/* testbed.c - see testbed.h. */
#include "testbed.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <linux/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/namespace.h"

enum { COMMAND_BYTES = 8192, SKIPPED = 77, SEND_WAIT_MS = 60000, CROSSINGS_MAX = 64 };

static void check(bool well, const char *what, const char *words)
{
	if (well)
		return;
	fprintf(stderr, "testbed: %s: %s\n", what, words);
	abort();
}

void bed_enter(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNET | CLONE_NEWNS) < 0) {
		printf("1..0 # SKIP needs root\n");
		exit(SKIPPED);
	}
	check(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private mounts", "/");
	if (access("/run/netns", F_OK) < 0)
		bed_run(-1, "mkdir -p /run/netns");
	check(mount("none", "/run/netns", "tmpfs", 0, NULL) == 0, "mount", "/run/netns");
	/* What the kernel says of itself would be counted with the tests' frames. */
	bed_run(-1, "ip link set lo up; sysctl -qw net.ipv6.conf.all.disable_ipv6=1 "
		    "net.ipv6.conf.default.disable_ipv6=1");
}

int bed_namespace(void)
{
	cleanup_close int home = -1;
	int fd = -1;
	check(namespace_open_pid(&home, getpid(), NULL) == 0, "namespace", "home");
	check(unshare(CLONE_NEWNET) == 0, "unshare", "network");
	/* The thread's own, which is not what the process's first thread would show. */
	check(namespace_open_pid(&fd, gettid(), NULL) == 0, "namespace", "new");
	check(setns(home, CLONE_NEWNET) == 0, "setns", "home");
	check(namespace_disable_ipv6(fd, NULL) == 0, "namespace", "IPv6");
	bed_run(fd, "ip link set lo up");
	return fd;
}

static int run(int netns, const char *format, va_list args)
{
	char command[COMMAND_BYTES], inside[COMMAND_BYTES + 128];
	vsnprintf(command, sizeof(command), format, args);
	FILE *script = tmpfile();
	check(script != NULL, "temporary file", "");
	fputs(command, script);
	fflush(script);
	if (netns < 0)
		snprintf(inside, sizeof(inside), "sh -e /proc/%d/fd/%d", getpid(), fileno(script));
	else
		snprintf(inside, sizeof(inside),
			 "nsenter --net=/proc/%d/fd/%d sh -e /proc/%d/fd/%d", getpid(), netns,
			 getpid(), fileno(script));
	int status = system(inside);
	fclose(script);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int bed_try(int netns, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int status = run(netns, format, args);
	va_end(args);
	return status;
}

void bed_run(int netns, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	check(run(netns, format, args) == 0, "command", format);
	va_end(args);
}

void bed_pair(int netns, const char *name, int peer_netns, const char *peer)
{
	char place[64] = "";
	if (peer_netns >= 0)
		snprintf(place, sizeof(place), "netns /proc/%d/fd/%d", getpid(), peer_netns);
	bed_run(netns, "ip link add %s type veth peer name %s %s; ip link set %s up", name, peer,
		place, name);
	bed_run(peer_netns >= 0 ? peer_netns : netns, "ip link set %s up", peer);
}

struct binding {
	const char *interface;
	int fd;
};

static int bind_packet(void *data, struct error *err)
{
	struct binding *binding = data;
	binding->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	struct sockaddr_ll address = {.sll_family = AF_PACKET,
				      .sll_protocol = htons(ETH_P_ALL),
				      .sll_ifindex = (int)if_nametoindex(binding->interface)};
	int one = 1, room = 8 * 1024 * 1024;
	setsockopt(binding->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	setsockopt(binding->fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one));
	setsockopt(binding->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (!address.sll_ifindex ||
	    bind(binding->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return error_errno(err, -errno, "%s", binding->interface);
	return 0;
}

int bed_packet_socket(int netns, const char *interface)
{
	struct binding binding = {.interface = interface};
	struct error err = {0};
	int r = netns < 0 ? bind_packet(&binding, &err)
			  : namespace_run(netns, bind_packet, &binding, &err);
	check(r == 0, "packet socket", err.text);
	return binding.fd;
}

static void open_umbox(struct bed_umbox *umbox, struct link *link, struct nft *nft, uint32_t id,
		       unsigned mark, bool direct)
{
	struct error err = {0};
	char set[64] = "";
	umbox->id = id;
	umbox->netns = bed_namespace();
	const struct leg_options options = {.netns = umbox->netns, .direct = direct};
	check(link_add_legs(link, id, &options, &err) == 0, "legs", err.text);
	check(nft_hook_legs(nft, id, &err) == 0, "hooks", err.text);
	if (mark)
		snprintf(set, sizeof(set), "udp dport 7777 @th,%u,8 set 1", 64 + 8 * mark);
	bed_run(umbox->netns,
		"nft -f - <<EOF\n"
		"table netdev forward {\n"
		"chain in { type filter hook ingress device in priority 0; policy drop;\n"
		"%s\nfwd to out\n}\n"
		"chain out { type filter hook ingress device out priority 0; policy drop;\n"
		"%s\nfwd to in\n}\n"
		"}\nEOF\n",
		set, set);
}

void bed_umbox_open(struct bed_umbox *umbox, struct link *link, struct nft *nft, uint32_t id,
		    unsigned mark)
{
	open_umbox(umbox, link, nft, id, mark, false);
}

void bed_umbox_open_direct(struct bed_umbox *umbox, struct link *link, struct nft *nft, uint32_t id,
			   unsigned mark)
{
	open_umbox(umbox, link, nft, id, mark, true);
}

void bed_umbox_close(struct bed_umbox *umbox, struct link *link, struct nft *nft)
{
	struct error err = {0};
	check(nft_unhook_legs(nft, umbox->id, &err) == 0, "unhook", err.text);
	check(link_remove_legs(link, umbox->id, &err) == 0, "legs", err.text);
	close(umbox->netns);
}

struct mac bed_mac(unsigned number)
{
	return (struct mac){{2, 0, 0, 0, (uint8_t)(number >> 8), (uint8_t)number}};
}

const struct mac bed_broadcast = {{255, 255, 255, 255, 255, 255}};

static void add(struct bed_frame *frame, const void *bytes, size_t count)
{
	check(frame->length + count <= sizeof(frame->bytes), "frame", "too long");
	memcpy(frame->bytes + frame->length, bytes, count);
	frame->length += count;
}

static void add_ethernet(struct bed_frame *frame, const struct mac *from, const struct mac *to,
			 uint16_t type)
{
	struct ether_header header = {.ether_type = htons(type)};
	memcpy(header.ether_dhost, to, sizeof(*to));
	memcpy(header.ether_shost, from, sizeof(*from));
	frame->length = 0;
	add(frame, &header, sizeof(header));
}

static uint32_t sum(uint32_t start, const void *bytes, size_t count)
{
	const uint8_t *byte = bytes;
	for (size_t i = 0; i < count; i++)
		start += i & 1 ? byte[i] : (uint32_t)byte[i] << 8;
	return start;
}

static uint16_t fold(uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return htons((uint16_t)~total);
}

/* Writes the IPv4 or IPv6 header for `length` bytes that follow. */
static void add_ip(struct bed_frame *frame, const char *from, const char *to, uint8_t protocol,
		   size_t length)
{
	if (!strchr(from, ':')) {
		struct iphdr header = {.version = 4, .ihl = 5, .ttl = 64, .protocol = protocol};
		header.tot_len = htons((uint16_t)(sizeof(header) + length));
		inet_pton(AF_INET, from, &header.saddr);
		inet_pton(AF_INET, to, &header.daddr);
		header.check = fold(sum(0, &header, sizeof(header)));
		add(frame, &header, sizeof(header));
		return;
	}
	struct ip6_hdr header = {0};
	header.ip6_flow = htonl(6u << 28);
	header.ip6_plen = htons((uint16_t)length);
	header.ip6_nxt = protocol;
	header.ip6_hlim = 255;
	inet_pton(AF_INET6, from, &header.ip6_src);
	inet_pton(AF_INET6, to, &header.ip6_dst);
	add(frame, &header, sizeof(header));
}

static uint16_t checksum6(const char *from, const char *to, uint8_t protocol, const void *bytes,
			  size_t length)
{
	struct in6_addr addresses[2];
	inet_pton(AF_INET6, from, &addresses[0]);
	inet_pton(AF_INET6, to, &addresses[1]);
	return fold(
		sum(sum((uint32_t)length + protocol, addresses, sizeof(addresses)), bytes, length));
}

void bed_frame_udp(struct bed_frame *frame, const struct bed_udp *udp)
{
	uint8_t packet[BED_FRAME_BYTES_MAX] = {0};
	bool six = strchr(udp->from_ip, ':');
	size_t payload = udp->payload ? udp->payload : BED_MARKS + sizeof(udp->tag);
	size_t length = sizeof(struct udphdr) + payload;
	struct udphdr header = {.source = htons(udp->from_port), .dest = htons(udp->to_port)};
	header.len = htons((uint16_t)length);
	memcpy(packet, &header, sizeof(header));
	memcpy(packet + sizeof(header) + BED_MARKS, &udp->tag, sizeof(udp->tag));
	if (six) {
		header.check = checksum6(udp->from_ip, udp->to_ip, IPPROTO_UDP, packet, length);
		memcpy(packet, &header, sizeof(header));
	}
	add_ethernet(frame, &udp->from, &udp->to, six ? ETH_P_IPV6 : ETH_P_IP);
	add_ip(frame, udp->from_ip, udp->to_ip, IPPROTO_UDP, length);
	add(frame, packet, length);
}

void bed_frame_arp(struct bed_frame *frame, const struct mac *from, const struct mac *to,
		   int operation, const struct mac *sender, const char *sender_ip,
		   const char *target_ip, uint32_t tag)
{
	static const struct mac none;
	const struct arphdr header = {.ar_hrd = htons(ARPHRD_ETHER),
				      .ar_pro = htons(ETH_P_IP),
				      .ar_hln = 6,
				      .ar_pln = 4,
				      .ar_op = htons((uint16_t)operation)};
	uint8_t ip[4], marks[BED_MARKS] = {0};
	add_ethernet(frame, from, to, ETH_P_ARP);
	add(frame, &header, sizeof(header));
	add(frame, sender, sizeof(*sender));
	inet_pton(AF_INET, sender_ip, ip);
	add(frame, ip, sizeof(ip));
	add(frame, &none, sizeof(none));
	inet_pton(AF_INET, target_ip, ip);
	add(frame, ip, sizeof(ip));
	add(frame, marks, sizeof(marks));
	add(frame, &tag, sizeof(tag));
}

void bed_frame_icmp6(struct bed_frame *frame, const struct mac *from, const struct mac *to,
		     const char *from_ip, const char *to_ip, unsigned type, const char *target,
		     uint32_t tag)
{
	struct {
		struct icmp6_hdr header;
		struct in6_addr target;
		uint8_t marks[BED_MARKS];
		uint32_t tag;
	} packet = {.header = {.icmp6_type = (uint8_t)type}, .tag = tag};
	if (target)
		inet_pton(AF_INET6, target, &packet.target);
	packet.header.icmp6_cksum = checksum6(from_ip, to_ip, IPPROTO_ICMPV6, &packet,
					      sizeof(packet));
	add_ethernet(frame, from, to, ETH_P_IPV6);
	add_ip(frame, from_ip, to_ip, IPPROTO_ICMPV6, sizeof(packet));
	add(frame, &packet, sizeof(packet));
}

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A link that has just come up takes nothing before the kernel has given it its queue, some time
 * after it says that it is up; what was refused was not sent. */
void bed_send(int socket, const struct bed_frame *frame)
{
	int64_t until = now_ms() + SEND_WAIT_MS;
	ssize_t sent;
	while ((sent = send(socket, frame->bytes, frame->length, 0)) < 0 && errno == ENOBUFS &&
	       now_ms() < until)
		poll(NULL, 0, 1);
	check(sent == (ssize_t)frame->length, "send", strerror(errno));
}

/* From now on this thread sends from one processor, through whose queue frames go one after the
 * other; returns a socket at the loopback interface, whose frames take the same queue. */
static int open_marker(void)
{
	cpu_set_t here;
	struct sockaddr_ll address = {.sll_family = AF_PACKET,
				      .sll_protocol = htons(ETH_P_802_EX1),
				      .sll_ifindex = (int)if_nametoindex("lo")};
	struct timeval patience = {.tv_sec = SEND_WAIT_MS / 1000};
	int one = 1, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, address.sll_protocol);
	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	check(sched_setaffinity(0, sizeof(here), &here) == 0, "marker", "processor");
	check(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) == 0 &&
		      setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
		      bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0,
	      "marker", strerror(errno));
	return fd;
}

/* Until what was sent is where it goes, or dropped: when a marker has come through the queue, all
 * before it is one interface further. */
static void settle(int fd)
{
	const struct ether_header marker = {.ether_type = htons(ETH_P_802_EX1)};
	struct ether_header got;
	for (unsigned crossing = 0; crossing < CROSSINGS_MAX; crossing++)
		check(send(fd, &marker, sizeof(marker), 0) == sizeof(marker) &&
			      recv(fd, &got, sizeof(got), 0) == sizeof(got),
		      "marker", strerror(errno));
}

unsigned bed_pass(int from, const struct bed_frame *frame, int to, uint32_t tag,
		  struct bed_frame *ret)
{
	static int marker = -1;
	struct bed_frame got;
	unsigned found = 0;
	ssize_t length;
	if (marker < 0)
		marker = open_marker();
	bed_send(from, frame);
	settle(marker);
	while ((length = recv(to, got.bytes, sizeof(got.bytes), MSG_DONTWAIT)) > 0) {
		got.length = (size_t)length;
		if (!memmem(got.bytes, got.length, &tag, sizeof(tag)))
			continue;
		found++;
		if (ret)
			*ret = got;
	}
	return found;
}

unsigned bed_marks(const struct bed_frame *frame)
{
	size_t start = sizeof(struct ether_header) + sizeof(struct udphdr);
	start += frame->bytes[12] == 0x86 ? sizeof(struct ip6_hdr) : sizeof(struct iphdr);
	unsigned marks = 0;
	for (unsigned i = 0; i < BED_MARKS && start + i < frame->length; i++)
		marks |= frame->bytes[start + i] ? 1u << i : 0;
	return marks;
}
