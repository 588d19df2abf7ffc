/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_plane_repair.c - the data plane when others flush, delete and change it: nothing leaks, and
 * all of it comes back. */
#include "plane_bed.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/text.h"
#include "driver/nft_inner.h"
#include "io/namespace.h"

enum { MANY = 150 };

static unsigned up(struct plane_bed *bed)
{
	unsigned marks = 0, count = plane_pass(bed, bed->at_port[0], &bed->a.mac, bed->at_network,
					       &bed->gateway, &marks);
	assert_int_equal(marks, count ? 1 << 1 : 0);
	return count;
}

static unsigned down(struct plane_bed *bed)
{
	unsigned marks = 0, count = plane_pass(bed, bed->at_network, &bed->gateway, bed->at_port[0],
					       &bed->a.mac, &marks);
	assert_int_equal(marks, count ? 1 << 1 : 0);
	return count;
}

/* A new bridge forwards only once the kernel has looked at the carriers of its ports, which it does
 * at most once a second. */
static void assert_passes(struct plane_bed *bed)
{
	for (unsigned waited = 0; waited < WAIT_MS && !down(bed); waited++)
		usleep(1000);
	assert_int_equal(up(bed), 1);
	assert_int_equal(down(bed), 1);
}

static void assert_off_the_network(struct plane_bed *bed)
{
	assert_int_equal(up(bed), 0);
	assert_int_equal(down(bed), 0);
	assert_int_equal(
		plane_pass(bed, bed->at_port[0], &bed->a.mac, bed->at_host, &bed->gateway, NULL),
		0);
}

static void assert_nothing_passes(struct plane_bed *bed)
{
	assert_off_the_network(bed);
	assert_int_equal(
		plane_pass(bed, bed->at_port[0], &bed->a.mac, bed->at_port[1], &bed->b.mac, NULL),
		0);
}

static struct path observed(struct plane_bed *bed, const struct device_identity *device)
{
	struct driver_device *views;
	unsigned count;
	struct path path = {.state = PATH_STATE_COUNT};
	assert_done(link_observe(bed->link, &err));
	assert_done(nft_observe(bed->nft, &views, &count, &err));
	for (unsigned i = 0; i < count; i++)
		if (views[i].device == device->number)
			path = views[i].path;
	free(views);
	return path;
}

static int repaired(struct plane_bed *bed)
{
	int links, rules;
	assert_done(link_observe(bed->link, &err));
	assert_done(links = link_repair(bed->link, &err));
	assert_done(rules = nft_repair(bed->nft, &err));
	return links | rules;
}

static void a_flush_is_seen_and_repaired(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	plane_route_all(bed, umboxes);
	assert_passes(bed);
	assert_int_equal(repaired(bed), 0);
	assert_int_not_equal(nft_notice_fd(bed->nft), -1);
	assert_int_equal(nft_read_notices(bed->nft, NULL), 0);
	struct epoll_event event = {.events = EPOLLIN};
	int poll = epoll_create1(EPOLL_CLOEXEC);
	assert_int_equal(epoll_ctl(poll, EPOLL_CTL_ADD, nft_notice_fd(bed->nft), &event), 0);
	assert_int_equal(repaired(bed), 0);

	bed_run(link_namespace(bed->link), "nft flush ruleset");
	assert_int_equal(epoll_wait(poll, &event, 1, 0), 1);
	close(poll);
	assert_nothing_passes(bed);
	assert_int_equal(nft_read_notices(bed->nft, NULL), 1);
	assert_int_equal(repaired(bed), 1);
	assert_passes(bed);
	assert_int_equal(observed(bed, &bed->a).state, PATH_WHOLE);
	assert_int_equal(nft_read_notices(bed->nft, NULL), 0);
	assert_int_equal(repaired(bed), 0);
	plane_close_all(bed, umboxes);
}

