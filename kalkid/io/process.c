/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/process.c - see process.h.  It is over when it has exited and its pipes have ended; whoever of
 * its group is left by then is killed, so that the pipes do end. */
#include "io/process.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/close_range.h>

#include "base/mem.h"

static void finish(struct process *process)
{
	struct error err = {0};
	int result = process->result;
	if (result == -ECANCELED)
		error_set(&err, result, "%s: cancelled", process->name);
	else if (result == -ETIMEDOUT)
		error_set(&err, result, "%s: not done within %u ms", process->name,
			  process->timeout_ms);
	else if (result == -EMSGSIZE)
		error_set(&err, result, "%s: says more than %zu bytes", process->name,
			  process->output_max);
	else if (result < 0)
		error_set(&err, result, "%s: cannot be started: %s", process->name,
			  uv_strerror(result));
	else if (process->exit_signal)
		result = error_set(&err, -EIO, "%s: ended by signal %d", process->name,
				   process->exit_signal);
	else if (process->exit_status)
		result = error_set(&err, -EIO, "%s: exit code %d%s%s", process->name,
				   (int)process->exit_status, process->words[0] ? ": " : "",
				   process->words);
	free((char *)(uintptr_t)process->name);
	process->done(process, result, &err);
}

static void on_closed(uv_handle_t *handle)
{
	struct process *process = handle->data;
	if (--process->handles == 0)
		finish(process);
}

static void close_handle(void *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, on_closed);
}

static void kill_group(const struct process *process)
{
	if (process->started)
		kill(-process->child.pid, SIGKILL);
}

/* Its pipes have ended and it has exited, or nobody waits for them any more. */
static void end_when_over(struct process *process)
{
	bool piped = !uv_is_closing((uv_handle_t *)&process->out) ||
		     !uv_is_closing((uv_handle_t *)&process->complaints);
	if (!process->exited || (piped && !process->result))
		return;
	close_handle(&process->out);
	close_handle(&process->complaints);
	close_handle(&process->deadline);
	close_handle(&process->child);
}

static void end(struct process *process, int result)
{
	if (!process->result)
		process->result = result;
	if (!process->exited) /* later the number may be somebody else's */
		kill_group(process);
	end_when_over(process);
}

static void on_child_exit(uv_process_t *child, int64_t status, int signal)
{
	struct process *process = child->data;
	process->exited = true;
	process->exit_status = status;
	process->exit_signal = signal;
	kill_group(process);
	end_when_over(process);
}

static void on_deadline(uv_timer_t *timer)
{
	end(timer->data, -ETIMEDOUT);
}

static void on_alloc(uv_handle_t *handle, size_t size maybe_unused, uv_buf_t *ret)
{
	struct process *process = handle->data;
	*ret = uv_buf_init(process->piece, sizeof(process->piece));
}

static void on_end_of_pipe(uv_stream_t *stream)
{
	close_handle(stream);
	end_when_over(stream->data);
}

static void on_output(uv_stream_t *stream, ssize_t count, const uv_buf_t *bytes)
{
	struct process *process = stream->data;
	if (count < 0)
		on_end_of_pipe(stream);
	else if (process->output.length + (size_t)count > process->output_max)
		end(process, -EMSGSIZE);
	else
		buffer_add(&process->output, bytes->base, (size_t)count);
}

/* The first line, as far as there is room. */
static void on_complaint(uv_stream_t *stream, ssize_t count, const uv_buf_t *bytes)
{
	struct process *process = stream->data;
	if (count < 0)
		on_end_of_pipe(stream);
	for (ssize_t i = 0; i < count && !process->words_end; i++) {
		size_t length = strlen(process->words);
		char c = bytes->base[i];
		process->words_end = c == '\n' || length == sizeof(process->words) - 1;
		if (!process->words_end && c != '\r')
			process->words[length] = c >= ' ' && c < 0x7f ? c : '?';
	}
}

/* Those that a library opened without care too, and those that were inherited. */
static void mark_descriptors(void)
{
	(void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
}

static int spawn(uv_loop_t *loop, struct process *process, char *const argv[])
{
	static char *const environment[] = {
		(char *)(uintptr_t) "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
		(char *)(uintptr_t) "LC_ALL=C",
		(char *)(uintptr_t) "HOME=/nonexistent",
		NULL,
	};
	uv_stdio_container_t streams[] = {
		{.flags = UV_IGNORE}, /* /dev/null */
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		 .data.stream = (uv_stream_t *)&process->out},
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		 .data.stream = (uv_stream_t *)&process->complaints},
	};
	uv_process_options_t options = {
		.exit_cb = on_child_exit,
		.file = argv[0],
		.args = (char **)(uintptr_t)argv,
		.env = (char **)(uintptr_t)environment,
		.cwd = "/",
		.flags = UV_PROCESS_DETACHED, /* a session and so a group of its own */
		.stdio_count = ARRAY_SIZE(streams),
		.stdio = streams,
	};
	mark_descriptors();
	return uv_spawn(loop, &process->child, &options);
}

void process_start(uv_loop_t *loop, struct process *process, char *const argv[])
{
	const char *slash = strrchr(argv[0], '/');
	process->name = mem_copy_text(slash ? slash + 1 : argv[0]);
	process->output = (struct buffer){0};
	memset(process->words, 0, sizeof(process->words));
	process->words_end = false;
	process->result = 0;
	process->exited = false;
	process->handles = 4;
	uv_timer_init(loop, &process->deadline);
	uv_pipe_init(loop, &process->out, 0);
	uv_pipe_init(loop, &process->complaints, 0);
	process->child.data = process->deadline.data = process;
	process->out.data = process->complaints.data = process;
	int r = spawn(loop, process, argv);
	process->started = r == 0;
	if (r < 0) {
		process->exited = true;
		end(process, r);
		return;
	}
	uv_timer_start(&process->deadline, on_deadline, process->timeout_ms, 0);
	uv_read_start((uv_stream_t *)&process->out, on_alloc, on_output);
	uv_read_start((uv_stream_t *)&process->complaints, on_alloc, on_complaint);
}

void process_cancel(struct process *process)
{
	end(process, -ECANCELED);
}
