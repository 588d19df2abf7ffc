/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/lone_port.c - see lone_port.h. */
#include "io/lone_port.h"

#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "codec/link_message.h"
#include "io/namespace.h"
#include "io/netlink.h"

enum { LOOPBACK = 1 };

struct lone_port {
	uint16_t port;
	int backlog, fd;
};

/* No answer to ARP for all these addresses.  Nothing is asked and answered by IPv4 over the other
 * interfaces anyway: to the kernel every sender there pretends to be this machine. */
static int keep_to_itself(struct error *err)
{
	return namespace_write_setting("/proc/sys/net/ipv4/conf/all/arp_ignore", "8", err);
}

static int own_every_address(struct error *err)
{
	struct netlink netlink = NETLINK_NONE;
	struct link_batch batch;
	int result = netlink_open(&netlink, -1, NETLINK_ROUTE, err);
	if (result < 0)
		return result;
	link_batch_begin(&batch, netlink.sequence);
	link_batch_edit(&batch, &(struct link_edit){.index = LOOPBACK, .up = LINK_ON});
	link_batch_new_local_route(&batch, LOOPBACK);
	netlink.sequence = link_batch_end(&batch);
	result = netlink_send(&netlink, batch.bytes, batch.length, err);
	netlink_close(&netlink);
	return result;
}

/* Within the namespace. */
static int start_listening(void *data, struct error *err)
{
	struct lone_port *lone = data;
	const struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(lone->port)};
	int one = 1, result = keep_to_itself(err);
	if (result == 0)
		result = own_every_address(err);
	if (result < 0)
		return result;
	cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Not from other interfaces, whatever anybody makes of addresses and routes in there. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof("lo")) < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, lone->backlog) < 0)
		return error_errno(err, -errno, "port %u", lone->port);
	lone->fd = take_fd(fd);
	return 0;
}

int lone_port_listen(int netns, uint16_t port, int backlog, struct error *err)
{
	struct lone_port lone = {.port = port, .backlog = backlog, .fd = -1};
	int result = namespace_run(netns, start_listening, &lone, err);
	return result < 0 ? result : lone.fd;
}