/* Nothing can be sent, until it is put back. */
static int take_netlink_away(struct plane_bed *bed)
{
	int nothing[2], kept = dup(bed->nft->netlink.fd);
	assert_int_equal(pipe(nothing), 0);
	assert_int_equal(dup2(nothing[1], bed->nft->netlink.fd), bed->nft->netlink.fd);
	close(nothing[0]);
	close(nothing[1]);
	return kept;
}

static void put_netlink_back(struct plane_bed *bed, int kept)
{
	assert_int_equal(dup2(kept, bed->nft->netlink.fd), bed->nft->netlink.fd);
	close(kept);
}

/* The rules are flushed, and a device is held before anybody has looked. */
static void a_flush_under_a_step_costs_the_others_nothing(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	plane_route_all(bed, umboxes);
	assert_passes(bed);
	bed_run(link_namespace(bed->link), "nft flush ruleset");
	assert_true(nft_hold(bed->nft, bed->b.number, false, NULL) < 0);
	assert_int_equal(repaired(bed), 1);
	assert_passes(bed);
	assert_done(nft_hold(bed->nft, bed->b.number, false, &err));
	assert_int_equal(observed(bed, &bed->b).state, PATH_HELD);
	plane_close_all(bed, umboxes);
}

/* A transaction was carried out, its answer did not come, and nothing could be read either. */
static void what_a_failed_step_left_is_looked_at_first(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	int inside = link_namespace(bed->link);
	plane_route_all(bed, umboxes);
	for (unsigned way = 0; way < 2; way++) {
		bed_run(inside,
			"for map in up dn peers; do echo add element netdev kalki $map $(nft "
			"list map netdev kalki $map | tr -d '\\n' | sed 's/.*elements = //; "
			"s/}.*/}/'); done >/run/netns/ways.nft");
		assert_done(nft_hold(bed->nft, bed->a.number, false, &err));
		assert_nothing_passes(bed);
		int kept = take_netlink_away(bed);
		assert_true(nft_route(bed->nft, bed->a.number,
				      &(struct path){.ids = {0x10}, .count = 1}, false, NULL) < 0);
		put_netlink_back(bed, kept);
		bed_run(inside, "nft -f /run/netns/ways.nft");
		assert_passes(bed);
		if (way == 0) {
			assert_done(nft_hold(bed->nft, bed->a.number, false, &err));
			assert_nothing_passes(bed);
			ROUTE(bed, &bed->a, 0x10);
		} else {
			assert_int_equal(repaired(bed), 0);
			assert_passes(bed);
		}
	}
	plane_close_all(bed, umboxes);
}

/* What could not be mended is no truth the next time. */
static void rules_that_could_not_be_mended_are_mended_later(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	plane_route_all(bed, umboxes);
	bed_run(link_namespace(bed->link),
		"nft replace rule netdev kalki tail handle $(nft -a list chain netdev kalki tail | "
		"sed -n 's/.* # handle //p' | tail -1) accept");
	int kept = take_netlink_away(bed);
	assert_true(nft_replace_table(bed->nft, NULL) < 0);
	put_netlink_back(bed, kept);
	assert_int_equal(repaired(bed), 1);
	assert_passes(bed);
	plane_close_all(bed, umboxes);
}

static void an_owned_table_cannot_be_flushed(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	plane_route_all(bed, umboxes);
	if (nft_notice_fd(bed->nft) >= 0)
		skip(); /* before Linux 6.9 */
	assert_int_equal(bed_try(link_namespace(bed->link), "nft flush ruleset 2>/dev/null"), 0);
	assert_int_not_equal(
		bed_try(link_namespace(bed->link), "nft delete table netdev kalki 2>/dev/null"), 0);
	assert_passes(bed);
	/* Nor by a second daemon. */
	struct nft *second;
	struct error words = {0};
	assert_int_equal(nft_open(&second, bed->link, NULL, &words), -EPERM);
	assert_non_null(strstr(words.text, "another process"));
	assert_passes(bed);
	plane_close_all(bed, umboxes);
}

