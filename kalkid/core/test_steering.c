/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/test_steering.c - the changes that transitions need, element by element. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/steering.h"

static const struct steering_place place = {10, 20, {{2, 0, 0, 0, 0, 1}}};
static const struct steering_legs none;

/* Legs of umbox n are n1 (in) and n2 (out). */
static struct steering_legs legs(unsigned count, const unsigned *umboxes)
{
	struct steering_legs legs = {.count = count};
	for (unsigned i = 0; i < count; i++) {
		legs.leg[i][LEG_IN] = umboxes[i] * 10 + 1;
		legs.leg[i][LEG_OUT] = umboxes[i] * 10 + 2;
	}
	return legs;
}
#define LEGS(...) \
	legs(sizeof((unsigned[]){__VA_ARGS__}) / sizeof(unsigned), (unsigned[]){__VA_ARGS__})

static unsigned count_changes(const struct steering_changes *changes, enum steering_set set,
			      bool add)
{
	unsigned count = 0;
	for (unsigned i = 0; i < changes->count; i++)
		count += changes->list[i].element.set == set && changes->list[i].add == add;
	return count;
}

static void route(struct steering *held, const struct steering_legs *path, bool cut,
		  struct steering_changes *ret)
{
	steering_route(ret, held, &place, path, cut, &none);
	steering_apply(held, ret);
}

static void a_flip_replaces_three_elements(void **state maybe_unused)
{
	struct steering held = {0};
	struct steering_changes changes = {0};
	const struct steering_legs x = LEGS(1, 2), y = LEGS(3, 4);
	route(&held, &x, false, &changes);
	steering_changes_done(&changes);
	steering_prepare(&changes, &held, &place, &y, &x);
	for (unsigned i = 0; i < changes.count; i++)
		assert_true(changes.list[i].add && changes.list[i].element.set > STEERING_PEERS);
	steering_apply(&held, &changes);
	steering_changes_done(&changes);

	route(&held, &y, false, &changes);
	assert_int_equal(changes.count, 6);
	for (enum steering_set set = STEERING_UP; set <= STEERING_PEERS; set++) {
		assert_int_equal(count_changes(&changes, set, false), 1);
		assert_int_equal(count_changes(&changes, set, true), 1);
	}
	/* A key is free before it is added anew. */
	assert_false(changes.list[0].add);
	assert_true(changes.list[changes.count - 1].add);
	steering_changes_done(&changes);
	steering_done(&held);
}

static void a_tail_that_becomes_inner_is_no_exit(void **state maybe_unused)
{
	struct steering held = {0};
	struct steering_changes changes = {0};
	const struct steering_legs x = LEGS(1), y = LEGS(1, 2);
	route(&held, &x, false, &changes);
	steering_changes_done(&changes);
	route(&held, &y, false, &changes);
	assert_int_equal(count_changes(&changes, STEERING_TAILS, false), 1);
	assert_int_equal(count_changes(&changes, STEERING_OUT, false), 1);
	assert_int_equal(count_changes(&changes, STEERING_BACK, false), 0);
	steering_changes_done(&changes);
	assert_false(steering_has_leftovers(&held, &y, &none));
	steering_done(&held);
}

static void what_is_left_drains_or_is_cut(void **state maybe_unused)
{
	struct steering held = {0};
	struct steering_changes changes = {0};
	const struct steering_legs x = LEGS(1, 2), y = LEGS(3), z = LEGS(4);
	route(&held, &x, false, &changes);
	steering_changes_done(&changes);
	route(&held, &y, false, &changes);
	steering_changes_done(&changes);
	assert_true(steering_has_leftovers(&held, &y, &none));
	assert_false(steering_has_leftovers(&held, &y, &x));
	route(&held, &z, true, &changes);
	steering_changes_done(&changes);
	assert_false(steering_has_leftovers(&held, &z, &none));
	steering_hold(&changes, &held, false, &none);
	assert_int_equal(changes.count, 3);
	steering_changes_done(&changes);
	steering_hold(&changes, &held, true, &none);
	steering_apply(&held, &changes);
	steering_changes_done(&changes);
	assert_int_equal(held.count, 0);
	steering_done(&held);
}

static void addresses_are_replaced_under_the_path(void **state maybe_unused)
{
	struct steering held = {0};
	struct steering_changes changes = {0};
	struct device_identity device = {.mac = place.mac, .ip_count = 1};
	struct steering_place elsewhere = place;
	device.ips[0] = (struct ip){4, {192, 0, 2, 1}};
	steering_enrol(&changes, &held, &device, &place);
	steering_apply(&held, &changes);
	steering_changes_done(&changes);
	const struct steering_legs x = LEGS(1);
	route(&held, &x, false, &changes);
	steering_changes_done(&changes);

	device.ips[0].octet[3] = 2;
	steering_enrol(&changes, &held, &device, &place);
	for (unsigned i = 0; i < changes.count; i++)
		assert_true(changes.list[i].element.ip.family == 4);
	steering_apply(&held, &changes);
	steering_changes_done(&changes);

	/* Behind another port: held until it is routed again. */
	elsewhere.port = 11;
	steering_enrol(&changes, &held, &device, &elsewhere);
	assert_int_equal(count_changes(&changes, STEERING_UP, false), 1);
	assert_int_equal(count_changes(&changes, STEERING_DN, false), 1);
	assert_int_equal(count_changes(&changes, STEERING_PEERS, false), 1);
	assert_int_equal(count_changes(&changes, STEERING_HOMES, true), 1);
	steering_apply(&held, &changes);
	steering_changes_done(&changes);
	steering_unenrol(&changes, &held);
	steering_apply(&held, &changes);
	steering_changes_done(&changes);
	assert_int_equal(held.count, 0);
	steering_done(&held);
}

