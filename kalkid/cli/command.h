/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/command.h - the one table of commands: parsing, help and completion all read it.
 *
 * Start here: commands.c has the table, kalkictl.c runs what was asked, arguments.c reads the
 * command line; each other file has the commands of one subject. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ARGUMENTS_MAX = 64 };

enum flag {
	/* Of every command. */
	FLAG_HELP,
	FLAG_OUTPUT,
	FLAG_DRY_RUN,
	FLAG_YES,
	FLAG_TIMEOUT,
	FLAG_QUIET,
	FLAG_VERBOSE,
	FLAG_SOCKET,
	FLAG_ROOT,
	FLAG_GLOBAL_COUNT,
	/* Of some. */
	FLAG_ADDRESSES = FLAG_GLOBAL_COUNT,
	FLAG_BYTES,
	FLAG_CHECK,
	FLAG_COVERAGE,
	FLAG_DESCRIPTION,
	FLAG_DETAILED_EXITCODE,
	FLAG_DEVICE,
	FLAG_DEVICES,
	FLAG_DOCKER,
	FLAG_DOT,
	FLAG_FILE,
	FLAG_FOLLOW,
	FLAG_FOR,
	FLAG_FORMAT,
	FLAG_GROUP,
	FLAG_GROUPS,
	FLAG_ID,
	FLAG_IPS,
	FLAG_KIND,
	FLAG_LIMIT,
	FLAG_MAC,
	FLAG_MULTICAST,
	FLAG_OF,
	FLAG_PARAMETERS,
	FLAG_PORT,
	FLAG_REASON,
	FLAG_REPLACE,
	FLAG_SINCE,
	FLAG_STRICT,
	FLAG_TAGS,
	FLAG_TELEMETRY_FACTOR,
	FLAG_TYPE,
	FLAG_UNACKNOWLEDGED,
	FLAG_COUNT,
};

struct flag_info {
	const char *name;
	char letter;         /* 0: none */
	const char *value;   /* what stands for its value in help; NULL: a switch */
	const char *choices; /* the right values, with a space between; NULL: any, or see below */
	const char *help;
};
extern const struct flag_info FLAGS[FLAG_COUNT];

struct cli;

struct command {
	const char *noun, *verb; /* verb NULL: the noun alone */
	const char *arguments;   /* "DEVICE STATE", "[DEVICE]", "FILE..." */
	uint64_t flags;          /* a bit per flag of its own */
	int (*run)(struct cli *cli);
	const char *help; /* NULL: not shown */
};
extern const struct command COMMANDS[];
extern const size_t COMMAND_COUNT;

/* NULL when there is none; `verb` may be NULL. */
const struct command *command_find(const char *noun, const char *verb);
bool command_has_flag(const struct command *command, enum flag flag);
bool command_is_noun(const char *noun);
/* The right values of a flag, with a space between, where they may depend on the command; NULL:
 * any. Where the flag's `value` has a comma in it, several of them are right. */
const char *command_choices(const struct command *command, enum flag flag);
/* The word of `arguments` at this place without brackets and dots ("DEVICE"); false beyond the
 * last. */
bool command_argument_name(const struct command *command, unsigned place, char *name,
			   size_t name_bytes);

/* One subject a file; each returns an exit code. */
int run_status(struct cli *cli);
int run_device_list(struct cli *cli);
int run_device_show(struct cli *cli);
int run_device_add(struct cli *cli);
int run_device_rm(struct cli *cli);
int run_device_quarantine(struct cli *cli);
int run_device_release(struct cli *cli);
int run_device_shadow(struct cli *cli);
int run_device_enforce(struct cli *cli);
int run_device_set_state(struct cli *cli);
int run_device_telemetry(struct cli *cli);
int run_device_timeline(struct cli *cli);
int run_device_why(struct cli *cli);
int run_device_command(struct cli *cli);
int run_chain_list(struct cli *cli);
int run_chain_show(struct cli *cli);
int run_chain_graph(struct cli *cli);
int run_chain_capture(struct cli *cli);
int run_chain_captures(struct cli *cli);
int run_chain_rm_capture(struct cli *cli);
int run_alert_list(struct cli *cli);
int run_alert_ack(struct cli *cli);
int run_event(struct cli *cli);
int run_umbox_init(struct cli *cli);
int run_umbox_list(struct cli *cli);
int run_umbox_logs(struct cli *cli);
int run_umbox_show(struct cli *cli);
int run_umbox_test(struct cli *cli);
int run_notifier_list(struct cli *cli);
int run_notifier_test(struct cli *cli);
int run_plan(struct cli *cli);
int run_reload(struct cli *cli);
int run_type_list(struct cli *cli);
int run_type_show(struct cli *cli);
int run_policy_check(struct cli *cli);
int run_policy_explain(struct cli *cli);
int run_policy_graph(struct cli *cli);
int run_policy_replay(struct cli *cli);
int run_policy_schema(struct cli *cli);
int run_policy_test(struct cli *cli);
int run_version(struct cli *cli);
int run_completion(struct cli *cli);
int run_complete(struct cli *cli);
int run_help(struct cli *cli);
