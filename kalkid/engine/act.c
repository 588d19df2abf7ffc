/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/act.c - see act.h. */
#include "engine/act.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/log.h"
#include "base/mem.h"
#include "engine/control.h"

#define RETRY_FIRST_US ((int64_t)1000000)
#define RETRY_MAX_US   ((int64_t)30 * 1000000)

enum { WHO_BYTES = 96 };

/* Who wants something, and why: for the history. */
struct wish {
	const char *by; /* rule, operator */
	char rule[NAME_BYTES], from[NAME_BYTES], who[WHO_BYTES], reason[REASON_BYTES];
	uint64_t evidence[EVIDENCE_MAX];
	unsigned evidence_count;
	int64_t asked_us;
};

struct job {
	char command[NAME_BYTES];
	struct wish wish;
	unsigned attempts;
	struct job *next;
};

/* What waits for one device; it goes with its last job. */
struct line {
	struct act *act;
	uint32_t device;
	struct job *jobs;
	unsigned count;
	struct exchange_call call;
	bool sending;
	struct deadline deadline;
	UT_hash_handle hh;
};

struct act {
	struct engine_actor actor;
	struct engine *engine;
	struct line *lines; /* by device number */
	unsigned waiting;
	bool stopping;
	void (*stopped)(void *data);
	void *stopped_data;
};

/* --- what became of it --- */

static void record(struct act *act, const struct device *device, const char *action,
		   const char *name, const struct wish *wish, unsigned attempts, const char *result,
		   const char *words)
{
	const struct control_device *there = control_find_number(act->engine, device->number);
	struct event event = events_begin(act->engine->events, EVENT_ACTION, device,
					  there ? there->machine.generation : 0);
	struct action_text text = {
		.action = action,
		.name = name,
		.by = wish->by,
		.rule = wish->rule,
		.who = wish->who,
		.from = wish->from,
		.reason = wish->reason,
		.evidence = wish->evidence,
		.evidence_count = wish->evidence_count,
		.result = result,
		.attempts = attempts,
		.duration_us = event.time_us - wish->asked_us,
		.words = words,
	};
	if (words)
		log_warning("action", "device=%s action=%s name=%s result=%s words=\"%s\"",
			    device->name, action, name, result, words);
	events_emit(act->engine->events, &event, event_json_action(&event, &text));
}

static void record_job(struct line *line, const struct job *job, const char *result,
		       const char *words)
{
	const struct control_device *device = control_find_number(line->act->engine, line->device);
	struct device gone = {.number = line->device};
	record(line->act, device ? &device->device : &gone, "command", job->command, &job->wish,
	       job->attempts, result, words);
}

static void finish_job(struct line *line, const char *result, const char *words)
{
	struct job *job = line->jobs;
	record_job(line, job, result, words);
	LL_DELETE(line->jobs, job);
	line->count--;
	line->act->waiting--;
	free(job);
}

/* --- lines --- */

static void pump(struct line *line);

static void free_line(struct line *line)
{
	struct act *act = line->act;
	deadline_remove(act->engine->deadlines, &line->deadline);
	HASH_DELETE(hh, act->lines, line);
	free(line);
	if (act->stopping && !act->lines && act->stopped)
		take(act->stopped)(act->stopped_data);
}

static void on_due(struct deadline *deadline)
{
	pump(container_of(deadline, struct line, deadline));
}

static struct line *line_of(struct act *act, uint32_t number)
{
	struct line *line;
	HASH_FIND(hh, act->lines, &number, sizeof(number), line);
	if (line)
		return line;
	line = mem_alloc(sizeof(*line));
	line->act = act;
	line->device = number;
	deadline_add(act->engine->deadlines, &line->deadline, on_due);
	HASH_ADD(hh, act->lines, device, sizeof(line->device), line);
	return line;
}

static int64_t retry_us(unsigned attempts)
{
	int64_t wait = RETRY_FIRST_US;
	while (--attempts && wait < RETRY_MAX_US)
		wait *= 2;
	return min_of(wait, RETRY_MAX_US);
}