/* Legs of umbox n are n1, n2 and, where n is odd, n3 (direct). */
static bool umbox_of(const struct steering_names *names maybe_unused, uint32_t interface,
		     uint32_t *ret_umbox, enum leg_side *ret_side)
{
	*ret_umbox = interface / 10;
	*ret_side = interface % 10 - 1;
	return interface > 30 && interface % 10;
}

static uint32_t leg_of(const struct steering_names *names maybe_unused, uint32_t umbox,
		       enum leg_side side)
{
	return side == LEG_DIRECT && umbox % 2 == 0 ? 0 : umbox * 10 + side + 1;
}

static struct steering_legs legs_with_direct(unsigned count, const unsigned *umboxes)
{
	struct steering_legs path = legs(count, umboxes);
	for (unsigned i = 0; i < count; i++)
		path.leg[i][LEG_DIRECT] = leg_of(NULL, umboxes[i], LEG_DIRECT);
	return path;
}

static unsigned count_of_leg(const struct steering *held, uint32_t interface)
{
	unsigned count = 0;
	for (unsigned i = 0; i < held->count; i++) {
		assert_int_not_equal(held->elements[i].to_interface, interface);
		count += held->elements[i].interface == interface;
	}
	return count;
}

static void a_direct_leg_comes_and_goes_with_its_hop(void **state maybe_unused)
{
	const struct steering_names names = {umbox_of, leg_of};
	struct steering held = {0};
	struct steering_changes changes = {0};
	struct steering_view view;
	const struct steering_legs x = legs_with_direct(3, (unsigned[]){4, 5, 6}),
				   y = legs_with_direct(2, (unsigned[]){5, 6}),
				   z = legs_with_direct(1, (unsigned[]){7});
	route(&held, &x, false, &changes);
	steering_changes_done(&changes);
	/* Out, marked as an exit, and back: nothing leads in. */
	assert_int_equal(count_of_leg(&held, 53), 3);
	steering_read(&view, &held, &place, &names);
	assert_int_equal(view.path.state, PATH_WHOLE);
	assert_memory_equal(view.legs.leg, x.leg, sizeof(x.leg));

	/* It stays as it is where its hop stays. */
	route(&held, &y, false, &changes);
	for (unsigned i = 0; i < changes.count; i++)
		assert_int_not_equal(changes.list[i].element.interface, 53);
	steering_changes_done(&changes);

	steering_clean(&changes, &held, &y, &none);
	steering_apply(&held, &changes);
	steering_changes_done(&changes);

	/* A prepared chain has its own before it is in force; and is none where that is missing. */
	steering_prepare(&changes, &held, &place, &z, &y);
	steering_apply(&held, &changes);
	steering_changes_done(&changes);
	assert_int_equal(count_of_leg(&held, 73), 3);
	steering_read(&view, &held, &place, &names);
	assert_int_equal(view.spare_count, 1);
	const struct steering_change lost = {
		.element = {.set = STEERING_BACK, .interface = 73, .mac = place.mac}};
	steering_apply(&held, &(struct steering_changes){(struct steering_change *)&lost, 1, 1});
	steering_read(&view, &held, &place, &names);
	assert_int_equal(view.spare_count, 0);

	route(&held, &z, true, &changes);
	steering_changes_done(&changes);
	assert_int_equal(count_of_leg(&held, 53), 0);
	assert_int_equal(count_of_leg(&held, 73), 3);
	/* One that lacks an entry is seen as broken, and made whole. */
	steering_apply(&held, &(struct steering_changes){(struct steering_change *)&lost, 1, 1});
	steering_read(&view, &held, &place, &names);
	assert_int_equal(view.path.state, PATH_BROKEN);
	route(&held, &z, false, &changes);
	assert_int_equal(changes.count, 1);
	steering_changes_done(&changes);
	steering_hold(&changes, &held, true, &none);
	steering_apply(&held, &changes);
	steering_changes_done(&changes);
	assert_int_equal(held.count, 0);
	steering_done(&held);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flip_replaces_three_elements),
		cmocka_unit_test(a_tail_that_becomes_inner_is_no_exit),
		cmocka_unit_test(what_is_left_drains_or_is_cut),
		cmocka_unit_test(addresses_are_replaced_under_the_path),
		cmocka_unit_test(a_direct_leg_comes_and_goes_with_its_hop),
	};
	return cmocka_run_group_tests_name("steering", tests, NULL, NULL);
}
