/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/status.c - the whole site in short, and what is wrong with it. */
#include <stdlib.h>

#include "base/mem.h"
#include "cli/client.h"
#include "cli/device.h"
#include "cli/output.h"

enum { DEVICES_SHOWN_MAX = 5000 };

static void print_numbers(const json_t *status, const char *what, const char *const *keys,
			  const char *const *words, unsigned count)
{
	const json_t *numbers = json_object_get(status, what);
	cleanup_buffer struct buffer line = {0};
	for (unsigned i = 0; i < count; i++)
		buffer_print(&line, "%s%" JSON_INTEGER_FORMAT " %s", i ? ", " : "",
			     number_of(numbers, keys[i]), words[i]);
	output_print("%-9s %s", what, line.bytes);
}

static void print_troubles(const json_t *status)
{
	const json_t *counts = json_object_get(status, "counts");
	const json_t *store = json_object_get(status, "store");
	if (json_is_false(json_object_get(status, "docker_reachable")))
		output_print(
			"trouble   Docker cannot be reached: chains whose umboxes run go on, none can "
			"be started (systemctl status docker)");
	if (json_is_false(json_object_get(status, "picture_complete")))
		output_print(
			"trouble   the picture is not complete yet: nothing is removed meanwhile");
	const char *trouble = json_string_value(json_object_get(status, "trouble"));
	if (trouble && trouble[0])
		output_print("trouble   %s", trouble);
	if (json_is_true(json_object_get(store, "failing")))
		output_print("trouble   the history cannot be written (df -h /var/lib/kalki; "
			     "journalctl -u kalkid)");
	if (number_of(counts, "alerts_dropped") || number_of(counts, "events_dropped"))
		output_print("dropped   %" JSON_INTEGER_FORMAT " alerts over the rate, "
			     "%" JSON_INTEGER_FORMAT " events not written",
			     number_of(counts, "alerts_dropped"),
			     number_of(counts, "events_dropped"));
}

/* Said so that nobody forgets it. */
static void print_shadow(const json_t *status)
{
	json_int_t count = number_of(json_object_get(status, "devices"), "in_shadow");
	if (count)
		output_print("SHADOW    the policies of %" JSON_INTEGER_FORMAT
			     " devices are not enforced (kalkictl device enforce DEVICE)",
			     count);
}

static void print_status(const json_t *status)
{
	static const char *const device_keys[] = {"total", "in_other_state", "quarantined"};
	static const char *const device_words[] = {"enrolled", "not in their initial state",
						   "quarantined"};
	static const char *const chain_keys[] = {"converged", "degraded",   "held",
						 "old_chain", "in_trouble", "standby_degraded"};
	static const char *const chain_words[] = {"converged",  "degraded",
						  "held",       "still on the chain before",
						  "in trouble", "with a failing standby chain"};
	static const char *const umbox_keys[] = {"running", "ready"};
	static const char *const count_keys[] = {"transitions", "alerts", "frames_spoofed",
						 "drift_repairs"};
	static const char *const count_words[] = {"transitions", "alerts", "spoofed frames dropped",
						  "repairs"};
	output_print("kalkid    %s, %s, since %s", text_of(status, "version"),
		     text_of(status, "health"), text_of(status, "started"));
	print_numbers(status, "devices", device_keys, device_words, ARRAY_SIZE(device_keys));
	print_numbers(status, "chains", chain_keys, chain_words, ARRAY_SIZE(chain_keys));
	print_numbers(status, "umboxes", umbox_keys, umbox_keys, ARRAY_SIZE(umbox_keys));
	print_numbers(status, "counts", count_keys, count_words, ARRAY_SIZE(count_keys));
	print_shadow(status);
	print_troubles(status);
}

static bool needs_attention(const json_t *device)
{
	return !text_equal(text_of(device, "goal"), "converged") ||
	       json_is_true(json_object_get(device, "quarantined")) ||
	       json_is_true(json_object_get(device, "shadow")) ||
	       json_is_string(json_object_get(device, "trouble"));
}

static int print_devices_in_trouble(struct cli *cli)
{
	static const char *const keys[] = {"goal", "trouble"};
	json_t *list = NULL, *device;
	size_t i;
	int code = client_list(cli, "/api/v1/devices", DEVICES_SHOWN_MAX, &list);
	if (code)
		return code;
	struct table table = {.heads = "DEVICE|STATE|CHAIN|TROUBLE"};
	json_array_foreach(json_object_get(list, "items"), i, device)
	{
		if (!needs_attention(device))
			continue;
		table_cell(&table, "%s", text_of(device, "name"));
		table_device_state(&table, device);
		table_fields(&table, device, keys, ARRAY_SIZE(keys));
	}
	bool some = table.cell_count;
	if (some)
		printf("\n");
	table_print(&table, cli, NULL);
	if (some && !cli->quiet)
		output_print("more: kalkictl chain show DEVICE, kalkictl device timeline DEVICE");
	json_decref(list);
	return 0;
}

int run_status(struct cli *cli)
{
	json_t *status = NULL;
	int code = client_get(cli, "/api/v1/status", &status);
	if (code)
		return code;
	if (!output_json(cli, status)) {
		if (!cli->quiet)
			print_status(status);
		code = print_devices_in_trouble(cli);
	}
	if (code == 0 && !text_equal(text_of(status, "health"), "ok"))
		code = EXIT_DEGRADED;
	json_decref(status);
	return code;
}