static void changed_elements_and_rules_are_repaired(void **state)
{
	static const char *const changes[] = {
		"nft flush map netdev kalki up",
		"nft flush set netdev kalki tails",
		"nft delete element netdev kalki homes '{ \"port0\" . 02:00:00:00:00:0a }'",
		"nft add element netdev kalki fixed4 '{ 02:00:00:00:00:0c }'",
		"nft insert rule netdev kalki leg accept",
		"nft flush chain netdev kalki tail",
		"nft flush chain netdev kalki legs_u10i",
		("nft replace rule netdev kalki legs_u10i handle $(nft -a list chain netdev kalki "
		 "legs_u10i | sed -n 's/.*goto leg # handle //p') accept"),
		"nft delete chain netdev kalki legs_u10i",
	};
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	plane_route_all(bed, umboxes);
	for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
		bed_run(link_namespace(bed->link), "%s", changes[i]);
		if (repaired(bed) != 1)
			fail_msg("not seen: %s", changes[i]);
		assert_passes(bed);
		assert_int_equal(repaired(bed), 0);
	}
	bed_run(link_namespace(bed->link), "nft flush map netdev kalki up");
	assert_int_equal(observed(bed, &bed->a).state, PATH_BROKEN);
	assert_int_equal(up(bed), 0);
	ROUTE(bed, &bed->a, 0x10);
	assert_passes(bed);
	plane_close_all(bed, umboxes);
}

/* The second barrier: nothing is forwarded by itself. */
static void without_rules_nothing_passes(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	plane_route_all(bed, umboxes);
	bed_run(link_namespace(bed->link), "nft delete table netdev kalki");
	assert_nothing_passes(bed);
	assert_int_equal(
		plane_pass(bed, bed->at_port[1], &bed->b.mac, bed->at_port[0], &bed->a.mac, NULL),
		0);
	assert_int_equal(repaired(bed), 1);
	assert_passes(bed);
	plane_close_all(bed, umboxes);
}

static void links_that_go_come_back(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	struct driver_device view;
	int inside = link_namespace(bed->link);
	plane_route_all(bed, umboxes);

	/* The slot. */
	bed_run(inside, "ip link del sa");
	assert_off_the_network(bed);
	repaired(bed);
	nft_view(bed->nft, bed->a.number, &view);
	assert_false(view.enrolled);
	plane_enrol(bed, &bed->a);
	assert_nothing_passes(bed);
	ROUTE(bed, &bed->a, 0x10);
	assert_passes(bed);

	/* The bridge. */
	bed_run(inside, "ip link del bridge");
	assert_off_the_network(bed);
	assert_int_equal(repaired(bed), 1);
	plane_enrol(bed, &bed->a);
	assert_passes(bed);

	/* The port, back to the host and fetched again. */
	bed_run(inside, "ip link set port0 netns /proc/%d/ns/net", getpid());
	assert_nothing_passes(bed);
	assert_int_equal(repaired(bed), 1);
	plane_enrol(bed, &bed->a);
	ROUTE(bed, &bed->a, 0x10);
	assert_passes(bed);

	/* The port, away for a time: the rest goes on. */
	bed_run(inside, "ip link set port0 name gone0");
	repaired(bed);
	assert_int_equal(link_find(bed->link, "port0") == NULL, 1);
	bed_run(inside, "ip link set gone0 name port0");
	repaired(bed);
	plane_enrol(bed, &bed->a);
	ROUTE(bed, &bed->a, 0x10);
	assert_passes(bed);

	/* The host leg. */
	bed_run(-1, "ip link del kalki0");
	assert_int_equal(repaired(bed), 1);
	assert_int_equal(bed_try(-1, "ip -4 addr show kalki0 | grep -q " IP_HOST), 0);
	assert_int_equal(repaired(bed), 0);
	plane_close_all(bed, umboxes);
}

struct told {
	unsigned count;
	struct link_change last;
};

