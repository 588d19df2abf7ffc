/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial/trial.c - the list of checks, and how they are gone through; see trial.h. */
#include "trial/trial.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "trial/engine.h"
#include "trial/trial_inner.h"

const char *const TRIAL_RESULT_NAMES[TRIAL_RESULT_COUNT] = {
	[TRIAL_PASSED] = "passed",
	[TRIAL_FAILED] = "failed",
	[TRIAL_SKIPPED] = "skipped",
};

enum need {
	NEED_ALWAYS, /* the others stand on it */
	NEED_NOTHING,
	NEED_BOX,    /* one that runs */
	NEED_WORDS,  /* and says something to the daemon */
	NEED_SOCKET, /* by the socket of the present contract */
};

static const struct {
	const char *name;
	enum need need;
	void (*run)(struct trial *trial);
} CHECKS[] = {
	{"labels", NEED_ALWAYS, check_labels},
	{"parameters", NEED_ALWAYS, check_parameters},
	{"start", NEED_ALWAYS, check_start},
	{"ready", NEED_ALWAYS, check_ready},
	{"arp", NEED_BOX, check_arp},
	{"ipv4", NEED_BOX, check_ipv4},
	{"ipv6", NEED_BOX, check_ipv6},
	{"fragments", NEED_BOX, check_fragments},
	{"vlan", NEED_BOX, check_vlan},
	{"other-protocols", NEED_BOX, check_other},
	{"sizes", NEED_BOX, check_sizes},
	{"offload", NEED_BOX, check_offload},
	{"midstream", NEED_BOX, check_midstream},
	{"delay", NEED_BOX, check_delay},
	{"accounts", NEED_SOCKET, check_accounts},
	{"flood", NEED_BOX, check_flood},
	{"identity", NEED_BOX, check_identity},
	{"ring", NEED_SOCKET, check_ring},
	{"heartbeats", NEED_SOCKET, check_heartbeats},
	{"socket-full", NEED_SOCKET, check_socket_full},
	{"socket-gone", NEED_SOCKET, check_socket_gone},
	{"lines", NEED_WORDS, check_lines},
	{"leg-down", NEED_BOX, check_leg_down},
	{"memory", NEED_BOX, check_memory},
	{"sigterm", NEED_BOX, check_sigterm},
	{"shadow", NEED_NOTHING, check_shadow},
	{"defaults", NEED_NOTHING, check_defaults},
	{"leg-gone", NEED_BOX, check_leg_gone},
	{"capabilities", NEED_NOTHING, check_capabilities},
};

static volatile sig_atomic_t stopped;

static void on_signal(int number maybe_unused)
{
	stopped = 1;
}

bool trial_stopped(void)
{
	return stopped;
}

static void set_row(struct trial *trial, enum trial_result result, const char *format, va_list args)
{
	trial->row.result = result;
	vsnprintf(trial->row.detail, sizeof(trial->row.detail), format, args);
}

void trial_pass(struct trial *trial, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	set_row(trial, TRIAL_PASSED, format, args);
	va_end(args);
}

void trial_fail(struct trial *trial, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	set_row(trial, TRIAL_FAILED, format, args);
	va_end(args);
}

void trial_skip(struct trial *trial, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	set_row(trial, TRIAL_SKIPPED, format, args);
	va_end(args);
}

/* False: it cannot be run, and the row says why. */
static bool may_run(struct trial *trial, enum need need)
{
	if (need == NEED_NOTHING || need == NEED_ALWAYS)
		return true;
	if (trial->over || !trial->boxed)
		trial_skip(trial, "it does not run");
	else if (need >= NEED_WORDS && !trial_says_ready(trial))
		trial_skip(trial, "does not apply: it says nothing (umbox.ready is wired)");
	else if (need == NEED_SOCKET && !trial_has_socket(trial))
		trial_skip(trial, "does not apply: the older contract has no such thing");
	else
		return true;
	return false;
}

/* A umbox that ended in the middle of a check has failed in it, whatever was seen else. */
static void look_at_end(struct trial *trial, void (*run)(struct trial *trial))
{
	char words[256];
	bool meant = run == check_sigterm || run == check_leg_gone || run == check_capabilities;
	if (!trial->boxed || trial->over || meant || box_runs(&trial->box))
		return;
	trial->over = true;
	box_epitaph(&trial->box, words, sizeof(words));
	trial_fail(trial, "%s", words);
}

