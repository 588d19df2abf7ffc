/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/link_teardown.c - everything of an instance taken away, its ports given back as they were.
 */
#include <stdio.h>

#include "base/mem.h"
#include "base/text.h"
#include "driver/link_inner.h"
#include "io/namespace.h"

/* Of what is deleted at once. */
enum { TEARDOWN_GROUP = 0x7fffffff };

struct teardown {
	struct link link;
	int host, result;
	struct error *err;
};

/* Only the first failure is told; the others are tried all the same.  What is gone already (a leg
 * goes with its umbox) is no failure. */
static void failed(struct teardown *down, int r, const struct error *words)
{
	if (r >= 0 || r == -ENODEV || down->result < 0)
		return;
	down->result = r;
	if (down->err)
		*down->err = *words;
}

/* Undoes mark_port and fetch_port. */
static void give_back(struct teardown *down, const struct link_entry *entry, const char *role)
{
	unsigned mtu;
	char up, promiscuous;
	int used = 0;
	struct error words = {0};
	struct link_batch batch;
	if (sscanf(role, "%u:%c:%c:%n", &mtu, &up, &promiscuous, &used) < 3 || !used)
		return;
	link_batch_begin(&batch, down->link.inside.sequence);
	link_batch_edit(&batch,
			&(struct link_edit){.index = entry->view.index,
					    .no_master = true,
					    .up = LINK_OFF,
					    .promiscuous = promiscuous == 'p' ? LINK_ON : LINK_OFF,
					    .mtu = mtu,
					    .alias = role + used});
	link_batch_edit(&batch,
			&(struct link_edit){.index = entry->view.index, .netns = &down->host});
	int r = link_commit(&down->link.inside, &batch, &words, "giving back '%s'",
			    entry->view.name);
	if (r == 0 && up == 'u') {
		link_batch_begin(&batch, down->link.outside.sequence);
		link_batch_edit(&batch,
				&(struct link_edit){.name = entry->view.name, .up = LINK_ON});
		r = link_commit(&down->link.outside, &batch, &words, "raising '%s'",
				entry->view.name);
	}
	failed(down, r, &words);
}

/* Everything that is left and was made here goes in one message. */
static void delete_all(struct teardown *down)
{
	struct link_entry *entry, *next;
	struct link_batch batch;
	struct error words = {0};
	bool any = false;
	HASH_ITER(by_name, down->link.names, entry, next) {
		const char *kind = entry->info.kind;
		if (!text_equal(kind, "veth") && !text_equal(kind, "bridge"))
			continue;
		const char *role = link_alias_role(entry->info.alias, down->link.instance);
		if (role && text_starts(role, LINK_PORT_ROLE))
			continue;
		any = true;
		link_batch_begin(&batch, down->link.inside.sequence);
		link_batch_edit(&batch, &(struct link_edit){.index = entry->view.index,
							    .group = TEARDOWN_GROUP});
		failed(down,
		       link_commit(&down->link.inside, &batch, &words, "'%s'", entry->view.name),
		       &words);
	}
	if (!any)
		return;
	link_batch_begin(&batch, down->link.inside.sequence);
	link_batch_delete_group(&batch, TEARDOWN_GROUP);
	failed(down, link_commit(&down->link.inside, &batch, &words, "deleting interfaces"),
	       &words);
}

int link_teardown(const char *instance, const struct data_plane *plane, struct error *err)
{
	struct teardown down = {.host = -1, .err = err};
	struct link *link = &down.link;
	struct error words = {0};
	link->inside = link->outside = link->watch = NETLINK_NONE;
	link->plane = *plane;
	TEXT_COPY(link->instance, instance);

	int r = namespace_open_named(&link->netns, plane->namespace, &words);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = netlink_open(&link->inside, link->netns, NETLINK_ROUTE, &words);
	if (r == 0)
		r = link_check_owner(&link->inside, plane->namespace, instance, &words);
	if (r == 0)
		r = netlink_open(&link->outside, -1, NETLINK_ROUTE, &words);
	if (r == 0)
		r = link_open_host(&down.host, &words);
	if (r == 0)
		r = link_observe(link, &words);
	failed(&down, r, &words);
	if (r == 0) {
		struct link_entry *entry, *next;
		HASH_ITER(by_name, link->names, entry, next) {
			const char *role = link_alias_role(entry->info.alias, instance);
			if (role && text_starts(role, LINK_PORT_ROLE))
				give_back(&down, entry, role + strlen(LINK_PORT_ROLE));
		}
		delete_all(&down);
	}
	/* With a port still inside the namespace stays: it would be lost. */
	if (down.result == 0)
		failed(&down, namespace_remove_named(plane->namespace, &words), &words);
	link_entries_clear(link);
	netlink_close(&link->inside);
	netlink_close(&link->outside);
	mem_close_at(&link->netns);
	mem_close_at(&down.host);
	return down.result;
}
