/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/policy_explain.c - a policy in words: each state with its chain, how one comes there and
 * away. */
#include <stdlib.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/mem.h"
#include "cli/client.h"
#include "cli/policy_source.h"

static void print_rest(const struct policy *policy, const struct policy_state *state)
{
	char time[DURATION_TEXT_BYTES];
	duration_print(time, state->dwell_us);
	if (state->dwell_us)
		output_print("  at least for %s, unless something tighter comes", time);
	duration_print(time, state->calm_us);
	if (state->calm_us)
		output_print("  after %s without an alert: to %s", time,
			     policy->states[state->calm_to].name);
	if (state->final)
		output_print("  only an operator ends it");
}

static void print_rule(const struct policy *policy, const struct policy_rule *rule, unsigned state)
{
	/* On one line, as a condition may stand on several. */
	cleanup_free char *when = mem_copy_text(expression_text(rule->when));
	unsigned to = policy_rule_to(rule, state);
	for (char *c = when; *c; c++)
		*c = *c == '\n' ? ' ' : *c;
	output_print("  rule '%s'%s: %s%s%s", rule->name,
		     rule->shadow ? " (in shadow: nothing of this comes about)" : "",
		     to == state  ? "stays"
		     : to > state ? "tightens to "
				  : "loosens to ",
		     to == state ? "" : policy->states[to].name,
		     rule->action_count ? ", and acts" : "");
	if (rule->description[0])
		output_print("    %s", rule->description);
	output_print("    when %s", when);
	for (unsigned i = 0; i < rule->action_count; i++) {
		char words[ACTION_WORDS_BYTES];
		action_print(words, &rule->actions[i]);
		output_print("    %s", words);
	}
}

static void print_state(const struct policy *policy, unsigned index)
{
	const struct policy_state *state = &policy->states[index];
	cleanup_buffer struct buffer line = {0};
	buffer_print(&line, "%s%s: ", state->name, index == policy->initial ? " (initial)" : "");
	posture_print(&line, &state->posture);
	output_print("%s", line.bytes);
	print_rest(policy, state);
	for (unsigned i = 0; i < policy->rule_count; i++)
		if (policy->rules[i].from >> index & 1)
			print_rule(policy, &policy->rules[i], index);
}

static void print_policy(const struct policy *policy)
{
	output_print("%s: %s", policy->type,
		     policy->description[0] ? policy->description : "a device type");
	output_print("From the loosest state to the tightest; the first rule that is true wins.");
	for (unsigned i = 0; i < policy->state_count; i++)
		print_state(policy, i);
}

/* The file of a type that the daemon has loaded. */
static int find_type(struct cli *cli, const char *type, char **ret_file, char **ret_digest)
{
	cleanup_buffer struct buffer path = {0};
	json_t *answer = NULL;
	buffer_print(&path, "/api/v1/types");
	url_segment(&path, type);
	int code = client_get(cli, path.bytes, &answer);
	if (code == 0) {
		*ret_file = mem_copy_text(text_of(answer, "file"));
		*ret_digest = mem_copy_text(text_of(answer, "digest"));
	}
	json_decref(answer);
	return code;
}

int run_policy_explain(struct cli *cli)
{
	const char *argument = cli_argument(cli, 0);
	cleanup_policy_source struct policy_source source = {0};
	cleanup_free char *file = NULL, *digest = NULL;
	int code = 0;
	if (access(argument, F_OK) < 0)
		code = find_type(cli, argument, &file, &digest);
	if (code == 0)
		code = policy_source_open(&source, file ? file : argument);
	if (code)
		return code;
	if (digest && !text_equal(digest, source.policy->digest))
		cli_complain(cli, "%s was changed since kalkid has read it; this is the file",
			     source.file);
	print_policy(source.policy);
	return 0;
}
