/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/notifier.c - those that are told what happens: how their deliveries go, and a test. */
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "cli/client.h"
#include "cli/output.h"

enum { LOOK_EVERY_MS = 200, MS_NS = 1000000 };

int run_notifier_list(struct cli *cli)
{
	static const char *const keys[] = {"name",     "kind",         "waiting",   "sent",
					   "refused",  "dropped",      "held_back", "failures",
					   "next_try", "last_success", "last_error"};
	json_t *list = NULL, *notifier;
	size_t i;
	int code = client_get(cli, "/api/v1/notifiers", &list);
	if (code)
		return code;
	if (!output_list(cli, list)) {
		struct table table = {.heads = "NAME|KIND|WAITING|SENT|REFUSED|DROPPED|HELD BACK|"
					       "FAILURES|NEXT TRY|LAST SUCCESS|LAST ERROR"};
		json_array_foreach(json_object_get(list, "items"), i, notifier)
			table_fields(&table, notifier, keys, ARRAY_SIZE(keys));
		table_print(&table, cli, "no notifiers (notifiers: in /etc/kalki/kalkid.yaml)");
	}
	json_decref(list);
	return 0;
}

/* The entry of the list; NULL when it is gone or cannot be asked for. */
static json_t *find(struct cli *cli, const char *name)
{
	json_t *list = NULL, *notifier, *found = NULL;
	size_t i;
	if (client_get(cli, "/api/v1/notifiers", &list))
		return NULL;
	json_array_foreach(json_object_get(list, "items"), i,
			   notifier) if (text_equal(text_of(notifier, "name"), name))
		found = json_incref(notifier);
	json_decref(list);
	return found;
}

/* Waits until an attempt more than `before` has ended; says how. */
static int await_attempt(struct cli *cli, const char *name, const json_t *before)
{
	const struct timespec pause = {.tv_nsec = LOOK_EVERY_MS * MS_NS};
	for (int64_t waited = 0; waited < cli->timeout_us; waited += LOOK_EVERY_MS * 1000) {
		json_t *now = find(cli, name);
		bool ended = !now || number_of(now, "attempts") > number_of(before, "attempts");
		bool taken = number_of(now, "sent") > number_of(before, "sent");
		bool waits = number_of(now, "waiting");
		cleanup_free char *error = shown(now, "last_error");
		json_decref(now);
		if (ended && !taken)
			cli_complain(cli, "'%s': not taken: %s%s", name, error,
				     waits ? " (it is tried again)" : "");
		else if (ended && !cli->quiet)
			output_print("%s: taken", name);
		if (ended)
			return taken ? 0 : EXIT_FAILED;
		nanosleep(&pause, NULL);
	}
	cli_complain(cli, "'%s': no answer yet (kalkictl notifier list)", name);
	return EXIT_TIMED_OUT;
}

int run_notifier_test(struct cli *cli)
{
	const char *name = cli_argument(cli, 0);
	cleanup_buffer struct buffer path = {0};
	json_t *answer = NULL, *before = find(cli, name);
	json_t *body = json_pack("{s:s*}", "reason", cli_flag(cli, FLAG_REASON));
	buffer_print(&path, "/api/v1/notifiers");
	url_segment(&path, name);
	buffer_print(&path, "/test");
	int code = client_change(cli, "POST", path.bytes, body, &answer);
	bool shown_as_json = code == 0 && output_json(cli, answer);
	if (code == 0 && cli->dry_run && !shown_as_json && !cli->quiet)
		output_print("%s: would be tested (nothing was done)", name);
	else if (code == 0 && !cli->dry_run && !shown_as_json)
		code = await_attempt(cli, name, before);
	json_decref(before);
	json_decref(answer);
	json_decref(body);
	return code;
}