static void on_change(void *data, const struct link_change *change)
{
	struct told *told = data;
	told->count++;
	told->last = *change;
}

static void lost_legs_are_told(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	struct told told = {0};
	int inside = link_namespace(bed->link);
	plane_route_all(bed, umboxes);
	assert_done(link_read_notices(bed->link, on_change, &told, &err));
	assert_int_equal(told.count, 0);

	bed_run(inside, "ip link set u10o down");
	assert_done(link_read_notices(bed->link, on_change, &told, &err));
	assert_int_equal(told.count, 1);
	assert_string_equal(told.last.name, "u10o");
	assert_false(told.last.gone);
	assert_false(link_legs_up(bed->link, 0x10, false));
	assert_int_equal(up(bed), 0);
	assert_int_equal(observed(bed, &bed->a).state, PATH_BROKEN);
	bed_run(inside, "ip link set u10o up");
	assert_done(link_read_notices(bed->link, on_change, &told, &err));
	assert_int_equal(told.count, 1);

	/* The container dies, and its namespace with it. */
	bed_run(umboxes[0].netns, "ip link del in");
	assert_done(link_read_notices(bed->link, on_change, &told, &err));
	assert_true(told.count > 1);
	assert_true(told.last.gone);
	assert_nothing_passes(bed);
	assert_int_equal(observed(bed, &bed->a).state, PATH_BROKEN);
	assert_done(nft_hold(bed->nft, bed->a.number, true, &err));
	assert_int_equal(observed(bed, &bed->a).state, PATH_HELD);
	plane_close_all(bed, umboxes);
}

static void spare_paths_wait_and_are_cleaned(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3], spare;
	struct driver_device view;
	const struct path path = {.state = PATH_WHOLE, .ids = {0x20}, .count = 1};
	plane_route_all(bed, umboxes);
	bed_umbox_open(&spare, bed->link, bed->nft, 0x20, 4);
	assert_done(nft_prepare(bed->nft, bed->a.number, &path, &err));
	nft_view(bed->nft, bed->a.number, &view);
	assert_int_equal(view.prepared_count, 1);
	assert_int_equal(view.prepared[0], 0x20);
	assert_false(view.leftovers);
	assert_passes(bed);

	/* In force; the old chain is left, until it is cleaned. */
	ROUTE(bed, &bed->a, 0x20);
	nft_view(bed->nft, bed->a.number, &view);
	assert_true(view.leftovers);
	assert_done(nft_clean(bed->nft, bed->a.number, &(struct path){0}, &err));
	nft_view(bed->nft, bed->a.number, &view);
	assert_false(view.leftovers);
	assert_int_equal(view.path.state, PATH_WHOLE);
	assert_int_equal(view.prepared_count, 0);

	/* Cut: nothing of it is left at once; a spare stays. */
	const struct path back = {.state = PATH_WHOLE, .ids = {0x10}, .count = 1};
	assert_done(nft_prepare(bed->nft, bed->a.number, &back, &err));
	assert_done(nft_hold(bed->nft, bed->a.number, true, &err));
	nft_view(bed->nft, bed->a.number, &view);
	assert_false(view.leftovers);
	assert_int_equal(view.prepared_count, 1);
	assert_done(nft_route(bed->nft, bed->a.number, &back, true, &err));
	assert_passes(bed);

	/* A leg that is not there. */
	const struct path missing = {.state = PATH_WHOLE, .ids = {0x77}, .count = 1};
	assert_int_equal(nft_route(bed->nft, bed->a.number, &missing, false, NULL), -ENOENT);
	assert_passes(bed);
	bed_umbox_close(&spare, bed->link, bed->nft);
	plane_close_all(bed, umboxes);
}

