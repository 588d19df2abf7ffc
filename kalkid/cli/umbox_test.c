/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/umbox_test.c - whether an image keeps the umbox contract. */
#include <stdio.h>

#include "cli/output.h"
#include "trial/trial.h"

struct outcome {
	struct cli *cli;
	json_t *checks;
	unsigned count[TRIAL_RESULT_COUNT];
};

/* As they come: all of them take some seconds. */
static void on_row(void *data, const struct trial_row *row)
{
	struct outcome *outcome = data;
	const char *result = TRIAL_RESULT_NAMES[row->result];
	outcome->count[row->result]++;
	json_array_append_new(outcome->checks, json_pack("{ss ss ss}", "check", row->check,
							 "result", result, "detail", row->detail));
	if (outcome->cli->output == OUTPUT_HUMAN &&
	    (!outcome->cli->quiet || row->result == TRIAL_FAILED)) {
		output_print("%-16s %-8s %s", row->check, result, row->detail);
		fflush(stdout);
	}
}

static int exit_code_of(int result)
{
	switch (result) {
	case -EPERM: return EXIT_NOT_ALLOWED;
	case -ENOENT: return EXIT_NOT_FOUND;
	case -ENOTCONN: return EXIT_UNREACHABLE;
	default: return EXIT_FAILED;
	}
}

static void hint(struct cli *cli, int result, const char *docker)
{
	if (result == -ENOTCONN)
		cli_hint(cli, "another engine? kalkictl umbox test --docker SOCKET (this was %s)",
			 docker);
	if (result == -ENOENT)
		cli_hint(cli, "build it or load it first: docker images lists what there is");
}

static int tell(struct outcome *outcome, const char *image, const char *id)
{
	const unsigned *count = outcome->count;
	bool passed = count[TRIAL_FAILED] == 0;
	json_t *all = json_pack("{ss ss sb sO}", "image", image, "id", id, "passed", passed,
				"checks", outcome->checks);
	if (!output_json(outcome->cli, all) && !outcome->cli->quiet)
		output_print("%s: %u passed, %u failed, %u skipped", image, count[TRIAL_PASSED],
			     count[TRIAL_FAILED], count[TRIAL_SKIPPED]);
	json_decref(all);
	return passed ? 0 : EXIT_FAILED;
}

int run_umbox_test(struct cli *cli)
{
	struct outcome outcome = {.cli = cli, .checks = json_array()};
	struct error err = {0};
	char id[IMAGE_ID_BYTES] = "";
	const char *docker = cli_flag(cli, FLAG_DOCKER), *image = cli_argument(cli, 0);
	docker = docker && *docker ? docker : "/var/run/docker.sock";
	if (trial_check_names(cli_flag(cli, FLAG_CHECK), &err) < 0) {
		cli_complain(cli, "%s", err.text);
		json_decref(outcome.checks);
		return EXIT_USAGE;
	}
	int result = trial_run(
		&(struct trial_options){
			.docker = docker,
			.image = image,
			.parameters = cli_flag(cli, FLAG_PARAMETERS),
			.only = cli_flag(cli, FLAG_CHECK),
			.patience_us = cli->timeout_us,
			.on_row = on_row,
			.data = &outcome,
		},
		id, &err);
	int code = result < 0 ? exit_code_of(result) : tell(&outcome, image, id);
	if (result < 0) {
		cli_complain(cli, "%s: %s", image, err.text);
		hint(cli, result, docker);
	}
	json_decref(outcome.checks);
	return code;
}
