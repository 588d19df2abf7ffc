/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/policy.c - policy files are checked here, by the code that the daemon reads them with. */
#include <stdlib.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "codec/files.h"

static json_t *complaint_lines(const struct complaints *complaints)
{
	json_t *lines = json_array();
	cleanup_free char *text = mem_copy_text(complaints->text.bytes ? complaints->text.bytes
								       : "");
	char *rest = text, *line;
	while ((line = strsep(&rest, "\n"))) {
		if (*line)
			json_array_append_new(lines, json_string(line));
	}
	return lines;
}

static void tell(const struct cli *cli, const char *file, const struct policy *policy,
		 const struct complaints *complaints)
{
	json_t *json = json_pack("{s:s, s:b, s:o}", "file", file, "valid", policy ? 1 : 0, "errors",
				 complaint_lines(complaints));
	if (!output_json(cli, json)) {
		if (policy && !cli->quiet)
			output_print("%s: right: type %s, %u states, %u rules", file, policy->type,
				     policy->state_count, policy->rule_count);
		if (complaints->count)
			fputs(complaints->text.bytes, stderr);
	}
	json_decref(json);
}

static int check_file(struct cli *cli, const char *file)
{
	struct complaints complaints = {0};
	struct document *document = NULL;
	struct error err = {0};
	struct policy *policy = NULL;
	int result = document_read_file(&document, file, &complaints, &err);
	if (result == 0)
		policy = policy_read(document, &complaints);
	else if (!complaints.count)
		complaints_add(&complaints, "%s", err.text);
	tell(cli, file, policy, &complaints);
	policy_free(policy);
	document_free(document);
	complaints_done(&complaints);
	return policy ? 0 : result == -ENOENT ? EXIT_NOT_FOUND : EXIT_INVALID;
}

/* Checks them all, whatever is wrong with the first. */
int run_policy_check(struct cli *cli)
{
	int code = 0;
	for (unsigned i = 0; cli_argument(cli, i); i++)
		code = max_of(code, check_file(cli, cli_argument(cli, i)));
	return code;
}