static void a_new_daemon_adopts_what_stands(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3], spare;
	struct driver_device view;
	const struct path path = {.state = PATH_WHOLE, .ids = {0x20}, .count = 1};
	plane_route_all(bed, umboxes);
	bed_umbox_open(&spare, bed->link, bed->nft, 0x20, 4);
	assert_done(nft_prepare(bed->nft, bed->a.number, &path, &err));
	assert_done(nft_hold(bed->nft, bed->b.number, true, &err));
	plane_leave(bed);
	assert_passes(bed);

	plane_enter(bed);
	assert_passes(bed);
	nft_view(bed->nft, bed->a.number, &view);
	assert_true(view.enrolled);
	assert_true(device_same_identity(&view.as, &bed->a));
	assert_int_equal(view.path.state, PATH_WHOLE);
	assert_int_equal(view.path.ids[0], 0x10);
	assert_int_equal(view.prepared[0], 0x20);
	assert_false(view.leftovers);
	nft_view(bed->nft, bed->b.number, &view);
	assert_true(view.enrolled);
	assert_int_equal(view.path.state, PATH_HELD);
	assert_true(view.leftovers || view.prepared_count == 0);
	assert_int_equal(repaired(bed), 0);
	bed_umbox_close(&spare, bed->link, bed->nft);
	plane_close_all(bed, umboxes);

	assert_done(nft_unenrol(bed->nft, bed->c.number, &err));
	assert_done(link_remove_slot(bed->link, bed->c.number, &err));
	nft_view(bed->nft, bed->c.number, &view);
	assert_false(view.enrolled);
	assert_null(link_find(bed->link, "sc"));
}

static void many_umboxes_can_be_hooked_and_listed(void **state)
{
	struct plane_bed *bed = *state;
	int netns = bed_namespace();
	char names[LEG_SIDE_COUNT][LINK_NAME_BYTES];
	for (uint32_t id = 1; id <= MANY; id++) {
		struct leg_options options = {.netns = netns, .plain_frames = id == 1};
		for (unsigned side = 0; side < LEG_SIDE_COUNT; side++) {
			leg_name(names[side], id, side);
			options.name[side] = names[side];
		}
		assert_done(link_add_legs(bed->link, id, &options, &err));
		assert_done(nft_hook_legs(bed->nft, id, &err));
		assert_true(link_legs_up(bed->link, id, false));
	}
	assert_int_equal(bed_try(link_namespace(bed->link),
				 "timeout 60 nft list ruleset | grep -qw u%xo", MANY),
			 0);
	assert_int_equal(bed_try(link_namespace(bed->link),
				 "ethtool -k u1i | grep -q 'tx-checksumming: off'"),
			 0);
	assert_int_equal(repaired(bed), 0);
	plane_leave(bed);
	plane_enter(bed);
	for (uint32_t id = 1; id <= MANY; id++) {
		assert_true(nft_legs_hooked(bed->nft, id));
		assert_done(nft_unhook_legs(bed->nft, id, &err));
		assert_done(link_remove_legs(bed->link, id, &err));
		assert_false(nft_legs_hooked(bed->nft, id));
	}
	struct umbox_counters counters;
	assert_int_equal(link_counters(bed->link, 1, &counters, NULL), -ENOENT);
	close(netns);
}

static void hops_are_counted_in_both_directions(void **state)
{
	struct plane_bed *bed = *state;
	struct bed_umbox umboxes[3];
	struct umbox_counters before, after;
	plane_route_all(bed, umboxes);
	assert_done(link_counters(bed->link, 0x10, &before, &err));
	assert_int_equal(up(bed), 1);
	assert_done(link_counters(bed->link, 0x10, &after, &err));
	assert_int_equal(after.leg[LEG_IN].to_umbox_frames - before.leg[LEG_IN].to_umbox_frames, 1);
	assert_int_equal(
		after.leg[LEG_OUT].from_umbox_frames - before.leg[LEG_OUT].from_umbox_frames, 1);
	assert_int_equal(after.leg[LEG_OUT].to_umbox_frames, before.leg[LEG_OUT].to_umbox_frames);
	plane_close_all(bed, umboxes);
}

