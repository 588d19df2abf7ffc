/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/test_ids.c - names, addresses, interface names, identities. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/device.h"
#include "core/posture.h"

static void names_are_checked(void **state maybe_unused)
{
	struct error err = {0};
	assert_int_equal(name_check("device", "cam-1_a.b", &err), 0);
	assert_int_equal(name_check("device", "", &err), -EINVAL);
	assert_string_equal(err.text, "a device needs a name");
	assert_int_equal(name_check("device", "-cam", &err), -EINVAL);
	assert_int_equal(name_check("device", "cam 1", &err), -EINVAL);
	assert_int_equal(name_check("device", "../etc", &err), -EINVAL);
	char long_name[NAME_BYTES + 1];
	memset(long_name, 'a', NAME_BYTES);
	long_name[NAME_BYTES] = '\0';
	assert_int_equal(name_check("device", long_name, &err), -EINVAL);
	long_name[NAME_BYTES - 1] = '\0';
	assert_int_equal(name_check("device", long_name, &err), 0);
}

static void macs_are_read_and_written(void **state maybe_unused)
{
	struct mac mac;
	char text[MAC_TEXT_BYTES];
	assert_int_equal(mac_parse(&mac, "02:00:00:00:0A:01", NULL), 0);
	mac_print(text, &mac);
	assert_string_equal(text, "02:00:00:00:0a:01");
	assert_int_equal(mac_parse(&mac, "02-00-00-00-0a-02", NULL), 0);
	static const char *const bad[] = {"",
					  "02",
					  "02:00:00:00:0a",
					  "02:00:00:00:0a:01:02",
					  "02:00:00:00:0a:0g",
					  "01:00:5e:00:00:01",
					  "ff:ff:ff:ff:ff:ff",
					  "00:00:00:00:00:00",
					  "02:00:00:00:0a:1"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(mac_parse(&mac, bad[i], NULL), -EINVAL);
}

static void ips_are_read_and_written(void **state maybe_unused)
{
	struct ip ip;
	char text[IP_TEXT_BYTES];
	assert_int_equal(ip_parse(&ip, "10.20.0.11", NULL), 0);
	ip_print(text, &ip);
	assert_string_equal(text, "10.20.0.11");
	assert_int_equal(ip_parse(&ip, "2001:DB8::7", NULL), 0);
	ip_print(text, &ip);
	assert_string_equal(text, "2001:db8::7");
	static const char *const bad[] = {"",   "10.20.0", "0.0.0.0", "127.0.0.1",  "224.0.0.1",
					  "::", "::1",     "ff02::1", "10.0.0.1/24"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(ip_parse(&ip, bad[i], NULL), -EINVAL);
}

static void link_names_go_both_ways(void **state maybe_unused)
{
	char name[LINK_NAME_BYTES];
	uint32_t number;
	enum leg_side side;
	leg_name(name, UINT32_MAX, LEG_OUT);
	assert_string_equal(name, "uffffffffo");
	assert_true(leg_name_parse(name, &number, &side));
	assert_int_equal(number, UINT32_MAX);
	assert_int_equal(side, LEG_OUT);
	leg_name(name, 18, LEG_DIRECT);
	assert_string_equal(name, "u12r");
	assert_true(leg_name_parse(name, &number, &side));
	assert_int_equal(side, LEG_DIRECT);
	slot_name(name, DEVICE_NUMBER_MAX);
	assert_string_equal(name, "sffff");
	assert_true(slot_name_parse(name, &number));
	slot_peer_name(name, 7);
	assert_true(slot_peer_name_parse(name, &number));
	assert_int_equal(number, 7);
	static const char *const foreign[] = {"",   "u",    "u1",   "u1x", "u1ii",  "u01i",
					      "ui", "uFFi", "u1ri", "eth", "s7/..", "u1fffffffffi"};
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		assert_false(leg_name_parse(foreign[i], &number, &side));
		assert_false(slot_name_parse(foreign[i], &number));
	}
	assert_false(slot_name_parse("s10000", &number));
	assert_false(slot_name_parse("s0", &number));
}

static struct device camera(void)
{
	struct device device = {.name = "cam1", .type = "camera", .port = "iot0", .ip_count = 1};
	assert_int_equal(mac_parse(&device.mac, "02:00:00:00:0a:01", NULL), 0);
	assert_int_equal(ip_parse(&device.ips[0], "10.20.0.11", NULL), 0);
	return device;
}

static void devices_may_not_share_an_identity(void **state maybe_unused)
{
	struct error err = {0};
	struct device a = camera(), b = camera();
	assert_int_equal(device_check(&a, &err), 0);
	assert_int_equal(device_check_pair(&a, &b, &err), -EEXIST);
	assert_string_equal(err.text, "a device named 'cam1' exists already");
	TEXT_COPY(b.name, "cam2");
	assert_int_equal(device_check_pair(&b, &a, &err), -EEXIST);
	assert_string_equal(err.text,
			    "device 'cam2': the MAC address 02:00:00:00:0a:01 belongs to 'cam1'");
	b.mac.octet[5] = 2;
	assert_int_equal(device_check_pair(&b, &a, &err), -EEXIST);
	assert_string_equal(err.text, "device 'cam2': the address 10.20.0.11 belongs to 'cam1'");
	b.ips[0].octet[3] = 12;
	assert_int_equal(device_check_pair(&b, &a, &err), 0);
	b.ips[1] = b.ips[0];
	b.ip_count = 2;
	assert_int_equal(device_check(&b, &err), -EINVAL);
}

static void identity_is_port_mac_addresses_and_multicast(void **state maybe_unused)
{
	struct device a = camera(), b = camera();
	TEXT_COPY(b.name, "other");
	assert_true(device_same_identity(&a.identity, &b.identity));
	b.multicast = true;
	assert_false(device_same_identity(&a.identity, &b.identity));
	b = camera();
	TEXT_COPY(b.port, "iot1");
	assert_false(device_same_identity(&a.identity, &b.identity));
	b = camera();
	b.ip_count = 0;
	assert_false(device_same_identity(&a.identity, &b.identity));
}

static void hops_with_equal_image_and_parameters_are_equal(void **state maybe_unused)
{
	char none[] = "{}", some[] = "{\"a\":1}";
	struct hop a = {.name = "x", .image = "kalki/pass:1", .parameters = none};
	struct hop b = {.name = "y", .image = "kalki/pass:1", .parameters = none};
	hop_seal(&a);
	hop_seal(&b);
	assert_string_equal(a.digest, b.digest);
	b.parameters = some;
	hop_seal(&b);
	assert_string_not_equal(a.digest, b.digest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test(macs_are_read_and_written),
		cmocka_unit_test(ips_are_read_and_written),
		cmocka_unit_test(link_names_go_both_ways),
		cmocka_unit_test(devices_may_not_share_an_identity),
		cmocka_unit_test(identity_is_port_mac_addresses_and_multicast),
		cmocka_unit_test(hops_with_equal_image_and_parameters_are_equal),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
