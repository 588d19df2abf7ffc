/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/exchange_process.c - exchanges by a program of this machine, and over SSH by OpenSSH's
 * client.  No shell looks at the arguments; the one at the other end of SSH gets each in quotes. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "driver/exchange_inner.h"

static const char SSH[] = "/usr/bin/ssh";

static void add(struct exchange_job *job, char *argument)
{
	assert(job->argument_count < JOB_ARGUMENTS_MAX - 1);
	job->arguments[job->argument_count++] = argument;
}

static int add_filled(struct exchange_job *job, const char *text,
		      const struct device_identity *device, struct error *err)
{
	struct buffer filled = {0};
	int r = exchange_fill(&filled, text, EXCHANGE_IN_TEXT, device, NULL, err);
	add(job, filled.bytes);
	return r;
}

static int prepare_program(struct exchange_job *job, const struct exchange *exchange,
			   const struct device_identity *device, struct error *err)
{
	int r = 0;
	for (unsigned i = 0; i < exchange->argument_count && r == 0; i++)
		r = add_filled(job, exchange->arguments[i], device, err);
	return r;
}

/* In single quotes, as POSIX shells read them. */
static void quote(struct buffer *ret, const char *text)
{
	buffer_add(ret, "'", 1);
	for (; *text; text++) {
		if (*text == '\'')
			buffer_add(ret, "'\\''", 4);
		else
			buffer_add(ret, text, 1);
	}
	buffer_add(ret, "'", 1);
}

static int add_remote_command(struct exchange_job *job, const struct exchange *exchange,
			      const struct device_identity *device, struct error *err)
{
	struct buffer command = {0};
	int r = 0;
	for (unsigned i = 0; i < exchange->argument_count && r == 0; i++) {
		cleanup_buffer struct buffer argument = {0};
		r = exchange_fill(&argument, exchange->arguments[i], EXCHANGE_IN_TEXT, device, NULL,
				  err);
		buffer_print(&command, "%s", i ? " " : "");
		quote(&command, argument.bytes);
	}
	add(job, command.bytes);
	return r;
}

static void add_option(struct exchange_job *job, const char *name, const char *value)
{
	add(job, mem_copy_text("-o"));
	add(job, mem_printf("%s=%s", name, value));
}

/* The host's key is kept by the device's name when it is first seen; another one later is
 * refused. */
static void add_options(struct exchange_job *job, const struct exchange *exchange,
			const struct device_identity *device, const char *key)
{
	static const char *const options[][2] = {
		{"BatchMode", "yes"},
		{"IdentitiesOnly", "yes"},
		{"IdentityAgent", "none"},
		{"PreferredAuthentications", "publickey"},
		{"StrictHostKeyChecking", "accept-new"},
		{"UpdateHostKeys", "no"},
		{"ControlPath", "none"},
		{"ForwardAgent", "no"},
		{"ForwardX11", "no"},
		{"ClearAllForwardings", "yes"},
		{"LogLevel", "ERROR"},
	};
	const struct exchanges *exchanges = job->exchanges;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		add_option(job, options[i][0], options[i][1]);
	add_option(job, "UserKnownHostsFile", exchanges->known_hosts);
	add_option(job, "HostKeyAlias", device->name);
	add(job, mem_copy_text("-i"));
	add(job, mem_printf("%s/%s", exchanges->secrets, key));
	add(job, mem_copy_text("-p"));
	add(job, mem_printf("%u", exchange->port));
	add(job, mem_copy_text("-l"));
	add(job, mem_copy_text(exchange->user));
}

static int add_host(struct exchange_job *job, const struct exchange *exchange,
		    const struct device_identity *device, struct error *err)
{
	struct buffer host = {0};
	int r = exchange_fill(&host, exchange->host ? exchange->host : "{ip}", EXCHANGE_IN_TEXT,
			      device, NULL, err);
	const char *from = r == 0 ? exchange_from_for(&job->exchanges->from, host.bytes) : NULL;
	if (from) {
		add(job, mem_copy_text("-b"));
		add(job, mem_copy_text(from));
	}
	add(job, mem_copy_text("--"));
	add(job, host.bytes);
	return r;
}

static int prepare_ssh(struct exchange_job *job, const struct exchange *exchange,
		       const struct device_identity *device, struct error *err)
{
	const char *secrets = job->exchanges->secrets;
	char key[SECRET_NAME_BYTES];
	secret_find(key, secrets, exchange->credential, device->name);
	add(job, mem_copy_text(SSH));
	add(job, mem_copy_text("-F"));
	add(job, mem_copy_text("none"));
	add(job, mem_copy_text("-nT"));
	add_options(job, exchange, device, key);
	int r = secret_check(secrets, key, err);
	if (r == 0)
		r = add_host(job, exchange, device, err);
	return r < 0 ? r : add_remote_command(job, exchange, device, err);
}

static void on_done(struct process *process, int result, const struct error *err)
{
	struct exchange_job *job = container_of(process, struct exchange_job, process);
	struct error words = *err;
	job->answer = process->output;
	if (result < 0)
		error_prefix(&words, "%s: ", job->where);
	exchange_job_over(job, result, &words);
}

static void start(struct exchange_job *job)
{
	job->process.timeout_ms = job->timeout_ms;
	job->process.output_max = EXCHANGE_ANSWER_BYTES_MAX;
	job->process.done = on_done;
	process_start(job->exchanges->loop, &job->process, job->arguments);
}

static void cancel(struct exchange_job *job)
{
	process_cancel(&job->process);
}

static void done(struct exchange_job *job)
{
	for (unsigned i = 0; i < job->argument_count; i++)
		free(job->arguments[i]);
}

const struct exchange_way EXCHANGE_WAY_SSH = {prepare_ssh, start, cancel, done};
const struct exchange_way EXCHANGE_WAY_PROGRAM = {prepare_program, start, cancel, done};