/* Ports are given back as they were; what is not ours is left alone. */
static void teardown_gives_back_and_others_are_respected(void **state)
{
	struct plane_bed *bed = *state;
	plane_leave(bed);
	assert_done(link_teardown("test", &bed->plane, &err));
	assert_done(link_teardown("test", &bed->plane, &err));
	bed_run(-1, "ip link set port0 mtu 1400 alias mine down; ip link set port1 up promisc on");
	plane_enter(bed);
	plane_leave(bed);

	/* Another instance may have neither the namespace nor the port. */
	struct link *other;
	struct error words = {0};
	assert_int_equal(link_open(&other, "other", &bed->plane, &words), -EEXIST);
	assert_non_null(strstr(words.text, "not this instance's"));
	assert_int_equal(link_teardown("other", &bed->plane, &words), -EEXIST);
	bed_run(-1, "ip link add mine0 type veth peer name mine1; ip link set mine0 alias "
		    "kalki:other:port:1500:u:n:");
	struct data_plane plane = bed->plane;
	TEXT_COPY(plane.namespace, "kalki-test2");
	TEXT_COPY(plane.ports[0].name, "mine0");
	TEXT_COPY(plane.host_leg, "kalki2");
	plane.port_count = 1;
	plane.network_port[0] = '\0';
	assert_int_equal(link_open(&other, "test", &plane, &words), -EBUSY);
	TEXT_COPY(plane.ports[0].name, "absent0");
	assert_int_equal(link_open(&other, "test", &plane, &words), -ENODEV);
	assert_non_null(strstr(words.text, "absent0"));
	assert_done(link_teardown("test", &plane, &err));
	bed_run(-1, "ip link del mine0");

	assert_done(link_teardown("test", &bed->plane, &err));
	assert_int_equal(
		bed_try(-1, "ip -d link show port0 | tr '\\n' ' ' | "
			    "grep 'mtu 1400.*state DOWN.*promiscuity 0.*alias mine' >/dev/null"),
		0);
	assert_int_equal(bed_try(-1, "ip -d link show port1 | grep PROMISC | grep -q UP"), 0);
	assert_int_equal(bed_try(-1, "test ! -e /run/netns/kalki-test"), 0);
	assert_int_not_equal(bed_try(-1, "ip link show kalki0 2>/dev/null"), 0);
	bed_run(-1, "ip link set port0 mtu 1500 up");
	plane_enter(bed);
}

#define TEST(test, open) cmocka_unit_test_setup_teardown(test, open, plane_close)
/* The ways that kernels without owned tables and lists of hooks go. */
#define OLD(test)                                                                  \
	{                                                                          \
#test "_on_an_old_kernel", test, plane_open_old, plane_close, NULL \
	}

int main(void)
{
	bed_enter();
	const struct CMUnitTest tests[] = {
		TEST(an_owned_table_cannot_be_flushed, plane_open),
		TEST(links_that_go_come_back, plane_open),
		TEST(lost_legs_are_told, plane_open),
		TEST(spare_paths_wait_and_are_cleaned, plane_open),
		TEST(a_new_daemon_adopts_what_stands, plane_open),
		TEST(many_umboxes_can_be_hooked_and_listed, plane_open),
		TEST(hops_are_counted_in_both_directions, plane_open),
		TEST(teardown_gives_back_and_others_are_respected, plane_open),
		OLD(a_flush_is_seen_and_repaired),
		OLD(a_flush_under_a_step_costs_the_others_nothing),
		OLD(what_a_failed_step_left_is_looked_at_first),
		OLD(rules_that_could_not_be_mended_are_mended_later),
		OLD(changed_elements_and_rules_are_repaired),
		OLD(without_rules_nothing_passes),
		OLD(links_that_go_come_back),
		OLD(a_new_daemon_adopts_what_stands),
		OLD(many_umboxes_can_be_hooked_and_listed),
	};
	return cmocka_run_group_tests_name("repair", tests, NULL, NULL);
}
