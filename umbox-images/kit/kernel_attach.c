/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_attach.c - the start of in-kernel mode: ways up, sockets, rules; and what is told. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"
#include "kernel.h"

enum { WAYS = 3, MTU_MAX = 65535 };

/* The rules send into the first, a socket listens at the second. */
static const struct way {
	const char *up, *rx;
	enum kernel_device device;
} ways[WAYS] = {
	{"in.up", "in.rx", KERNEL_UP_IN},
	{"out.up", "out.rx", KERNEL_UP_OUT},
	{"told.up", "told.rx", KERNEL_TOLD},
};

/* --- links */

static void put_mtu(struct netlink_batch *batch)
{
	uint32_t mtu = MTU_MAX;
	netlink_put(batch, IFLA_MTU, &mtu, sizeof(mtu));
}

static int ask_route(int fd, struct netlink_batch *batch, size_t message)
{
	netlink_end(batch, message);
	return netlink_ask(fd, batch, sizeof(struct ifinfomsg), NULL, NULL, NULL);
}

static int make_veth(int fd, struct netlink_batch *batch, const struct way *way)
{
	struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
	netlink_clear(batch);
	size_t message = netlink_begin(batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK,
				       &header, sizeof(header));
	netlink_put_text(batch, IFLA_IFNAME, way->up);
	put_mtu(batch);
	size_t info = netlink_open(batch, IFLA_LINKINFO);
	netlink_put_text(batch, IFLA_INFO_KIND, "veth");
	size_t data = netlink_open(batch, IFLA_INFO_DATA);
	size_t peer = netlink_open(batch, VETH_INFO_PEER);
	netlink_put_raw(batch, &header, sizeof(header));
	netlink_put_text(batch, IFLA_IFNAME, way->rx);
	put_mtu(batch);
	netlink_close(batch, peer);
	netlink_close(batch, data);
	netlink_close(batch, info);
	return ask_route(fd, batch, message);
}

/* Without IPv6, whose stack would send frames of its own; where there is none that is refused. */
static void silence(int fd, struct netlink_batch *batch, unsigned index)
{
	struct ifinfomsg header = {.ifi_index = (int)index};
	uint8_t mode = IN6_ADDR_GEN_MODE_NONE;
	netlink_clear(batch);
	size_t message = netlink_begin(batch, RTM_SETLINK, NLM_F_ACK, &header, sizeof(header));
	size_t families = netlink_open(batch, IFLA_AF_SPEC);
	size_t family = netlink_open(batch, AF_INET6);
	netlink_put(batch, IFLA_INET6_ADDR_GEN_MODE, &mode, sizeof(mode));
	netlink_close(batch, family);
	netlink_close(batch, families);
	(void)ask_route(fd, batch, message);
}

