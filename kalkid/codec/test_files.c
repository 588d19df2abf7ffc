/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/test_files.c - the operator's files together: configuration, devices, what must fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "codec/files.h"

static const char *const folders[] = {"/etc", "/etc/kalki", "/etc/kalki/conf.d",
				      "/etc/kalki/types.d", "/etc/kalki/devices.d"};

static char root[] = "/tmp/kalki-test-files-XXXXXX";

static void make_folders(void)
{
	strcpy(root + strlen(root) - 6, "XXXXXX");
	assert_non_null(mkdtemp(root));
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		cleanup_free char *path = mem_printf("%s%s", root, folders[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
}

static int remove_folders(void **state maybe_unused)
{
	cleanup_free char *command = mem_printf("rm -r %s", root);
	return system(command);
}

static void write_file(const char *name, const char *text)
{
	cleanup_free char *path = mem_printf("%s/etc/kalki/%s", root, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	fclose(file);
}

static int set_up(void **state maybe_unused)
{
	make_folders();
	write_file("kalkid.yaml",
		   "data_plane: {device_ports: [{name: dev0}], network_port: net0}\n");
	write_file("types.d/a.yaml", "type: a\nstates: {S: {chain: pass}}\n");
	return 0;
}

static void expect_good(struct files *files)
{
	struct complaints complaints = {0};
	struct error err = {0};
	if (files_read(files, root, &complaints, &err) < 0)
		fail_msg("%s\n%s", err.text, complaints.text.bytes);
	assert_int_equal(complaints.count, 0);
}

/* `lines`: with "~" for the folder of the files. */
static void expect_complaints(const char *lines)
{
	struct complaints complaints = {0};
	struct files files = {0};
	struct error err = {0};
	cleanup_buffer struct buffer wanted = {0};
	for (const char *c = lines; *c; c++) {
		if (*c == '~')
			buffer_print(&wanted, "%s/etc/kalki", root);
		else
			buffer_add(&wanted, c, 1);
	}
	assert_int_equal(files_read(&files, root, &complaints, &err), -EINVAL);
	size_t same = 0;
	while (wanted.bytes[same] && wanted.bytes[same] == complaints.text.bytes[same])
		same++;
	if (wanted.bytes[same] || complaints.text.bytes[same])
		fail_msg("'%.200s' is not '%.200s'", complaints.text.bytes + same,
			 wanted.bytes + same);
	assert_non_null(strstr(err.text, " wrong in the files"));
	assert_null(files.policies);
	complaints_done(&complaints);
}

static void defaults_are_in_force(void **state maybe_unused)
{
	struct files files;
	expect_good(&files);
	const struct config *config = &files.config;
	assert_string_equal(config->instance, "kalki");
	assert_string_equal(config->data_plane.namespace, "kalki");
	assert_string_equal(config->data_plane.ports[0].name, "dev0");
	assert_false(config->data_plane.ports[0].hairpin);
	assert_string_equal(config->data_plane.network_port, "net0");
	assert_string_equal(config->data_plane.host_leg, "");
	assert_int_equal(config->data_plane.mtu, 0);
	assert_string_equal(config->docker_socket, "/var/run/docker.sock");
	assert_int_equal(config->starts_at_once, 0);
	assert_int_equal(config->alerts_per_second, 100);
	assert_int_equal(config->heartbeat_timeout_us, 10000000);
	assert_int_equal(config->ready_timeout_us, 15000000);
	assert_int_equal(config->drain_quiet_us, 50000);
	assert_int_equal(config->drain_max_us, 2000000);
	assert_int_equal(config->observe_every_us, 30000000);
	assert_true(config->history_age_max_us == 90 * INT64_C(86400000000));
	assert_int_equal(config->history_bytes_max, 1 << 30);
	assert_int_equal(config->history_answers_max, 10000);
	assert_int_equal(files.policy_count, 1);
	assert_int_equal(files.device_count, 0);
	cleanup_free char *secrets = mem_printf("%s/etc/kalki/secrets", root);
	assert_string_equal(config->secrets, secrets);
	files_done(&files);
}

static void secrets_stand_where_the_operator_says(void **state maybe_unused)
{
	struct files files;
	write_file("conf.d/10.yaml", "secrets: /run/credentials/kalkid\n");
	expect_good(&files);
	assert_string_equal(files.config.secrets, "/run/credentials/kalkid");
	files_done(&files);
	write_file("conf.d/10.yaml", "secrets: secrets\n");
	expect_complaints("~/conf.d/10.yaml:1:10: secrets: is no whole path of a directory "
			  "(/etc/kalki/secrets; at most 255 bytes)\n");
}

static void later_files_win_key_by_key(void **state maybe_unused)
{
	struct files files;
	write_file("conf.d/20.yaml",
		   "umbox: {alerts_per_second: 7}\nhistory: {max_bytes: 512MiB}\n");
	write_file("conf.d/10.yaml",
		   "umbox: {alerts_per_second: 5, ready_timeout: 1m}\n"
		   "data_plane: {device_ports: [{name: a}, {name: b, eapol_up: true}],"
		   " host_leg: {name: h, addresses: [10.0.0.1/24, 'fd00::1/64']}}\n");
	write_file("conf.d/10.yaml.bak", "nonsense: [");
	write_file("conf.d/.hidden.yaml", "nonsense: [");
	expect_good(&files);
	assert_int_equal(files.config.alerts_per_second, 7);
	assert_int_equal(files.config.ready_timeout_us, 60000000);
	assert_int_equal(files.config.history_bytes_max, 512 << 20);
	assert_int_equal(files.config.data_plane.port_count, 2);
	assert_true(files.config.data_plane.ports[1].eapol_up);
	assert_string_equal(files.config.data_plane.network_port, "net0");
	assert_string_equal(files.config.data_plane.host_addresses[1], "fd00::1/64");
	files_done(&files);
}

static void devices_are_read(void **state maybe_unused)
{
	struct files files;
	write_file("devices.d/b.json", "[{\"name\": \"d2\", \"type\": \"a\", \"port\": \"dev0\","
				       " \"mac\": \"02-00-00-00-00-02\", \"multicast\": true}]\n");
	write_file("devices.d/a.yaml", "- {name: d1, type: a, port: dev0, mac: 02:00:00:00:00:01,\n"
				       "   ips: [10.0.0.2, fd00::2], groups: [g1, g2], tags: [t],\n"
				       "   description: the first}\n");
	expect_good(&files);
	assert_int_equal(files.device_count, 2);
	const struct device *device = &files.devices[0];
	assert_string_equal(device->name, "d1");
	assert_string_equal(device->type, "a");
	assert_string_equal(device->port, "dev0");
	assert_string_equal(device->description, "the first");
	assert_int_equal(device->mac.octet[5], 1);
	assert_int_equal(device->ip_count, 2);
	assert_int_equal(device->ips[1].family, 6);
	assert_int_equal(device->group_count, 2);
	assert_string_equal(device->groups[1], "g2");
	assert_int_equal(device->tag_count, 1);
	assert_false(device->multicast);
	assert_int_equal(device->number, 0);
	assert_non_null(strstr(device->file, "/etc/kalki/devices.d/a.yaml"));
	assert_string_equal(files.devices[1].name, "d2");
	assert_true(files.devices[1].multicast);
	files_done(&files);
}

static void a_teardown_needs_the_place_only(void **state maybe_unused)
{
	struct complaints complaints = {0};
	struct config config;
	struct error err = {0};
	write_file("types.d/bad.yaml", "type: [\n");
	write_file("devices.d/bad.yaml", "- nothing\n");
	write_file("conf.d/10-history.yaml", "history: {size: many}\nnonsense: 1\n");
	write_file("conf.d/20-place.yaml", "instance: here\ndocker: {socket: /run/other.sock}\n");
	assert_int_equal(files_read_place(&config, root, &complaints, &err), 0);
	assert_int_equal(complaints.count, 0);
	assert_string_equal(config.instance, "here");
	assert_string_equal(config.docker_socket, "/run/other.sock");
	assert_string_equal(config.data_plane.ports[0].name, "dev0");
	assert_string_equal(config.data_plane.network_port, "net0");
	assert_int_equal(config.history_age_max_us, INT64_C(90) * 24 * 3600 * 1000000);

	write_file("conf.d/20-place.yaml", "instance: no name\n");
	assert_int_equal(files_read_place(&config, root, &complaints, &err), -EINVAL);
	assert_int_equal(complaints.count, 1);
	write_file("kalkid.yaml", "history: {}\n");
	write_file("conf.d/20-place.yaml", "instance: here\n");
	complaints_done(&complaints);
	complaints = (struct complaints){0};
	assert_int_equal(files_read_place(&config, root, &complaints, &err), -EINVAL);
	assert_non_null(strstr(complaints.text.bytes, "data_plane.device_ports: at least one"));
	complaints_done(&complaints);
}

static void bad_files_are_told_why(void **state maybe_unused)
{
	static const struct {
		const char *name, *text, *lines;
	} cases[] = {
		{"kalkid.yaml", "{}\n",
		 "~/kalkid.yaml:1:1: data_plane.device_ports: at least one is needed (- name: the "
		 "interface that devices are behind)\n"
		 "~/kalkid.yaml:1:1: data_plane: devices have no way out (network_port: an interface, or "
		 "host_leg: {name: a link to this machine})\n"},
		{"kalkid.yaml",
		 "data_plane: {device_ports: [{name: p1}, {name: p1}, {}, {name: a/b}]}\n",
		 "~/kalkid.yaml:1:29: data_plane.device_ports[0]: 'p1' is a name that kalkid gives to its "
		 "own links (rename the interface, ip link set ... name ...)\n"
		 "~/kalkid.yaml:1:41: data_plane.device_ports[1]: 'p1' is a name that kalkid gives to its "
		 "own links (rename the interface, ip link set ... name ...)\n"
		 "~/kalkid.yaml:1:41: data_plane.device_ports[1]: 'p1' is there before (each port once)\n"
		 "~/kalkid.yaml:1:53: data_plane.device_ports[2]: the key 'name' is missing (name: the interface "
		 "that devices are behind)\n"
		 "~/kalkid.yaml:1:64: data_plane.device_ports[3].name: 'a/b' is no name of a network "
		 "interface (at most 15 letters, digits and -_.@)\n"},
		{"kalkid.yaml",
		 "data_plane: {device_ports: [{name: a}, {name: b}], network_port: a, host_leg: {name: "
		 "b}}\nchain: {drain_quiet: 5s}\n",
		 "~/kalkid.yaml:1:1: data_plane.device_ports: 'a' is the network port too (one or the "
		 "other)\n"
		 "~/kalkid.yaml:1:1: data_plane.device_ports: 'b' is the host leg too (one or the "
		 "other)\n"
		 "~/kalkid.yaml:1:1: chain.drain_quiet: is longer than drain_max\n"},
		{"kalkid.yaml",
		 "data_plane: {device_ports: [{name: a}], network_port: s1, host_leg: {name: s1}}\n",
		 "~/kalkid.yaml:1:1: data_plane.network_port: 's1' is a name that kalkid gives to its own "
		 "links (rename the interface, ip link set ... name ...)\n"
		 "~/kalkid.yaml:1:1: data_plane.host_leg.name: 's1' is the network port (a new name: kalkid "
		 "makes this link)\n"},
		{"kalkid.yaml",
		 "data_plane: {device_ports: [{name: a}], network_port: n, host_leg: {addresses: "
		 "[10.0.0.1/24]}}\n",
		 "~/kalkid.yaml:1:1: data_plane.host_leg: addresses without a link (name: kalki0)\n"},
		{"conf.d/x.yaml",
		 "data_plane:\n  host_leg: {name: h, addresses: [10.0.0.1, 10.0.0.1/33]}\n"
		 "  mtu: 100\n",
		 "~/conf.d/x.yaml:2:35: data_plane.host_leg.addresses[0]: '10.0.0.1' is no address with the "
		 "length of its prefix (10.20.0.1/24, fd00::1/64)\n"
		 "~/conf.d/x.yaml:2:45: data_plane.host_leg.addresses[1]: '10.0.0.1/33' is no address with "
		 "the length of its prefix (10.20.0.1/24, fd00::1/64)\n"
		 "~/conf.d/x.yaml:3:8: data_plane.mtu: is out of range (1280 to 65535)\n"},
		{"conf.d/x.yaml",
		 "docker: {socket: run/docker.sock, starts_at_once: 1.5}\n"
		 "umbox: {alerts_per_second: many}\nhistory: {max_bytes: 10MB}\n"
		 "histroy: {}\nobserve_every: 0\n",
		 "~/conf.d/x.yaml:1:18: docker.socket: is no whole path of a socket (/var/run/docker.sock; "
		 "at most 107 bytes)\n"
		 "~/conf.d/x.yaml:1:51: docker.starts_at_once: is a number, not a whole number\n"
		 "~/conf.d/x.yaml:2:28: umbox.alerts_per_second: is text, not a whole number\n"
		 "~/conf.d/x.yaml:5:16: observe_every: is out of range (1s to 1h)\n"
		 "~/conf.d/x.yaml:3:22: history.max_bytes: '10MB' is no size (write 512MiB; units are B KiB "
		 "MiB GiB TiB)\n"
		 "~/conf.d/x.yaml:4:1: histroy: unknown key (did you mean 'history'?)\n"},
		{"conf.d/x.yaml", "history: {max_bytes: 1KiB, max_age: [1]}\n",
		 "~/conf.d/x.yaml:1:37: history.max_age: is a list, not a duration (write 500ms, 10s, "
		 "1h30m, 2d)\n"
		 "~/conf.d/x.yaml:1:22: history.max_bytes: is out of range (1MiB to 1TiB)\n"},
		{"conf.d/x.yaml", "telemetry:\n  from: [10.0.0.1, 10.0.0.2]\n",
		 "~/conf.d/x.yaml:2:20: telemetry.from[1]: there is one of IPv4 before (one of IPv4 and "
		 "one of IPv6)\n"},
		{"conf.d/x.yaml", "telemetry:\n  from: [x]\n",
		 "~/conf.d/x.yaml:2:10: telemetry.from[0]: 'x' is no IP address (like 192.0.2.7 "
		 "or 2001:db8::7) (an address of this machine, as of the host leg)\n"},
		{"conf.d/x.yml", "", "~/conf.d/x.yml: would not be read (name it .yaml)\n"},
		{"conf.d/x.json", "{}", "~/conf.d/x.json: would not be read (name it .yaml)\n"},
		{"types.d/b.yaml", "type: a\nstates: {S: {chain: pass}}\n",
		 "~/types.d/b.yaml:1:7: type: there is a type 'a' in ~/types.d/a.yaml (each type in one "
		 "file)\n"},
		{"devices.d/x.yaml", "name: d\n",
		 "~/devices.d/x.yaml:1:1: is a map, not a list ([one, two], or a line '- one' for "
		 "each)\n"},
		{"devices.d/x.yaml",
		 "- {name: d, type: aa, port: dev1, mac: 02:00:00:00:00:01}\n- {name: e}\n",
		 "~/devices.d/x.yaml:2:3: [1]: the key 'type' is missing (type: its device type)\n"
		 "~/devices.d/x.yaml:2:3: [1]: the key 'port' is missing (port: the device port "
		 "that it is behind)\n"
		 "~/devices.d/x.yaml:2:3: [1]: the key 'mac' is missing (mac: its MAC address)\n"
		 "~/devices.d/x.yaml:1:19: [0].type: no device type 'aa' (did you mean 'a'?)\n"
		 "~/devices.d/x.yaml:1:29: [0].port: no device port 'dev1' (did you mean 'dev0'?)\n"},
		{"devices.d/x.yaml",
		 "- {name: d, type: a, port: dev0, mac: 02:00:00:00:00:01, parameters: {gard: {}}}\n"
		 "- {name: e, type: a, port: dev0, mac: 02:00:00:00:00:02, parameters: [guard]}\n"
		 "- {name: f, type: a, port: dev0, mac: 02:00:00:00:00:03, parameters: {a b: 1}}\n",
		 "~/devices.d/x.yaml:2:70: [1].parameters: parameters are a map of hops ({HOP: {key: "
		 "value}})\n"
		 "~/devices.d/x.yaml:3:71: [2].parameters.a b: 'a b' is no name for a hop (letters, "
		 "digits, '-', '_' and '.', starting with a letter or digit)\n"
		 "~/devices.d/x.yaml:3:76: [2].parameters.a b: parameters are a map ({})\n"
		 "~/devices.d/x.yaml:1:70: [0].parameters: no chain of the type 'a' has a hop named "
		 "'gard'\n"},
		{"devices.d/x.yaml",
		 "- {name: d, type: a, port: dev0, mac: 02:00:00:00:00:01, ips: [10.0.0.1]}\n"
		 "- {name: e, type: a, port: dev0, mac: 02:00:00:00:00:01, ips: [10.0.0.2, 10.0.0.1]}\n"
		 "- {name: d, type: a, port: dev0, mac: 02:00:00:00:00:02}\n",
		 "~/devices.d/x.yaml:2:39: [1].mac: the MAC address 02:00:00:00:00:01 is that of "
		 "device 'd' too, ~/devices.d/x.yaml:1 (each device its own)\n"
		 "~/devices.d/x.yaml:2:63: [1].ips: the address 10.0.0.1 is that of device 'd' too, "
		 "~/devices.d/x.yaml:1 (each device its own)\n"
		 "~/devices.d/x.yaml:3:10: [2].name: the name d is that of device 'd' too, "
		 "~/devices.d/x.yaml:1 (each device its own)\n"},
		{"devices.d/x.yaml",
		 "- {name: d, type: a, port: dev0, mac: 01:00:00:00:00:01,\n   ips: [10.0.0.300], "
		 "groups: [x, x], tags: [a b]}\n",
		 "~/devices.d/x.yaml:1:39: [0].mac: '01:00:00:00:00:01' is a multicast address, not a "
		 "device's\n"
		 "~/devices.d/x.yaml:2:10: [0].ips[0]: '10.0.0.300' is no IP address (like 192.0.2.7 or "
		 "2001:db8::7)\n"
		 "~/devices.d/x.yaml:2:35: [0].groups[1]: 'x' is there before (each once)\n"
		 "~/devices.d/x.yaml:2:46: [0].tags[0]: 'a b' is no name (at most 63 letters, digits, "
		 "'-', '_' and '.', a letter or digit first)\n"},
		{"devices.d/x.yaml",
		 "- {name: d, type: a, port: dev0, mac: 02:00:00:00:00:01, ips: [10.0.0.1, "
		 "10.0.0.1]}\n",
		 "~/devices.d/x.yaml:1:3: [0]: device 'd': the address 10.0.0.1 stands twice\n"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		write_file(cases[i].name, cases[i].text);
		expect_complaints(cases[i].lines);
		remove_folders(NULL);
		set_up(NULL);
	}
}

static void missing_configuration_is_told(void **state maybe_unused)
{
	cleanup_free char *path = mem_printf("%s/etc/kalki/kalkid.yaml", root);
	assert_int_equal(unlink(path), 0);
	expect_complaints("~/kalkid.yaml: No such file or directory (cannot be read)\n");
}

static void complaints_of_all_files_come_together(void **state maybe_unused)
{
	write_file("kalkid.yaml", "data_plan: 1\n");
	write_file("types.d/a.yaml", "type: [\n");
	write_file("devices.d/a.yaml",
		   "- {name: d, type: x, port: y, mac: 02:00:00:00:00:01}\n- {prot: 1,"
		   " name: e, type: x, port: y, mac: 02:00:00:00:00:02}\n");
	/* What depends on files that are bad is not complained of as well. */
	expect_complaints("~/kalkid.yaml:1:1: data_plan: unknown key (did you mean 'data_plane'?)\n"
			  "~/types.d/a.yaml:2:1: type: did not find expected node content\n"
			  "~/devices.d/a.yaml:2:4: [1].prot: unknown key (did you mean 'port'?)\n");
}

static void copy_example(const char *name, const char *to)
{
	cleanup_free char *from = mem_printf("%s/%s", getenv("POLICY_EXAMPLES"), name);
	static char text[64 * 1024];
	FILE *file = fopen(from, "r");
	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	write_file(to, text);
}

static void expect_remarks(const char *type, const char *lines)
{
	struct files files;
	struct complaints complaints = {0}, remarks = {0};
	cleanup_buffer struct buffer wanted = {0};
	write_file("types.d/acts.yaml", type);
	if (files_check(&files, root, &complaints, &remarks, NULL) < 0)
		fail_msg("%s", complaints.text.bytes);
	for (const char *c = lines; *c; c++) {
		if (*c == '~')
			buffer_print(&wanted, "%s/etc/kalki", root);
		else
			buffer_add(&wanted, c, 1);
	}
	assert_string_equal(remarks.count ? remarks.text.bytes : "",
			    wanted.length ? wanted.bytes : "");
	complaints_done(&remarks);
	files_done(&files);
}

#define ACTS(actions)                                           \
	"type: acts\nstates: {S: {chain: pass}}\n"              \
	"commands: {beep: {program: {command: [/bin/beep]}}}\n" \
	"rules:\n- {name: r, from: any, when: 'alert(\"x\")', actions: [" actions "]}\n"

static void names_that_are_not_there_are_remarked(void **state maybe_unused)
{
	write_file("devices.d/a.yaml",
		   "- {name: d1, type: acts, port: dev0, mac: 02:00:00:00:00:01}\n");
	expect_remarks(ACTS("{notify: ops}"),
		       "~/types.d/acts.yaml:5:54: rules[0].actions[0]: no notifier 'ops' "
		       "(notifiers: in kalkid.yaml)\n");
	write_file("conf.d/10.yaml", "notifiers: {operators: {webhook: {url: 'http://a'}}}\n");
	expect_remarks(ACTS("{notify: operator}"),
		       "~/types.d/acts.yaml:5:54: rules[0].actions[0]: no notifier 'operator' "
		       "(did you mean 'operators'?)\n");
	expect_remarks(ACTS("{notify: operators}, {command: beep, device: d1}, "
			    "{command: beep, type: acts}, {command: x, device: stranger}"),
		       "");
	expect_remarks(ACTS("{command: bop, device: d1}"),
		       "~/types.d/acts.yaml:5:54: rules[0].actions[0]: those that are meant have "
		       "no command 'bop' (commands: of the type that is meant)\n");
	expect_remarks(ACTS("{command: beep, type: lamp}"),
		       "~/types.d/acts.yaml:5:54: rules[0].actions[0]: those that are meant have "
		       "no command 'beep' (commands: of the type that is meant)\n");
}

struct named {
	struct buffer text;
};

static void name_credential(void *data, const char *name, const char *whose)
{
	struct named *named = data;
	buffer_print(&named->text, "%s: %s\n", whose, name);
}

static void credentials_are_named(void **state maybe_unused)
{
	struct files files;
	struct named named = {0};
	write_file("conf.d/10.yaml",
		   "notifiers: {ops: {webhook: {url: 'https://a', secret: key, ca: own}}}\n");
	write_file("types.d/acts.yaml",
		   "type: acts\nstates: {S: {chain: pass}}\n"
		   "commands: {turn-off: {http: {url: 'http://{ip}', credential: login}}}\n");
	expect_good(&files);
	files_each_credential(&files, name_credential, &named);
	assert_string_equal(named.text.bytes, "notifier 'ops': key\nnotifier 'ops': own\n"
					      "command 'turn-off' of type 'acts': login\n");
	buffer_done(&named.text);
	files_done(&files);
}

static void examples_load(void **state maybe_unused)
{
	/* In the order of their names; what others include is no type. */
	static const char *const types[] = {
		"camera.yaml",
		"common.yaml",
		"dlink-camera.yaml",
		"hue-lamp.yaml",
		"modbus-controller.yaml",
		"mqtt-thermostat.yaml",
		"onvif-camera.yaml",
		"plug.yaml",
		"sensor-board.yaml",
		"udoo-neo.yaml",
		"wemo-insight.yaml",
	};
	struct files files;
	if (!getenv("POLICY_EXAMPLES"))
		skip(); /* run by hand */
	copy_example("kalkid.yaml", "kalkid.yaml");
	copy_example("devices.yaml", "devices.d/devices.yaml");
	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		cleanup_free char *to = mem_printf("types.d/%s", types[i]);
		copy_example(types[i], to);
	}
	expect_good(&files);
	assert_int_equal(files.policy_count, ARRAY_SIZE(types)); /* without common, with a */
	assert_int_equal(files.device_count, 7);
	assert_int_equal(files.devices[2].addresses, DEVICE_ADDRESSES_LEARN);
	assert_int_equal(files.config.data_plane.port_count, 2);
	const struct policy *camera = files.policies[1]; /* behind a */
	assert_string_equal(camera->type, "camera");
	assert_int_equal(camera->state_count, 3);
	assert_string_equal(camera->states[0].posture.hops[0].parameters,
			    "{\"attempts\":5,\"block_s\":0,\"interval_s\":10,\"ports\":[22,80]}");
	assert_string_equal(camera->states[0].posture.hops[0].digest,
			    camera->states[1].posture.hops[0].digest);
	assert_string_equal(camera->states[2].posture.hops[0].image, "kalki/block-all:1");
	files_done(&files);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, remove_folders)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(defaults_are_in_force),
		TEST(secrets_stand_where_the_operator_says),
		TEST(later_files_win_key_by_key),
		TEST(devices_are_read),
		TEST(a_teardown_needs_the_place_only),
		TEST(bad_files_are_told_why),
		TEST(missing_configuration_is_told),
		TEST(complaints_of_all_files_come_together),
		TEST(names_that_are_not_there_are_remarked),
		TEST(credentials_are_named),
		TEST(examples_load),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
