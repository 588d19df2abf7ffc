/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/policy_schema.c - JSON Schema of the operator's files, for editors. */
#include "codec/schema.h"

#include <stdio.h>

#include "cli/output.h"

int run_policy_schema(struct cli *cli)
{
	const char *of = cli_flag(cli, FLAG_OF);
	json_t *schema = text_equal(of, "config")    ? schema_of_config()
			 : text_equal(of, "devices") ? schema_of_devices()
						     : schema_of_type();
	json_dumpf(schema, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(schema);
	return 0;
}