/* Whether `name` stands in the list of words. */
static bool is_listed(const char *list, const char *name)
{
	size_t length = strlen(name);
	for (const char *at = list; (at = strstr(at, name)); at++) {
		if ((at == list || at[-1] == ',') && (!at[length] || at[length] == ','))
			return true;
	}
	return false;
}

static bool is_wanted(const struct trial *trial, size_t check)
{
	const char *only = trial->options->only;
	return !only || CHECKS[check].need == NEED_ALWAYS || is_listed(only, CHECKS[check].name) ||
	       /* It ends the umbox that this one starts. */
	       (CHECKS[check].run == check_defaults && is_listed(only, "leg-gone"));
}

const char *trial_check_name(unsigned index)
{
	return index < ARRAY_SIZE(CHECKS) ? CHECKS[index].name : NULL;
}

int trial_check_names(const char *only, struct error *err)
{
	const char *names[ARRAY_SIZE(CHECKS)];
	cleanup_free char *list = mem_copy_text(only ? only : "");
	char *rest = list, hint[TEXT_HINT_BYTES];
	for (size_t i = 0; i < ARRAY_SIZE(CHECKS); i++)
		names[i] = CHECKS[i].name;
	for (char *word; only && (word = strsep(&rest, ","));) {
		bool known = false;
		for (size_t i = 0; i < ARRAY_SIZE(CHECKS); i++)
			known = known || text_equal(word, CHECKS[i].name);
		text_hint(hint, word, names, ARRAY_SIZE(names));
		if (!known)
			return error_set(err, -EINVAL, "there is no check '%s'%s", word, hint);
	}
	return 0;
}

static int run_checks(struct trial *trial, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(CHECKS) && !stopped; i++) {
		if (!is_wanted(trial, i))
			continue;
		trial->row = (struct trial_row){.check = CHECKS[i].name, .result = TRIAL_SKIPPED};
		if (may_run(trial, CHECKS[i].need)) {
			CHECKS[i].run(trial);
			look_at_end(trial, CHECKS[i].run);
		}
		if (stopped)
			break;
		if (trial->out_of_order) {
			*err = trial->err;
			error_prefix(err, "%s: ", CHECKS[i].name);
			return err->code;
		}
		trial->options->on_row(trial->options->data, &trial->row);
		if (!trial->image.id[0])
			return 0; /* its labels are wrong: the daemon would not start it */
	}
	return stopped ? error_set(err, -ECANCELED, "stopped") : 0;
}

static int run_with_signals(struct trial *trial, struct error *err)
{
	struct sigaction action = {.sa_handler = on_signal}, before[2];
	sigaction(SIGINT, &action, &before[0]);
	sigaction(SIGTERM, &action, &before[1]);
	int result = run_checks(trial, err);
	trial_end_box(trial);
	sigaction(SIGINT, &before[0], NULL);
	sigaction(SIGTERM, &before[1], NULL);
	return result;
}

/* Only an engine that answers, and an image that is there, can be tried. */
static int find_image(const struct trial_options *options, struct error *err)
{
	struct umbox_image image = {0};
	int result = engine_image(options->docker, options->image, &image, err);
	umbox_image_done(&image);
	return result == -EINVAL ? 0 : result;
}

int trial_run(const struct trial_options *options, char ret_image_id[static IMAGE_ID_BYTES],
	      struct error *err)
{
	struct error own = {0};
	err = err ? err : &own;
	if (geteuid() != 0)
		return error_set(err, -EPERM, "network namespaces can be made by root only");
	int result = find_image(options, err);
	if (result < 0)
		return result;
	struct trial *trial = mem_alloc(sizeof(*trial));
	trial->options = options;
	clock_init_machine(&trial->clock);
	result = wire_open(&trial->wire, err);
	if (result == 0) {
		result = run_with_signals(trial, err);
		wire_close(&trial->wire);
	}
	text_copy(ret_image_id, IMAGE_ID_BYTES, trial->image.id);
	ledger_done(&trial->ledger);
	umbox_image_done(&trial->image);
	free(trial->parameters);
	free(trial);
	return result;
}