static const struct device_command *command_of(const struct line *line, const char *name)
{
	const struct control_device *device = control_find_number(line->act->engine, line->device);
	return device && device->policy ? policy_find_command(device->policy, name) : NULL;
}

static void on_answer(struct exchange_call *call, int result, const struct error *err)
{
	struct line *line = container_of(call, struct line, call);
	struct act *act = line->act;
	struct job *job = line->jobs;
	const struct device_command *command = command_of(line, job->command);
	line->sending = false;
	buffer_done(&call->answer);
	if (result == 0) {
		finish_job(line, "ok", NULL);
	} else if (act->stopping) {
		finish_job(line, "abandoned", "the daemon stopped meanwhile");
	} else if (command && job->attempts <= command->retries) {
		deadline_set(act->engine->deadlines, &line->deadline,
			     clock_now_us(act->engine->clock) + retry_us(job->attempts));
		return;
	} else {
		finish_job(line, "failed", err->text);
	}
	pump(line);
}

static void send_first(struct line *line)
{
	struct engine_hands *hands = line->act->engine->hands;
	const struct control_device *device = control_find_number(line->act->engine, line->device);
	const struct device_command *command = command_of(line, line->jobs->command);
	if (!device) {
		finish_job(line, "failed", "the device is no more");
	} else if (!command || !hands) {
		finish_job(line, "failed", "its type has no such command any more");
	} else {
		line->jobs->attempts++;
		line->sending = true;
		line->call = (struct exchange_call){.done = on_answer};
		hands->start(hands, &line->call, &command->exchange, &device->device.identity);
	}
}

static void pump(struct line *line)
{
	while (line->jobs && !line->sending) {
		if (line->act->stopping)
			finish_job(line, "abandoned", "the daemon stopped before");
		else
			send_first(line);
	}
	if (!line->jobs)
		free_line(line);
}

/* --- what is asked for --- */

static void put_job(struct act *act, struct control_device *device, const char *command,
		    const struct wish *wish)
{
	struct line *line = line_of(act, device->device.number);
	if (act->stopping || act->waiting >= ACT_WAITING_MAX ||
	    line->count >= ACT_DEVICE_WAITING_MAX) {
		act->engine->commands_dropped++;
		record(act, &device->device, "command", command, wish, 0, "dropped",
		       "too many wait");
		if (!line->jobs)
			free_line(line);
		return;
	}
	struct job *job = mem_alloc(sizeof(*job));
	TEXT_COPY(job->command, command);
	job->wish = *wish;
	LL_APPEND(line->jobs, job);
	line->count++;
	act->waiting++;
	/* In a turn of its own: reading a credential or starting a program must not delay what the
	 * same fact decides next. */
	if (line->count == 1)
		deadline_set(act->engine->deadlines, &line->deadline,
			     clock_now_us(act->engine->clock));
}

static bool is_meant(const struct device *other, const struct device *own,
		     const struct action *action)
{
	if (action->device[0])
		return text_equal(other->name, action->device);
	if (action->type[0] && !text_equal(other->type, action->type))
		return false;
	if (action->group[0])
		return device_in_group(other, action->group);
	if (action->type[0])
		return other->number != own->number && device_shares_group(own, other);
	return other->number == own->number;
}

/* In the order of names; of several only those whose type knows the command. */
static void command(struct act *act, const struct device *own, const struct action *action,
		    const struct wish *wish)
{
	struct control_device *device, *next;
	unsigned found = 0;
	HASH_ITER(hh_name, act->engine->by_name, device, next) {
		if (!is_meant(&device->device, own, action) || !device->policy ||
		    !policy_find_command(device->policy, action->name))
			continue;
		put_job(act, device, action->name, wish);
		found++;
	}
	if (!found)
		record(act, own, "command", action->name, wish, 0, "failed",
		       "no device that is meant knows this command");
}

static int find_tag(const struct device *device, const char *tag)
{
	for (unsigned i = 0; i < device->tag_count; i++)
		if (text_equal(device->tags[i], tag))
			return (int)i;
	return -1;
}

