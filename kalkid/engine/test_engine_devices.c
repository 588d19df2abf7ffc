/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/test_engine_devices.c - devices that come, go, and become others, in the whole engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "engine/test_fixture.h"

/* The new one may have the MAC of the old, whose umboxes still stand. */
static void a_device_goes_and_comes_at_once(void **state)
{
	struct fixture *f = *state;
	struct device device = camera();
	for (unsigned i = 0; i < 5; i++) {
		set_state(f, "Watched");
		if (i & 1)
			write_all(f);
		set_state(f, "Normal"); /* is being written when the device goes */
		uint32_t before = number_of(f, "cam");
		char words[FAKE_WORDS_BYTES];
		must(engine_remove_device(f->engine, "cam", &ORDER, &err));
		assert_string_equal(fake_path(f->world, before, words), "held");
		must(engine_add_device(f->engine, &device, &ORDER, &err));
		assert_int_not_equal(number_of(f, "cam"), before);
		await(f, "a");
		pass(f, 1000);
		assert_int_equal(fake_count(f->world, before), 0);
		assert_int_equal(f->world->enrolments_refused, 0);
		assert_false(fake_find_device(f->world, before)->enrolled);
	}
}

/* A umbox is told once whom it serves: another identity needs others. */
static void another_address_needs_other_umboxes(void **state)
{
	struct fixture *f = *state;
	struct device device = camera();
	uint32_t umbox = f->world->umboxes[0].is.id;
	device.mac.octet[5] = 9;
	must(engine_change_device(f->engine, &device, &ORDER, &err));
	assert_string_equal(path(f), "held");
	await(f, "a");
	pass(f, 1000);
	assert_null(fake_find_umbox(f->world, umbox));
	assert_true(
		mac_equal(&fake_find_device(f->world, number_of(f, "cam"))->as.mac, &device.mac));
}

/* Also those that outlive a kill in the middle of the change. */
static void another_address_and_a_kill_after_every_step(void **state)
{
	struct fixture *f = *state;
	struct device device = camera();
	unsigned steps = 1;
	for (unsigned cut = 1; cut <= steps; cut++) {
		unsigned before = f->world->step_count;
		char addresses[DIGEST_TEXT_BYTES];
		device.mac.octet[5] ^= 8;
		device_addresses_digest(&device.identity, addresses);
		f->cut_at = before + cut;
		must(engine_change_device(f->engine, &device, &ORDER, &err));
		write_all(f);
		await(f, "a");
		const struct path *path = &f->world->flips[f->world->flip_count - 1].path;
		assert_int_equal(path->count, 1);
		assert_string_equal(fake_find_umbox(f->world, path->ids[0])->is.serves, addresses);
		pass(f, 1000);
		steps = f->world->step_count - before;
		assert_in_range(steps, 6, 40);
	}
}

static void hear(struct fixture *f, enum claim_kind kind, const char *ip, uint32_t xid)
{
	struct driver_listener *listener = engine_listener(f->engine);
	struct claim claim = {.kind = kind, .xid = xid};
	claim.lease_us = kind == CLAIM_LEASE ? 2000000 : 0;
	if (ip)
		must(ip_parse(&claim.ip, ip, &err));
	listener->on_notice(listener, &(struct driver_notice){.kind = DRIVER_CLAIM,
							      .device = number_of(f, "cam"),
							      .claim = &claim});
	pass(f, 100);
}

/* The control's and the kernel's word. */
static bool owns(struct fixture *f, const char *text)
{
	struct device_status status;
	struct ip ip;
	must(ip_parse(&ip, text, &err));
	must(engine_find_device(f->engine, "cam", &status, &err));
	bool enrolled = device_owns_ip(&fake_find_device(f->world, number_of(f, "cam"))->as, &ip);
	assert_int_equal(enrolled, device_owns_ip(&status.device.identity, &ip));
	return enrolled;
}

static void addresses_are_learnt_and_kept(void **state)
{
	struct fixture *f = *state;
	struct device other = camera();
	uint32_t umbox = f->world->umboxes[0].is.id;
	unsigned flips = f->world->flip_count;
	hear(f, CLAIM_LEASE, "10.0.0.5", 7);
	assert_false(owns(f, "10.0.0.5"));
	hear(f, CLAIM_ASK, NULL, 7);
	hear(f, CLAIM_LEASE, "10.0.0.5", 7);
	assert_true(owns(f, "10.0.0.5"));
	hear(f, CLAIM_ND, "fd00::5", 0);
	assert_true(owns(f, "fd00::5"));
	/* The chain stays with its memory, under other elements. */
	assert_string_equal(path(f), "a");
	assert_int_equal(f->world->umboxes[0].is.id, umbox);
	assert_int_equal(f->world->flip_count, flips);
	write_all(f);
	restart_daemon(f);
	await(f, "a");
	assert_true(owns(f, "10.0.0.5") && owns(f, "fd00::5"));
	/* Renewed in time, then not. */
	pass(f, 1500);
	hear(f, CLAIM_LEASE, "10.0.0.5", 9);
	pass(f, 1000);
	assert_true(owns(f, "10.0.0.5"));
	pass(f, 2000);
	assert_false(owns(f, "10.0.0.5"));
	assert_true(owns(f, "fd00::5"));
	assert_true(device_is_bound(&fake_find_device(f->world, number_of(f, "cam"))->as, 4));
	/* What is another's stays so, and the operator's word beats what was learnt. */
	TEXT_COPY(other.name, "other");
	other.mac.octet[5] = 2;
	must(ip_parse(&other.ips[other.ip_count++], "fd00::5", &err));
	must(ip_parse(&other.ips[other.ip_count++], "10.0.0.6", &err));
	must(engine_add_device(f->engine, &other, &ORDER, &err));
	pass(f, 1000);
	assert_false(owns(f, "fd00::5"));
	hear(f, CLAIM_ASK, NULL, 11);
	hear(f, CLAIM_LEASE, "10.0.0.6", 11);
	assert_false(owns(f, "10.0.0.6"));
}

/* Another type may be looser: that is on disk before it is in force. */
static void another_type_is_written_first(void **state)
{
	struct fixture *f = *state;
	struct device device = camera();
	set_state(f, "Shut");
	pass(f, 300);
	write_all(f);
	TEXT_COPY(device.type, "lamp");
	must(engine_change_device(f->engine, &device, &ORDER, &err));
	assert_string_equal(path(f), "held");
	write_all(f);
	assert_string_equal(path(f), "pass");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_device_goes_and_comes_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(another_address_needs_other_umboxes, setup,
						teardown),
		cmocka_unit_test_setup_teardown(another_address_and_a_kill_after_every_step, setup,
						teardown),
		cmocka_unit_test_setup_teardown(addresses_are_learnt_and_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(another_type_is_written_first, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
