/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/link_host.c - who speaks at the host leg: MAC and addresses of its host's end. */
#include <linux/rtnetlink.h>

#include "base/text.h"
#include "driver/link_inner.h"

const struct host_identity *link_host(const struct link *link)
{
	return &link->host;
}

static void on_change(void *data, const struct nlmsghdr *message maybe_unused)
{
	*(bool *)data = true;
}

/* Notes whether anything of the host's interfaces changed since it was read. */
static int hear_changes(struct link *link, struct error *err)
{
	static const unsigned groups[] = {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR};
	if (link->host_watch.fd >= 0) {
		int lost = netlink_read(&link->host_watch, on_change, &link->host_changed, err);
		link->host_changed |= lost > 0;
		return lost < 0 ? lost : 0;
	}
	link->host_changed = true;
	int r = netlink_open(&link->host_watch, -1, NETLINK_ROUTE, err);
	for (unsigned i = 0; r == 0 && i < ARRAY_SIZE(groups); i++)
		r = netlink_join(&link->host_watch, groups[i], err);
	if (r < 0)
		netlink_close(&link->host_watch);
	return r;
}

struct address_reader {
	uint32_t index;
	struct host_identity host;
};

static void on_address(void *data, const struct nlmsghdr *message)
{
	struct address_reader *reader = data;
	uint32_t index;
	struct ip ip;
	if (link_parse_address(message, &index, &ip) && index == reader->index &&
	    reader->host.ip_count < HOST_IPS_MAX && !host_identity_has(&reader->host, &ip))
		reader->host.ips[reader->host.ip_count++] = ip;
}

static void on_address_restart(void *data)
{
	((struct address_reader *)data)->host.ip_count = 0;
}

static int read_host(struct link *link, struct host_identity *ret, struct error *err)
{
	_Alignas(struct nlmsghdr) char question[LINK_QUESTION_BYTES];
	struct link_info info;
	int r = link_ask(&link->outside, link->plane.host_leg, &info, err);
	if (r < 0)
		return r;
	struct address_reader reader = {.index = info.index, .host = {.mac = info.mac}};
	r = netlink_ask(&link->outside, link_ask_addresses(question), on_address,
			on_address_restart, &reader, err);
	if (r < 0)
		return r;
	*ret = reader.host;
	return 0;
}

int link_read_host(struct link *link, struct error *err)
{
	struct host_identity host = {0};
	if (!link->plane.host_leg[0])
		return 0;
	int r = hear_changes(link, err);
	if (r < 0 || !link->host_changed)
		return r;
	r = read_host(link, &host, err);
	if (r < 0 && r != -ENODEV) /* -ENODEV: away until it is mended, and owns what it owned */
		return r;
	link->host_changed = false;
	if (r < 0 || host_identity_equal(&host, &link->host))
		return 0;
	link->host = host;
	return 1;
}
