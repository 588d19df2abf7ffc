/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/link_setup.c - namespace, ports, bridge and host leg: made and mended. */
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "driver/link_inner.h"
#include "io/namespace.h"

enum { MTU_DEFAULT = 1500 };

#define NAMESPACE_ROLE "namespace"

/* The namespace */

/* Nothing is answered, forwarded or sent by the namespace itself: the second barrier, for when the
 * rules are gone. */
static int quiet_settings(void *data maybe_unused, struct error *err)
{
	static const struct {
		const char *path, *value;
	} settings[] = {
		{"/proc/sys/net/ipv6/conf/default/disable_ipv6", "1"},
		{"/proc/sys/net/ipv6/conf/all/disable_ipv6", "1"},
		{"/proc/sys/net/ipv6/conf/all/forwarding", "0"},
		{"/proc/sys/net/ipv4/ip_forward", "0"},
		{"/proc/sys/net/ipv4/conf/all/arp_ignore", "8"},
		{"/proc/sys/net/bridge/bridge-nf-call-iptables", "0"},
		{"/proc/sys/net/bridge/bridge-nf-call-ip6tables", "0"},
		{"/proc/sys/net/bridge/bridge-nf-call-arptables", "0"},
	};
	for (unsigned i = 0; i < ARRAY_SIZE(settings); i++) {
		int r = namespace_write_setting(settings[i].path, settings[i].value, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Runs inside the new namespace: marks it before it has a name. */
static int prepare_namespace(void *data, struct error *err)
{
	struct netlink netlink = NETLINK_NONE;
	struct link_batch batch;
	char alias[LINK_ALIAS_BYTES];
	int r = netlink_open(&netlink, -1, NETLINK_ROUTE, err);
	if (r < 0)
		return r;
	link_alias(alias, data, NAMESPACE_ROLE);
	link_batch_begin(&batch, netlink.sequence);
	link_batch_edit(&batch, &(struct link_edit){.name = "lo", .alias = alias});
	r = link_commit(&netlink, &batch, err, "marking the namespace");
	netlink_close(&netlink);
	return r;
}

int link_check_owner(struct netlink *inside, const char *namespace, const char *instance,
		     struct error *err)
{
	struct link_info lo;
	int r = link_ask(inside, "lo", &lo, err);
	if (r < 0)
		return r;
	const char *role = link_alias_role(lo.alias, instance);
	if (!role || !text_equal(role, NAMESPACE_ROLE))
		return error_set(err, -EEXIST,
				 "namespace '%s' is there already and not this instance's (%s)",
				 namespace, lo.alias[0] ? lo.alias : "it carries no mark");
	return 0;
}

static int open_namespace(struct link *link, struct error *err)
{
	char *instance = link->instance;
	int r = namespace_open_named(&link->netns, link->plane.namespace, err);
	if (r == -ENOENT)
		r = namespace_make_named(&link->netns, link->plane.namespace, prepare_namespace,
					 instance, err);
	if (r == 0)
		r = netlink_open(&link->inside, link->netns, NETLINK_ROUTE, err);
	if (r == 0)
		r = link_check_owner(&link->inside, link->plane.namespace, instance, err);
	return r;
}

static int open_sockets(struct link *link, struct error *err)
{
	int r = netlink_open(&link->outside, -1, NETLINK_ROUTE, err);
	if (r == 0)
		r = netlink_open(&link->watch, link->netns, NETLINK_ROUTE, err);
	return r < 0 ? r : netlink_join(&link->watch, RTNLGRP_LINK, err);
}

void link_close(struct link *link)
{
	if (!link)
		return;
	link_entries_clear(link);
	netlink_close(&link->inside);
	netlink_close(&link->outside);
	netlink_close(&link->watch);
	netlink_close(&link->host_watch);
	mem_close_at(&link->packet_fd);
	mem_close_at(&link->netns);
	free(link);
}

/* Each of these returns 1 when it mended something, 0 when all was well. */

static int ensure_bridge(struct link *link, struct error *err)
{
	char alias[LINK_ALIAS_BYTES];
	const struct link_view *bridge = link_find(link, LINK_BRIDGE_NAME);
	if (bridge && bridge->ours && bridge->up)
		return 0;
	struct link_batch batch;
	link_alias(alias, link->instance, "bridge");
	link_batch_begin(&batch, link->inside.sequence);
	if (!bridge)
		link_batch_new_bridge(&batch, LINK_BRIDGE_NAME);
	link_batch_edit(&batch, &(struct link_edit){
					.name = LINK_BRIDGE_NAME, .alias = alias, .up = LINK_ON});
	int r = link_commit(&link->inside, &batch, err, "the bridge");
	if (r == 0)
		r = link_refresh(link, LINK_BRIDGE_NAME, err);
	return r < 0 ? r : 1;
}

static int join_bridge(struct link *link, const char *name, struct error *err)
{
	const struct link_entry *bridge = link_entry_find(link, LINK_BRIDGE_NAME);
	const struct link_entry *entry = link_entry_find(link, name);
	if (!bridge || !entry)
		return error_set(err, -ENODEV, "the bridge or '%s' is gone", name);
	if (entry->info.master == bridge->view.index && entry->view.up)
		return 0;
	struct link_batch batch;
	link_batch_begin(&batch, link->inside.sequence);
	link_batch_edit(&batch, &(struct link_edit){
					.name = name, .master = bridge->view.index, .up = LINK_ON});
	int r = link_commit(&link->inside, &batch, err, "joining '%s' to the bridge", name);
	if (r == 0)
		r = link_refresh(link, name, err);
	return r < 0 ? r : 1;
}

/* Marks a port with how it is, so that it can be given back like that. */
static int mark_port(struct netlink *netlink, const char *instance, const struct link_info *port,
		     struct error *err)
{
	char role[LINK_ALIAS_BYTES], alias[LINK_ALIAS_BYTES];
	struct link_batch batch;
	snprintf(role, sizeof(role), LINK_PORT_ROLE "%u:%c:%c:%.100s", port->mtu,
		 port->up ? 'u' : 'd', port->promiscuous ? 'p' : 'n', port->alias);
	link_alias(alias, instance, role);
	link_batch_begin(&batch, netlink->sequence);
	link_batch_edit(&batch, &(struct link_edit){.index = port->index, .alias = alias});
	return link_commit(netlink, &batch, err, "marking port '%s'", port->name);
}

static int fetch_port(struct link *link, const char *name, struct error *err)
{
	struct link_info port;
	int r = link_ask(&link->outside, name, &port, err);
	if (r < 0)
		return r;
	const char *role = link_alias_role(port.alias, link->instance);
	if (!role && text_starts(port.alias, "kalki:"))
		return error_set(err, -EBUSY, "port '%s' belongs to another instance (%s)", name,
				 port.alias);
	if (!role) {
		r = mark_port(&link->outside, link->instance, &port, err);
		if (r < 0)
			return r;
	}
	struct link_batch batch;
	link_batch_begin(&batch, link->outside.sequence);
	link_batch_edit(&batch, &(struct link_edit){.index = port.index, .netns = &link->netns});
	r = link_commit(&link->outside, &batch, err, "moving port '%s'", name);
	if (r == -EINVAL || r == -EOPNOTSUPP)
		error_prefix(err, "this interface cannot move alone into a namespace (a wireless "
				  "one moves with its whole radio: iw phy … set netns): ");
	return r < 0 ? r : link_refresh(link, name, err);
}

static int take_port(struct link *link, const char *name, struct error *err)
{
	const struct link_entry *port = link_entry_find(link, name);
	if (port && port->view.ours)
		return 0;
	int r = port ? mark_port(&link->inside, link->instance, &port->info, err)
		     : fetch_port(link, name, err);
	if (r == 0)
		r = link_refresh(link, name, err);
	return r < 0 ? r : 1;
}

static int ensure_device_port(struct link *link, const char *name, struct error *err)
{
	int taken = take_port(link, name, err);
	if (taken < 0)
		return taken;
	const struct link_entry *port = link_entry_find(link, name);
	if (port->view.up && port->info.promiscuous && !port->info.master)
		return taken;
	/* Promiscuous: what a device sends is addressed to everybody but this interface. */
	struct link_batch batch;
	link_batch_begin(&batch, link->inside.sequence);
	link_batch_edit(&batch, &(struct link_edit){.name = name,
						    .no_master = true,
						    .promiscuous = LINK_ON,
						    .up = LINK_ON});
	int r = link_commit(&link->inside, &batch, err, "port '%s'", name);
	if (r == 0)
		r = link_refresh(link, name, err);
	/* Merged frames of a NIC cannot be sent on as they are; not every interface can merge. */
	if (r == 0)
		namespace_set_offload(link->netns, name, ETHTOOL_SFLAGS, 0, NULL);
	return r < 0 ? r : 1;
}

static int ensure_network_port(struct link *link, struct error *err)
{
	const char *name = link->plane.network_port;
	if (!name[0])
		return 0;
	int taken = take_port(link, name, err);
	if (taken < 0)
		return taken;
	int joined = join_bridge(link, name, err);
	return joined < 0 ? joined : taken | joined;
}

static void choose_mtu(struct link *link)
{
	unsigned largest = 0;
	for (unsigned i = 0; i <= link->plane.port_count; i++) {
		const char *name = i < link->plane.port_count ? link->plane.ports[i].name
							      : link->plane.network_port;
		const struct link_entry *port = link_entry_find(link, name);
		if (port)
			largest = max_of(largest, port->info.mtu);
	}
	if (link->plane.mtu)
		link->mtu = link->plane.mtu;
	else if (largest)
		link->mtu = largest;
	else if (!link->mtu)
		link->mtu = MTU_DEFAULT;
}

/* The host leg */

int link_open_host(int *ret, struct error *err)
{
	return namespace_open_pid(ret, getpid(), err);
}

static int make_host_leg(struct link *link, struct error *err)
{
	struct link_batch batch;
	cleanup_close int host = -1;
	int r = link_open_host(&host, err);
	if (r < 0)
		return r;
	link_batch_begin(&batch, link->inside.sequence);
	link_batch_new_pair(&batch, &(struct link_pair){.name = LINK_HOST_PEER_NAME,
							.peer = link->plane.host_leg,
							.mtu = link->mtu,
							.peer_netns = host,
							.up = true});
	r = link_commit(&link->inside, &batch, err, "making host leg '%s'", link->plane.host_leg);
	return r < 0 ? r : link_refresh(link, LINK_HOST_PEER_NAME, err);
}

static int parse_host_address(const char *text, struct ip *ret_ip, unsigned *ret_bits,
			      struct error *err)
{
	char address[IP_TEXT_BYTES + 4], *end;
	TEXT_COPY(address, text);
	char *slash = strchr(address, '/');
	if (slash)
		*slash = '\0';
	int r = ip_parse(ret_ip, address, err);
	if (r < 0)
		return r;
	unsigned long most = ret_ip->family == 4 ? 32 : 128;
	unsigned long bits = slash ? strtoul(slash + 1, &end, 10) : most;
	if (slash && (!slash[1] || *end || bits > most))
		return error_set(err, -EINVAL, "'%s': no prefix length of 0 to %lu", text, most);
	*ret_bits = (unsigned)bits;
	return 0;
}

/* The host's end: mark, up, addresses. Sets what is there already, too: it is the host's to change.
 */
static int ensure_host_end(struct link *link, const struct link_info *host, struct error *err)
{
	struct link_batch batch;
	char alias[LINK_ALIAS_BYTES];
	link_alias(alias, link->instance, "host-leg");
	link_batch_begin(&batch, link->outside.sequence);
	link_batch_edit(&batch,
			&(struct link_edit){.index = host->index, .alias = alias, .up = LINK_ON});
	for (unsigned i = 0; i < link->plane.host_address_count; i++) {
		struct ip ip = {0};
		unsigned bits = 0;
		int r = parse_host_address(link->plane.host_addresses[i], &ip, &bits, err);
		if (r < 0)
			return r;
		link_batch_new_address(&batch, host->index, &ip, bits);
	}
	return link_commit(&link->outside, &batch, err, "host leg '%s'", link->plane.host_leg);
}

/* The host's end was renamed or moved, or there is none yet. */
static int replace_host_leg(struct link *link, struct error *err)
{
	const struct link_entry *peer = link_entry_find(link, LINK_HOST_PEER_NAME);
	struct link_batch batch;
	int r = 0;
	if (peer) {
		link_batch_begin(&batch, link->inside.sequence);
		link_batch_delete(&batch, peer->view.index);
		r = link_commit(&link->inside, &batch, err, "replacing the host leg");
	}
	return r < 0 ? r : make_host_leg(link, err);
}

static int mark_host_peer(struct link *link, struct error *err)
{
	struct link_batch batch;
	char alias[LINK_ALIAS_BYTES];
	link_alias(alias, link->instance, "host-leg");
	link_batch_begin(&batch, link->inside.sequence);
	link_batch_edit(&batch, &(struct link_edit){.name = LINK_HOST_PEER_NAME, .alias = alias});
	int r = link_commit(&link->inside, &batch, err, "marking the host leg");
	return r < 0 ? r : link_refresh(link, LINK_HOST_PEER_NAME, err);
}

static int ensure_host_leg(struct link *link, struct error *err)
{
	const char *name = link->plane.host_leg;
	struct link_info host;
	if (!name[0])
		return 0;
	int r = link_ask(&link->outside, name, &host, err);
	bool missing = r == -ENODEV;
	if (r == 0 && !link_entry_find(link, LINK_HOST_PEER_NAME))
		return error_set(err, -EEXIST, "host leg: the host has an interface '%s' already",
				 name);
	if (missing)
		r = replace_host_leg(link, err);
	if (missing && r == 0)
		r = link_ask(&link->outside, name, &host, err);
	if (r < 0)
		return r;
	bool mended = missing || !host.up;
	r = ensure_host_end(link, &host, err);
	if (r == 0 && mended)
		r = mark_host_peer(link, err);
	if (r < 0)
		return r;
	int joined = join_bridge(link, LINK_HOST_PEER_NAME, err);
	return joined < 0 ? joined : joined | mended;
}

/* One thing that cannot be mended does not keep the others from it; the first failure is told. */
static int ensure_all(struct link *link, bool ports_may_be_away, struct error *err)
{
	const unsigned ports = link->plane.port_count;
	int failed = 0, mended = 0;
	for (unsigned step = 0; step < ports + 3; step++) {
		struct error words = {0};
		int r;
		if (step == 0)
			r = ensure_bridge(link, &words);
		else if (step <= ports)
			r = ensure_device_port(link, link->plane.ports[step - 1].name, &words);
		else if (step == ports + 1)
			r = ensure_network_port(link, &words);
		else
			r = ensure_host_leg(link, &words);
		choose_mtu(link);
		bool port = step > 0 && step <= ports + 1;
		if (r == -ENODEV && port && ports_may_be_away)
			continue;
		if (r < 0 && failed == 0) {
			failed = r;
			if (err)
				*err = words;
		}
		mended |= r > 0;
	}
	return failed < 0 ? failed : mended;
}

int link_repair(struct link *link, struct error *err)
{
	int r = namespace_run(link->netns, quiet_settings, NULL, err);
	int mended = r < 0 ? r : ensure_all(link, true, err);
	r = mended < 0 ? mended : link_read_host(link, err);
	return r < 0 ? r : mended;
}

int link_open(struct link **ret, const char *instance, const struct data_plane *plane,
	      struct error *err)
{
	struct link *link = mem_alloc(sizeof(*link));
	link->netns = link->packet_fd = -1;
	link->inside = link->outside = link->watch = link->host_watch = NETLINK_NONE;
	link->plane = *plane;
	int r = name_check("instance", instance, err);
	if (r == 0) {
		TEXT_COPY(link->instance, instance);
		r = open_namespace(link, err);
	}
	if (r == 0)
		r = open_sockets(link, err);
	if (r == 0)
		r = link_observe(link, err);
	if (r == 0)
		r = namespace_run(link->netns, quiet_settings, NULL, err);
	if (r == 0)
		r = ensure_all(link, false, err);
	if (r >= 0)
		r = link_read_host(link, err);
	if (r < 0) {
		link_close(link);
		return r;
	}
	*ret = link;
	return 0;
}
