/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/event.c - everything that happened, and what happens. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/event_line.h"

enum { RETRY_S = 1 };

struct following {
	const struct cli *cli;
	char last_id[24]; /* "" before the first */
};

static void on_event(void *data, const struct client_event *event)
{
	struct following *following = data;
	json_t *json = json_loads(event->data, 0, NULL);
	if (event->id)
		TEXT_COPY(following->last_id, event->id);
	if (text_equal(event->name, "missed")) {
		const json_t *missed = json_object_get(json, "missed");
		if (json_is_integer(missed))
			cli_complain(following->cli,
				     "%" JSON_INTEGER_FORMAT " events were missed here",
				     json_integer_value(missed));
		else
			cli_complain(following->cli, "older events are gone from the history");
	} else if (json) {
		event_print(following->cli, json);
	}
	json_decref(json);
	if (ferror(stdout)) /* nobody gets what would follow */
		exit(output_end(following->cli, 0));
}

/* Comes back with the last id when the daemon was restarted; only the first attempt may fail. */
static int follow(struct cli *cli, json_int_t last)
{
	cleanup_buffer struct buffer url = {0};
	struct following following = {.cli = cli};
	buffer_print(&url, "/api/v1/events");
	url_query(&url, "kind", cli_flag(cli, FLAG_KIND));
	event_which(cli, &url);
	if (last)
		snprintf(following.last_id, sizeof(following.last_id), "%" JSON_INTEGER_FORMAT,
			 last);
	int code = client_follow(cli, url.bytes, *following.last_id ? following.last_id : NULL,
				 on_event, &following);
	while (code == 0) {
		cli_complain(cli, "the stream ended; trying again");
		cli->silent = true;
		do {
			sleep(RETRY_S);
			cleanup_free char *from = mem_copy_text(following.last_id);
			code = client_follow(cli, url.bytes, *from ? from : NULL, on_event,
					     &following);
		} while (code == EXIT_UNREACHABLE || code == EXIT_TIMED_OUT);
		cli->silent = false;
	}
	return code;
}

int run_event(struct cli *cli)
{
	json_int_t last = 0;
	if (!cli_flag(cli, FLAG_FOLLOW))
		return event_print_history(cli, "/api/v1/events", NULL);
	/* Without a beginning it begins now. */
	bool history = cli_flag(cli, FLAG_SINCE) || cli_flag(cli, FLAG_LIMIT);
	int code = history ? event_print_history(cli, "/api/v1/events", &last) : 0;
	return code ? code : follow(cli, last);
}
