/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/device_why.c - why a device is in its state: what brought it here, and what every rule is
 * now. */
#include "base/duration.h"
#include "cli/client.h"
#include "cli/event_line.h"
#include "cli/output.h"

enum { ALERTS_LOOKED_AT = 1000 };

static int timeline(struct cli *cli, const char *kind, unsigned limit, json_t **ret)
{
	cleanup_buffer struct buffer path = {0};
	buffer_print(&path, "/api/v1/devices");
	url_segment(&path, cli_argument(cli, 0));
	buffer_print(&path, "/timeline?order=newest");
	url_query(&path, "kind", kind);
	return client_list(cli, path.bytes, limit, ret);
}

static bool is_evidence(const json_t *transition, json_int_t id)
{
	const json_t *kalki = json_object_get(json_object_get(transition, "eve"), "kalki");
	json_t *number;
	size_t i;
	json_array_foreach(json_object_get(kalki, "evidence"), i, number)
	{
		if (json_integer_value(number) == id)
			return true;
	}
	return false;
}

static void print_what_brought_it(const struct cli *cli, const json_t *transitions,
				  const json_t *alerts)
{
	const json_t *transition = json_array_get(json_object_get(transitions, "items"), 0);
	json_t *alert;
	size_t i;
	if (!transition) {
		output_print("It has been there since it was enrolled, or since history begins.");
		return;
	}
	output_print("What brought it here:");
	event_print(cli, transition);
	json_array_foreach(json_object_get(alerts, "items"), i, alert)
	{
		if (is_evidence(transition, number_of(alert, "id")))
			event_print(cli, alert);
	}
}

static void print_parts(const json_t *rule)
{
	json_t *part;
	size_t i;
	json_array_foreach(json_object_get(rule, "parts"), i, part)
	{
		int indent = 4 + 2 * (int)number_of(part, "depth");
		output_print("%*s%s = %s%s", indent, "", text_of(part, "text"),
			     text_of(part, "value"),
			     json_is_true(json_object_get(part, "decisive")) ? "   <-" : "");
	}
}

static void print_rules(const struct cli *cli, const json_t *why)
{
	json_t *rule;
	size_t i, others = 0;
	output_print("The rules now, in their order:");
	json_array_foreach(json_object_get(why, "rules"), i, rule)
	{
		bool applies = json_is_true(json_object_get(rule, "applies"));
		others += !applies;
		if (!applies && !cli->verbose)
			continue;
		output_print("  %s (to %s)", text_of(rule, "words"), text_of(rule, "to"));
		if (cli->verbose)
			print_parts(rule);
	}
	if (others && !cli->verbose)
		output_print("  %zu more are not for this state (-v shows them)", others);
}

static void print_why(const struct cli *cli, const json_t *why, const json_t *transitions,
		      const json_t *alerts)
{
	char time[DURATION_TEXT_BYTES];
	bool shadow = json_is_true(json_object_get(why, "shadow"));
	duration_print(time, number_of(why, "in_state_us") / 1000000 * 1000000);
	output_print("%s is in %s for %s%s%s%s%s%s: %s", text_of(why, "device"),
		     text_of(why, "state"), time,
		     json_is_true(json_object_get(why, "manual")) ? ", by hand" : "",
		     json_is_true(json_object_get(why, "quarantined")) ? ", quarantined" : "",
		     shadow ? ", in shadow: " : "", shadow ? text_of(why, "in_force") : "",
		     shadow ? " is in force" : "", text_of(why, "reason"));
	print_what_brought_it(cli, transitions, alerts);
	print_rules(cli, why);
}

int run_device_why(struct cli *cli)
{
	cleanup_buffer struct buffer path = {0};
	json_t *why = NULL, *transitions = NULL, *alerts = NULL;
	buffer_print(&path, "/api/v1/devices");
	url_segment(&path, cli_argument(cli, 0));
	buffer_print(&path, "/why");
	int code = client_get(cli, path.bytes, &why);
	if (code == 0 && !output_json(cli, why)) {
		code = timeline(cli, "transition", 1, &transitions);
		if (code == 0)
			code = timeline(cli, "alert", ALERTS_LOOKED_AT, &alerts);
		if (code == 0)
			print_why(cli, why, transitions, alerts);
	}
	json_decref(why);
	json_decref(transitions);
	json_decref(alerts);
	return code;
}