/* Nothing is recorded where nothing changes: such a rule may be true again and again. */
static void tag(struct act *act, struct control_device *device, const struct action *action,
		const struct wish *wish)
{
	struct device *value = &device->device;
	int at = find_tag(value, action->name);
	const char *name = action->kind == ACTION_TAG ? "tag" : "untag";
	if ((at >= 0) == (action->kind == ACTION_TAG))
		return;
	if (at >= 0) {
		value->tag_count--;
		memmove(value->tags[at], value->tags[at + 1],
			(value->tag_count - (unsigned)at) * sizeof(value->tags[0]));
	} else if (value->tag_count == DEVICE_LABELS_MAX) {
		record(act, value, name, action->name, wish, 0, "failed", "it has too many tags");
		return;
	} else {
		text_copy(value->tags[value->tag_count++], NAME_BYTES, action->name);
	}
	store_put_device(act->engine->store, value);
	record(act, value, name, action->name, wish, 1, "ok", NULL);
	control_fleet_changed(act->engine);
	control_schedule(device);
}

static struct wish wish_of(const struct act *act, const struct control_device *device,
			   const struct decision *decision)
{
	struct wish wish = {
		.by = "rule",
		.evidence_count = decision->evidence_count,
		.asked_us = clock_now_us(act->engine->clock),
	};
	memcpy(wish.evidence, decision->evidence, sizeof(wish.evidence));
	TEXT_COPY(wish.from, device->device.name);
	TEXT_COPY(wish.reason, decision->reason);
	TEXT_COPY(wish.rule, decision->rule_name);
	return wish;
}

static void on_action(struct engine_actor *actor, const struct device *value,
		      const struct action *action, const struct decision *decision)
{
	struct act *act = container_of(actor, struct act, actor);
	struct control_device *device = control_find_number(act->engine, value->number);
	struct error err = {0};
	if (!device)
		return;
	struct wish wish = wish_of(act, device, decision);
	switch (action->kind) {
	case ACTION_COMMAND: command(act, &device->device, action, &wish); break;
	case ACTION_TAG:
	case ACTION_UNTAG: tag(act, device, action, &wish); break;
	case ACTION_NOTIFY:
		if (notify_rule(act->engine->notify, action->name, &device->device, wish.rule,
				wish.reason, &err) < 0)
			record(act, &device->device, "notify", action->name, &wish, 0, "failed",
			       err.text);
		break;
	case ACTION_TELEMETRY_FACTOR: /* decide.c hands it to the sources */
	case ACTION_KIND_COUNT: break;
	}
}

void act_command(struct act *act, struct control_device *device, const char *name,
		 const struct operator_order *order)
{
	struct wish wish = {.by = "operator", .asked_us = clock_now_us(act->engine->clock)};
	TEXT_COPY(wish.who, order->who);
	TEXT_COPY(wish.reason, order->reason ? order->reason : "");
	put_job(act, device, name, &wish);
}

/* --- life --- */

struct act *act_new(struct engine *engine)
{
	struct act *act = mem_alloc(sizeof(*act));
	act->engine = engine;
	act->actor.on_action = on_action;
	return act;
}

struct engine_actor *act_actor(struct act *act)
{
	return &act->actor;
}

void act_free(struct act *act)
{
	free(act);
}

void act_stop(struct act *act, void (*stopped)(void *data), void *data)
{
	struct engine_hands *hands = act->engine->hands;
	struct line *line, *next;
	act->stopping = true;
	HASH_ITER(hh, act->lines, line, next) {
		if (line->sending)
			hands->cancel(hands, &line->call);
		else
			pump(line);
	}
	act->stopped = stopped;
	act->stopped_data = data;
	if (!act->lines)
		take(act->stopped)(act->stopped_data);
}

void engine_set_actor(struct engine *engine, struct engine_actor *actor)
{
	engine->actor = actor;
}

void engine_set_hands(struct engine *engine, struct engine_hands *hands)
{
	engine->hands = hands;
}
