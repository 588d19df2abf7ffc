/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/reload.c - kalkid reads its files anew; what that changes. */
#include "cli/client.h"
#include "cli/output.h"

int run_reload(struct cli *cli)
{
	json_t *answer = NULL, *change;
	json_t *body = json_pack("{s:s*}", "reason", cli_flag(cli, FLAG_REASON));
	int code = client_change(cli, "POST", "/api/v1/reload", body, &answer);
	if (code == 0 && !output_json(cli, answer)) {
		const json_t *changes = json_object_get(answer, "changes");
		size_t i;
		json_array_foreach(changes, i, change)
			output_print("%s: %s", text_of(change, "device"), text_of(change, "what"));
		if (!cli->quiet)
			output_print("%s%s",
				     json_array_size(changes) ? "" : "all goes on as it was; ",
				     cli->dry_run ? "nothing was done" : "reloaded");
	}
	json_decref(answer);
	json_decref(body);
	return code;
}
