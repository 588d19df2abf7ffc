/* SPDX-License-Identifier: Apache-2.0 */
/* packets.c - the other programs of the benchmark of the kit.
 *
 * usage: packets blast LINK BYTES SECONDS [RATE]   sends frames as fast as it can, or so many a
 *                                           second; prints how many
 *        packets forward                    the plain way: for each frame one recv and one send, a
 *                                           thread for each direction between `in` and `out` */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	HEADER_BYTES = 54,
	SEGMENTS = 40,
	FRAME_MAX = 1514,
	FORWARD_ROOM = 70000,
	BUFFER_BYTES = 8 * 1024 * 1024,
};

static void die(const char *what)
{
	fprintf(stderr, "packets: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void set(int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)) < 0)
		die("setsockopt");
}

static int open_link(const char *link, int protocol)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET,
				      .sll_protocol = htons((uint16_t)protocol),
				      .sll_ifindex = (int)if_nametoindex(link)};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (fd < 0 || !address.sll_ifindex)
		die(link);
	/* What the kit can have with its one capability. */
	set(fd, SOL_SOCKET, SO_RCVBUF, BUFFER_BYTES);
	set(fd, SOL_SOCKET, SO_SNDBUF, BUFFER_BYTES);
	set(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
	set(fd, SOL_PACKET, PACKET_VNET_HDR, 1);
	if (bind(fd, (void *)&address, sizeof(address)) < 0)
		die(link);
	return fd;
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Checksum left to do, TCP over IPv4, segments of `segment` bytes: the kernel makes the frames,
 * which is the fastest way to make them (the link's own segmentation must be off). */
static void fill(struct virtio_net_hdr *header, uint8_t *frame, int segment, int bytes)
{
	static const uint8_t start[HEADER_BYTES] = {
		2, 0,  0,  0, 1,  2, 2, 0, 0, 1, 1,  1,  8, 0, 0x45,   0,
		0, 0,  0,  0, 0,  0, 9, 6, 0, 0, 10, 77, 0, 1, 10,     77,
		0, 99, 15, 0, 15, 1, 0, 0, 0, 1, 0,  0,  0, 1, 5 << 4, 16};
	*header = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					  .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
					  .hdr_len = HEADER_BYTES,
					  .gso_size = (uint16_t)segment,
					  .csum_start = 34,
					  .csum_offset = 16};
	memcpy(frame, start, sizeof(start));
	frame[16] = (uint8_t)((bytes - 14) >> 8);
	frame[17] = (uint8_t)(bytes - 14);
}

/* `rate` 0: as fast as it goes. */
static int blast(const char *link, int frame_bytes, double seconds, double rate)
{
	static uint8_t frame[HEADER_BYTES + SEGMENTS * FRAME_MAX];
	struct virtio_net_hdr header;
	int segment = frame_bytes - HEADER_BYTES, bytes = HEADER_BYTES + SEGMENTS * segment;
	struct iovec parts[] = {{&header, sizeof(header)}, {frame, (size_t)bytes}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	int fd = open_link(link, 0);
	uint64_t sent = 0;
	double start = now(), end = start + seconds;
	fill(&header, frame, segment, bytes);
	while (now() < end) {
		if (rate > 0 && (double)sent > (now() - start) * rate)
			continue;
		if (sendmsg(fd, &message, 0) > 0)
			sent += SEGMENTS;
		else if (errno != ENOBUFS)
			die("sendmsg");
	}
	printf("%llu\n", (unsigned long long)sent);
	return 0;
}

struct direction {
	int from, to;
};

static void *forward_one_by_one(void *argument)
{
	const struct direction *direction = argument;
	static _Thread_local uint8_t room[FORWARD_ROOM];
	for (;;) {
		ssize_t bytes = recv(direction->from, room, sizeof(room), 0);
		if (bytes > 0)
			(void)!send(direction->to, room, (size_t)bytes, 0);
	}
	return NULL;
}

static int forward(void)
{
	int in = open_link("in", ETH_P_ALL), out = open_link("out", ETH_P_ALL);
	struct direction up = {in, out}, down = {out, in};
	pthread_t thread;
	if (pthread_create(&thread, NULL, forward_one_by_one, &up))
		die("pthread_create");
	printf("ready\n");
	fflush(stdout);
	forward_one_by_one(&down);
	return 0;
}

int main(int argc, char **argv)
{
	if ((argc == 5 || argc == 6) && !strcmp(argv[1], "blast")) {
		int bytes = atoi(argv[3]);
		double rate = argc == 6 ? atof(argv[5]) : 0;
		if (bytes > HEADER_BYTES && bytes <= FRAME_MAX)
			return blast(argv[2], bytes, atof(argv[4]), rate);
	}
	if (argc == 2 && !strcmp(argv[1], "forward"))
		return forward();
	fprintf(stderr, "usage: packets blast LINK BYTES SECONDS [RATE] | packets forward\n");
	return 2;
}
