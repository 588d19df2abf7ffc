/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/policy_check.c - what is wrong with policy files, and what is doubtful: found here, by the
 * code that the daemon reads them with; only images are asked from Docker. */
#include <string.h>

#include "base/mem.h"
#include "cli/policy_image.h"

static const char *const DOCKER_SOCKET = "/var/run/docker.sock";

static void check_hop(struct image_asker *asker, struct policy_source *source, unsigned state,
		      unsigned hop)
{
	const struct hop *wanted = &source->policy->states[state].posture.hops[hop];
	struct umbox_image image = {0};
	struct error err = {0};
	enum image_known known = image_ask(asker, wanted->image, &image, &err);
	if (known == IMAGE_MISSING)
		policy_remark_hop(source->document, state, hop, "image", &source->warnings,
				  "build it or pull it before a device of this type is enrolled",
				  "this Docker has no image '%s'", wanted->image);
	if (known == IMAGE_WRONG)
		policy_remark_hop(source->document, state, hop, "image", &source->errors, NULL,
				  "%s", err.text);
	if (known != IMAGE_READ)
		return;
	if (image.doubt[0])
		policy_remark_hop(source->document, state, hop, "image", &source->warnings, NULL,
				  "%s", image.doubt);
	if (umbox_image_check_parameters(&image, wanted->parameters, &err) < 0)
		policy_remark_hop(source->document, state, hop, "parameters", &source->errors, NULL,
				  "%s", err.text);
	if (umbox_image_check_shadow(&image, wanted, &err) < 0)
		policy_remark_hop(source->document, state, hop, "shadow", &source->errors, NULL,
				  "%s", err.text);
	umbox_image_done(&image);
}

static void check_images(struct image_asker *asker, struct policy_source *source)
{
	const struct policy *policy = source->policy;
	for (unsigned i = 0; i < policy->state_count; i++)
		for (unsigned j = 0; j < policy->states[i].posture.hop_count; j++)
			check_hop(asker, source, i, j);
}

static unsigned long total_cost(const struct policy *policy)
{
	unsigned long cost = 0;
	for (unsigned i = 0; i < policy->rule_count; i++)
		cost += expression_cost(policy->rules[i].when);
	return cost;
}

static json_t *costs_json(const struct policy *policy)
{
	json_t *rules = json_array();
	for (unsigned i = 0; policy && i < policy->rule_count; i++)
		json_array_append_new(
			rules, json_pack("{s:s, s:I}", "name", policy->rules[i].name, "cost",
					 (json_int_t)expression_cost(policy->rules[i].when)));
	return rules;
}

static void print_costs(const struct cli *cli, const struct policy *policy)
{
	struct table table = {.heads = "RULE|COST"};
	for (unsigned i = 0; i < policy->rule_count; i++) {
		table_cell(&table, "%s", policy->rules[i].name);
		table_cell(&table, "%lu", expression_cost(policy->rules[i].when));
	}
	table_print(&table, cli, NULL);
}

/* A file of devices.d. */
static bool is_of_devices(const struct policy_source *source)
{
	const struct document_node *root = source->document ? document_root(source->document)
							    : NULL;
	return root && root->kind == DOCUMENT_LIST && root->first;
}

static void print_result(const struct cli *cli, const struct policy_source *source)
{
	const struct policy *policy = source->policy;
	complaints_print(&source->errors);
	if (source->warnings.count)
		fprintf(stderr, "warnings:\n");
	complaints_print(&source->warnings);
	if (cli->quiet)
		return;
	if (is_of_devices(source) && !source->errors.count)
		output_print("%s: %s", source->file, source->warnings.count ? "doubtful" : "right");
	if (!policy)
		return;
	output_print("%s: %s: type %s, %u states, %u rules, cost %lu of %d", source->file,
		     source->errors.count     ? "loads, but is wrong"
		     : source->warnings.count ? "doubtful"
					      : "right",
		     policy->type, policy->state_count, policy->rule_count, total_cost(policy),
		     POLICY_COST_MAX);
	if (cli->verbose)
		print_costs(cli, policy);
}

static void tell(const struct cli *cli, const struct policy_source *source,
		 const struct image_asker *asker)
{
	json_t *json = json_pack("{s:s, s:b, s:o, s:o, s:o, s:b}", "file", source->file, "valid",
				 source->policy || (is_of_devices(source) && !source->errors.count),
				 "errors", complaint_lines(&source->errors), "warnings",
				 complaint_lines(&source->warnings), "rules",
				 costs_json(source->policy), "images_checked", !asker->unreachable);
	if (!output_json(cli, json))
		print_result(cli, source);
	json_decref(json);
}

static int check_file(struct cli *cli, struct image_asker *asker, const char *file)
{
	cleanup_policy_source struct policy_source source;
	policy_source_read(&source, file);
	if (is_of_devices(&source)) {
		complaints_done(&source.errors); /* that it is no type */
		source.code = 0;
		policy_check_devices(asker, &source);
	}
	if (source.policy) {
		policy_remark(source.document, source.policy, &source.errors, &source.warnings);
		check_images(asker, &source);
	}
	tell(cli, &source, asker);
	if (source.code)
		return source.code;
	bool strict = cli_flag(cli, FLAG_STRICT);
	return source.errors.count || (strict && source.warnings.count) ? EXIT_INVALID : 0;
}

/* Checks them all, whatever is wrong with the first. */
int run_policy_check(struct cli *cli)
{
	const char *socket = cli_flag(cli, FLAG_DOCKER);
	struct image_asker asker = {.cli = cli, .socket = socket ? socket : DOCKER_SOCKET};
	int code = 0;
	for (unsigned i = 0; cli_argument(cli, i); i++)
		code = max_of(code, check_file(cli, &asker, cli_argument(cli, i)));
	if (asker.unreachable && !cli->quiet)
		cli_complain(cli, "images were not looked at: no Docker answers at %s",
			     asker.socket);
	return code;
}
