/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/link_inner.h - what the link*.c files share, and nobody else sees. */
#pragma once

#include <uthash.h>

#include "codec/link_message.h"
#include "driver/link.h"
#include "io/netlink.h"

struct link_entry {
	struct link_view view;
	struct link_info info;
	UT_hash_handle by_name, by_index;
};

struct link {
	char instance[NAME_BYTES];
	struct data_plane plane;
	int netns;
	struct netlink inside, watch; /* in the data-plane namespace */
	struct netlink outside;       /* in the host's */
	struct netlink host_watch;    /* in the host's: changes of addresses */
	bool host_changed;            /* since it was read */
	struct host_identity host;
	int packet_fd; /* for frames of our own; -1 until the first */
	unsigned mtu;
	struct link_entry *names, *indexes; /* the same entries, hashed twice */
};

struct link_entry *link_entry_find(const struct link *link, const char *name);
void link_entries_clear(struct link *link);

/* Sends what stands in the batch; `what` goes before the words of an error. */
int link_commit(struct netlink *netlink, struct link_batch *batch, struct error *err,
		const char *what, ...) must_check printf_like(4, 5);
/* Asks for one interface anew: 0 and the entry is up to date, -ENODEV and it is gone. */
int link_refresh(struct link *link, const char *name, struct error *err) must_check;
/* The same of any namespace, without an entry. */
int link_ask(struct netlink *netlink, const char *name, struct link_info *ret,
	     struct error *err) must_check;

/* The namespace that this program runs in. */
int link_open_host(int *ret, struct error *err) must_check;
/* -EEXIST when the namespace is not the instance's. */
int link_check_owner(struct netlink *inside, const char *namespace, const char *instance,
		     struct error *err) must_check;

/* Behind it stands how the port was. */
#define LINK_PORT_ROLE "port:"

/* "kalki:<instance>:<role>" */
void link_alias(char alias[static LINK_ALIAS_BYTES], const char *instance, const char *role);
/* NULL when the alias is not of that instance; else what stands behind the instance. */
const char *link_alias_role(const char *alias, const char *instance);
