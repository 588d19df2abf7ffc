/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reaction_floor.c - what no daemon can beat: woken by a line on a socket, commit three elements.
 *
 * In a network namespace of its own, with maps as the data plane has them.  Another process writes
 * a time stamp to a Unix socket every PAUSE_US; this one wakes up, replaces the three ways in of a
 * device in one transaction, and prints the microseconds from writing to the commit's return. */
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* As far apart as the alerts of scripts/bench.d/reaction_standby: caches and processors are as
 * cold. */
enum { ROUNDS = 150, PAUSE_US = 100000, BATCH_BYTES = 8192 };

static const char RULES[] = "table netdev floor {\n"
			    " map up { type iface_index . ether_addr : iface_index; size 16384; }\n"
			    " map dn { type iface_index : iface_index; size 16384; }\n"
			    " map peers { type ether_addr : iface_index; size 16384; }\n"
			    "}\n";

struct element {
	const char *map;
	uint8_t key[12];
	uint32_t key_bytes;
};

static const uint32_t PORT = 1; /* `lo`: any index will do */
static const struct element WAYS_IN[] = {
	{"up", {1, 0, 0, 0, 2, 0, 0, 0, 10, 1, 0, 0}, 12},
	{"dn", {1, 0, 0, 0}, 4},
	{"peers", {2, 0, 0, 0, 10, 1}, 6},
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void load_rules(void)
{
	FILE *nft = popen("nft -f -", "w");
	if (!nft || fputs(RULES, nft) < 0 || pclose(nft) != 0)
		die("nft");
}

static char *add_message(char *at, const struct element *element, uint16_t type, uint16_t flags)
{
	struct nftnl_set *set = nftnl_set_alloc();
	struct nftnl_set_elem *entry = nftnl_set_elem_alloc();
	if (!set || !entry)
		die("memory");
	nftnl_set_set_str(set, NFTNL_SET_TABLE, "floor");
	nftnl_set_set_str(set, NFTNL_SET_NAME, element->map);
	nftnl_set_elem_set(entry, NFTNL_SET_ELEM_KEY, element->key, element->key_bytes);
	if (type == NFT_MSG_NEWSETELEM)
		nftnl_set_elem_set(entry, NFTNL_SET_ELEM_DATA, &PORT, sizeof(PORT));
	nftnl_set_elem_add(set, entry);
	struct nlmsghdr *header = nftnl_nlmsg_build_hdr(at, type, NFPROTO_NETDEV, flags, 1);
	nftnl_set_elems_nlmsg_build_payload(header, set);
	nftnl_set_free(set);
	return at + MNL_ALIGN(header->nlmsg_len);
}

/* One transaction; the last change of it is acknowledged. */
static size_t build_batch(char *batch, bool replace)
{
	char *at = batch;
	size_t last = sizeof(WAYS_IN) / sizeof(WAYS_IN[0]) - 1;
	at += MNL_ALIGN(nftnl_batch_begin(at, 0)->nlmsg_len);
	for (size_t i = 0; i <= last; i++) {
		if (replace)
			at = add_message(at, &WAYS_IN[i], NFT_MSG_DELSETELEM, 0);
		at = add_message(at, &WAYS_IN[i], NFT_MSG_NEWSETELEM,
				 NLM_F_CREATE | (i == last ? NLM_F_ACK : 0));
	}
	at += MNL_ALIGN(nftnl_batch_end(at, 2)->nlmsg_len);
	return (size_t)(at - batch);
}

static void commit(struct mnl_socket *socket, const char *batch, size_t bytes)
{
	static char answer[BATCH_BYTES];
	if (mnl_socket_sendto(socket, batch, bytes) < 0)
		die("send");
	ssize_t got = mnl_socket_recvfrom(socket, answer, sizeof(answer));
	if (got < 0 ||
	    mnl_cb_run(answer, (size_t)got, 1, mnl_socket_get_portid(socket), NULL, NULL) < 0)
		die("commit");
}

static void ring(int fd)
{
	for (int i = 0; i < ROUNDS; i++) {
		usleep(PAUSE_US);
		int64_t time_ns = now_ns();
		if (write(fd, &time_ns, sizeof(time_ns)) != sizeof(time_ns))
			_exit(1);
	}
	_exit(0);
}

int main(void)
{
	static char first[BATCH_BYTES], batch[BATCH_BYTES];
	int ends[2];

	if (unshare(CLONE_NEWNET) < 0)
		die("unshare");
	load_rules();
	struct mnl_socket *netlink = mnl_socket_open(NETLINK_NETFILTER);
	if (!netlink || mnl_socket_bind(netlink, 0, MNL_SOCKET_AUTOPID) < 0)
		die("netlink");
	commit(netlink, first, build_batch(first, false));
	size_t bytes = build_batch(batch, true);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		die("socketpair");
	pid_t ringer = fork();
	if (ringer < 0)
		die("fork");
	if (ringer == 0)
		ring(ends[1]);
	close(ends[1]);
	for (;;) {
		struct pollfd watched = {.fd = ends[0], .events = POLLIN};
		int64_t time_ns;
		if (poll(&watched, 1, -1) < 0)
			die("poll");
		if (read(ends[0], &time_ns, sizeof(time_ns)) != sizeof(time_ns))
			break;
		commit(netlink, batch, bytes);
		printf("%.1f\n", (double)(now_ns() - time_ns) / 1000);
	}
	mnl_socket_close(netlink);
	return waitpid(ringer, NULL, 0) == ringer ? 0 : 1;
}