static int bring_up(int fd, struct netlink_batch *batch, unsigned index)
{
	struct ifinfomsg header = {
		.ifi_index = (int)index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	netlink_clear(batch);
	size_t message = netlink_begin(batch, RTM_SETLINK, NLM_F_ACK, &header, sizeof(header));
	return ask_route(fd, batch, message);
}

static int make_way(int fd, struct netlink_batch *batch, const struct way *way)
{
	int result = make_veth(fd, batch, way);
	for (int i = 0; !result && i < 2; i++) {
		unsigned index = if_nametoindex(i ? way->up : way->rx);
		silence(fd, batch, index);
		result = bring_up(fd, batch, index);
	}
	return result;
}

static int make_ways(struct umbox_kernel *kernel, unsigned indices[KERNEL_DEVICES])
{
	int fd = netlink_socket(NETLINK_ROUTE), result = 0;
	if (fd < 0)
		return -errno;
	for (int i = 0; !result && i < WAYS; i++) {
		result = make_way(fd, &kernel->request, &ways[i]);
		indices[ways[i].device] = if_nametoindex(ways[i].up);
	}
	close(fd);
	return result;
}

/* --- what is told */

void umbox_on_told(struct umbox_kernel *kernel,
		   void (*on_told)(struct umbox *umbox, const struct umbox_told *told, void *user))
{
	kernel->on_told = on_told;
}

static void take_told(struct umbox *umbox, int fd, void *user)
{
	struct umbox_kernel *kernel = user;
	uint8_t bytes[KERNEL_TOLD_BYTES];
	bool fresh = false;
	for (;;) {
		ssize_t count = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (count < ETH_HLEN)
			return;
		if (!fresh)
			kernel_read_counters(kernel);
		fresh = true;
		struct umbox_told told = {
			.tag = bytes[5],
			.count = kernel_count_of(kernel, kernel->told_counters[bytes[5]]),
			.frame = {.from = bytes[4] == UMBOX_IN ? UMBOX_IN : UMBOX_OUT,
				  .bytes = bytes,
				  .length = (uint32_t)count,
				  .room = (uint32_t)count,
				  .time_us = umbox->now_us},
		};
		if (kernel->on_told)
			kernel->on_told(umbox, &told, umbox->handler->user);
	}
}

/* --- sockets */

static int listen_told(struct umbox_kernel *kernel)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET,
				      .sll_protocol = htons(ETH_P_ALL),
				      .sll_ifindex = (int)if_nametoindex("told.rx")};
	kernel->told_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (kernel->told_fd < 0 ||
	    bind(kernel->told_fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	umbox_watch(kernel->umbox, kernel->told_fd, take_told, kernel);
	return 0;
}

static int open_sockets(struct umbox_kernel *kernel)
{
	static const char *const names[UMBOX_LEG_COUNT] = {"in", "out"};
	struct umbox_leg_socket *legs = kernel->umbox->legs;
	int result = listen_told(kernel);
	for (int i = 0; !result && i < UMBOX_LEG_COUNT; i++) {
		result = umbox_leg_open(&kernel->sources[i], ways[i].rx,
					if_nametoindex(ways[i].rx));
		if (!result)
			result = umbox_leg_open_to_send(&legs[i], names[i], legs[i].index);
	}
	return result;
}

/* --- rules */

/* What came up is the sockets'; the stack behind them shall not see it. */
static void write_ends(struct netlink_batch *batch)
{
	for (int i = 0; i < WAYS; i++)
		kernel_write_chain(batch, ways[i].rx, ways[i].rx);
}

static void fill_places(struct umbox_kernel *kernel, const unsigned indices[KERNEL_DEVICES])
{
	for (unsigned i = 0; i < kernel->place_count; i++) {
		uint32_t index = indices[kernel->places[i].device];
		memcpy(kernel->rules.bytes + kernel->places[i].at, &index, sizeof(index));
	}
}

/* What finds no rule is dropped by the legs' policy: in shadow at each chain's end. */
static void pass_the_rest(struct umbox_kernel *kernel)
{
	for (unsigned i = 0; kernel->umbox->shadow && i < kernel->chain_count; i++)
		umbox_drop(umbox_rule(&kernel->chains[i]));
}

/* Everything has its name first; then the rules, all at once: before that nothing crosses. */
static bool let_stand(struct umbox_kernel *kernel)
{
	uint32_t message = 0;
	int result = kernel_commit(kernel, &kernel->names, &message);
	if (result < 0) {
		umbox_fail(kernel->umbox, "the kernel refuses the table (message %u): %s", message,
			   strerror(-result));
		return false;
	}
	kernel->stood = true;
	result = kernel_commit(kernel, &kernel->rules, &message);
	if (result < 0)
		umbox_fail(kernel->umbox, "the kernel refuses rule %u: %s", message,
			   strerror(-result));
	netlink_free(&kernel->names);
	netlink_free(&kernel->rules);
	return result == 0;
}

bool kernel_attach(struct umbox_kernel *kernel)
{
	const struct umbox_leg_socket *legs = kernel->umbox->legs;
	unsigned indices[KERNEL_DEVICES] = {
		[KERNEL_IN] = legs[UMBOX_IN].index, [KERNEL_OUT] = legs[UMBOX_OUT].index};
	int result = make_ways(kernel, indices);
	if (!result)
		result = open_sockets(kernel);
	if (!result)
		result = (kernel->fd = netlink_socket(NETLINK_NETFILTER)) < 0 ? -errno : 0;
	if (result < 0) {
		umbox_fail(kernel->umbox, "in-kernel mode: %s", strerror(-result));
		return false;
	}
	pass_the_rest(kernel);
	kernel_end_rule(kernel);
	write_ends(&kernel->names);
	fill_places(kernel, indices);
	return let_stand(kernel);
}
