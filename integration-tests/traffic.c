/* SPDX-License-Identifier: GPL-2.0-or-later */
/* traffic.c - one end of the bypass proof: sends numbered UDP frames at a rate, records what comes
 * back.
 *
 * usage: traffic --local IP:PORT --remote IP:PORT --rate FRAMES/S --seconds S --out PREFIX
 *
 * It says "ready" once it listens and begins with the first line of its standard input.
 *
 * It keeps no more than a window of frames on their way: each frame says what came from the other
 * end. So no queue runs over where a busy machine keeps a hop from its work, and a frame that gets
 * lost has another reason.  While nothing comes back one frame a tick goes out.
 *
 * The payload has room for what `stamp` umboxes write on its way (see `struct payload`).  Written,
 * in the machine's byte order:
 *   PREFIX.sent      per burst: u64 first sequence number, u64 count, u64 ns of CLOCK_REALTIME
 *   PREFIX.received  per frame: u64 sequence number, u64 ns, u32 path, u32 0
 *   PREFIX.paths     text, a line per path: its number, then the umboxes in the order of their
 * stamps and one line of JSON on standard output.  SIGTERM ends the sending early; frames on their
 * way are still recorded for LINGER_MS. */
#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
	BATCH = 64,
	LINGER_MS = 700,
	TICK_US = 1000,
	WINDOW = 400, /* frames; queues of the kernel and of hops have room for 1000 and more */
	STAMPS_MAX = 15,
	PATHS_MAX = 65536,
	SOCKET_BYTES = 64 * 1024 * 1024,
};

struct stamp {
	uint32_t umbox, generation;
};

/* On the wire, all in network order. */
struct payload {
	char magic[8];
	uint64_t sequence;
	uint32_t count;
	struct stamp stamps[STAMPS_MAX];
	uint64_t expected; /* the sequence number behind the highest that came */
} __attribute__((packed));

static const char MAGIC[8] = {'K', 'A', 'L', 'K', 'I', 'B', 'P', '1'};

struct path {
	uint32_t count;
	uint32_t umboxes[STAMPS_MAX];
};

struct traffic {
	int socket, timer;
	uint64_t rate, sent, sent_max, received, errors, foreign, refused;
	uint64_t expected;  /* of what the other end sends */
	uint64_t confirmed; /* of what we send */
	int64_t started_ns;
	FILE *sent_file, *received_file, *paths_file;
	struct path *paths; /* a hash table; number = place, umboxes only */
	bool *path_used;
};

static volatile sig_atomic_t stop_asked;

static void on_signal(int number)
{
	(void)number;
	stop_asked = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "traffic: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ns(clockid_t id)
{
	struct timespec time;
	clock_gettime(id, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* The number of a path; a new one is put into the table. */
static uint32_t path_number(struct traffic *traffic, const struct path *path)
{
	uint32_t hash = 2166136261u;
	for (uint32_t i = 0; i < path->count; i++)
		hash = (hash ^ path->umboxes[i]) * 16777619u;
	for (uint32_t probe = 0; probe < PATHS_MAX; probe++) {
		uint32_t place = (hash + probe) % PATHS_MAX;
		if (!traffic->path_used[place]) {
			traffic->path_used[place] = true;
			traffic->paths[place] = *path;
			fprintf(traffic->paths_file, "%u", place);
			for (uint32_t i = 0; i < path->count; i++)
				fprintf(traffic->paths_file, " %u", path->umboxes[i]);
			fputc('\n', traffic->paths_file);
			return place;
		}
		if (!memcmp(&traffic->paths[place], path, sizeof(*path)))
			return place;
	}
	errno = ENOSPC;
	die("too many paths");
	return 0;
}

static void record(struct traffic *traffic, const struct payload *payload, size_t bytes,
		   int64_t time_ns)
{
	struct path path = {.count = 0};
	if (bytes < sizeof(*payload) || memcmp(payload->magic, MAGIC, sizeof(MAGIC)) != 0) {
		traffic->foreign++;
		return;
	}
	/* More stamps than there is room for are counted all the same: a path too long to be right.
	 */
	uint32_t count = be32toh(payload->count);
	if (count > STAMPS_MAX)
		count = STAMPS_MAX;
	uint64_t sequence = be64toh(payload->sequence), confirmed = be64toh(payload->expected);
	if (sequence >= traffic->expected)
		traffic->expected = sequence + 1;
	if (confirmed > traffic->confirmed)
		traffic->confirmed = confirmed;
	path.count = count;
	for (uint32_t i = 0; i < count; i++)
		path.umboxes[i] = be32toh(payload->stamps[i].umbox);
	struct {
		uint64_t sequence;
		int64_t time_ns;
		uint32_t path, zero;
	} row = {sequence, time_ns, path_number(traffic, &path), 0};
	fwrite(&row, sizeof(row), 1, traffic->received_file);
	traffic->received++;
}

static void receive(struct traffic *traffic)
{
	static struct payload payloads[BATCH];
	struct iovec parts[BATCH];
	struct mmsghdr messages[BATCH];

	for (;;) {
		memset(messages, 0, sizeof(messages));
		for (unsigned i = 0; i < BATCH; i++) {
			parts[i] = (struct iovec){&payloads[i], sizeof(payloads[i])};
			messages[i].msg_hdr.msg_iov = &parts[i];
			messages[i].msg_hdr.msg_iovlen = 1;
		}
		int count = recvmmsg(traffic->socket, messages, BATCH, MSG_DONTWAIT, NULL);
		if (count < 0 && errno == ECONNREFUSED) {
			traffic->refused++;
			continue;
		}
		if (count < 0)
			return;
		int64_t time_ns = now_ns(CLOCK_REALTIME);
		for (int i = 0; i < count; i++)
			record(traffic, &payloads[i], messages[i].msg_len, time_ns);
		if (count < BATCH)
			return;
	}
}

static void send_burst(struct traffic *traffic, unsigned count)
{
	static struct payload payloads[BATCH];
	struct iovec parts[BATCH];
	struct mmsghdr messages[BATCH];

	memset(messages, 0, sizeof(messages));
	for (unsigned i = 0; i < count; i++) {
		payloads[i] = (struct payload){.sequence = htobe64(traffic->sent + i),
					       .expected = htobe64(traffic->expected)};
		memcpy(payloads[i].magic, MAGIC, sizeof(MAGIC));
		parts[i] = (struct iovec){&payloads[i], sizeof(payloads[i])};
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	int64_t time_ns = now_ns(CLOCK_REALTIME);
	int done = sendmmsg(traffic->socket, messages, count, MSG_DONTWAIT);
	if (done < 0 && errno == ECONNREFUSED)
		traffic->refused++;
	else if (done < 0)
		traffic->errors++;
	if (done <= 0)
		return;
	uint64_t row[3] = {traffic->sent, (uint64_t)done, (uint64_t)time_ns};
	fwrite(row, sizeof(row), 1, traffic->sent_file);
	traffic->sent += (unsigned)done;
}

/* What could not be sent in time is left out: it would be a burst. */
static void send_due(struct traffic *traffic)
{
	unsigned most = traffic->sent < traffic->confirmed + WINDOW ? BATCH : 1;
	uint64_t elapsed_ns = (uint64_t)(now_ns(CLOCK_MONOTONIC) - traffic->started_ns);
	uint64_t due = elapsed_ns * traffic->rate / 1000000000;

	if (due > traffic->sent + most) {
		traffic->started_ns +=
			(int64_t)((due - traffic->sent - most) * 1000000000 / traffic->rate);
		due = traffic->sent + most;
	}
	if (due > traffic->sent_max)
		due = traffic->sent_max;
	if (traffic->sent < due)
		send_burst(traffic, (unsigned)(due - traffic->sent));
}

static void run(struct traffic *traffic)
{
	struct pollfd watched[2] = {{.fd = traffic->socket, .events = POLLIN},
				    {.fd = traffic->timer, .events = POLLIN}};
	int64_t end_ns = INT64_MAX;

	traffic->started_ns = now_ns(CLOCK_MONOTONIC);
	while (now_ns(CLOCK_MONOTONIC) < end_ns) {
		if (poll(watched, 2, 100) < 0 && errno != EINTR)
			die("poll");
		if (watched[0].revents)
			receive(traffic);
		uint64_t ticks;
		bool due = read(traffic->timer, &ticks, sizeof(ticks)) > 0;
		if (!due && errno != EAGAIN)
			die("timer");
		if (end_ns == INT64_MAX) {
			if (due && !stop_asked)
				send_due(traffic);
			if (stop_asked || traffic->sent >= traffic->sent_max)
				end_ns = now_ns(CLOCK_MONOTONIC) + (int64_t)LINGER_MS * 1000000;
		}
	}
}

static struct sockaddr_in address_parse(const char *text)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	char host[INET_ADDRSTRLEN] = "";
	unsigned port = 0;

	if (sscanf(text, "%15[0-9.]:%5u", host, &port) != 2 || port > UINT16_MAX ||
	    inet_pton(AF_INET, host, &address.sin_addr) != 1) {
		fprintf(stderr, "traffic: '%s' is not IP:PORT\n", text);
		exit(2);
	}
	address.sin_port = htons((uint16_t)port);
	return address;
}

static void open_socket(struct traffic *traffic, const struct sockaddr_in *local,
			const struct sockaddr_in *remote)
{
	int on = 1, bytes = SOCKET_BYTES;

	traffic->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (traffic->socket < 0)
		die("socket");
	/* Without checksums, so that a stamp need not mend them. */
	if (setsockopt(traffic->socket, SOL_SOCKET, SO_NO_CHECK, &on, sizeof(on)) < 0)
		die("SO_NO_CHECK");
	if (setsockopt(traffic->socket, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(traffic->socket, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (bind(traffic->socket, (const struct sockaddr *)local, sizeof(*local)) < 0)
		die("bind");
	if (connect(traffic->socket, (const struct sockaddr *)remote, sizeof(*remote)) < 0)
		die("connect");
}

static FILE *open_output(const char *prefix, const char *suffix)
{
	char *path;
	if (asprintf(&path, "%s%s", prefix, suffix) < 0)
		die("memory");
	FILE *file = fopen(path, "w");
	if (!file)
		die(path);
	free(path);
	return file;
}

static void open_timer(struct traffic *traffic)
{
	struct itimerspec every = {.it_interval = {0, TICK_US * 1000}, .it_value = {0, 1}};

	traffic->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (traffic->timer < 0 || timerfd_settime(traffic->timer, 0, &every, NULL) < 0)
		die("timer");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"local", required_argument, NULL, 'l'}, {"remote", required_argument, NULL, 'r'},
		{"rate", required_argument, NULL, 'f'},  {"seconds", required_argument, NULL, 's'},
		{"out", required_argument, NULL, 'o'},   {NULL, 0, NULL, 0},
	};
	struct traffic traffic = {.rate = 10000};
	struct sockaddr_in local = {0}, remote = {0};
	const char *prefix = NULL;
	double seconds = 1;

	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (option) {
		case 'l': local = address_parse(optarg); break;
		case 'r': remote = address_parse(optarg); break;
		case 'f': traffic.rate = strtoull(optarg, NULL, 10); break;
		case 's': seconds = strtod(optarg, NULL); break;
		case 'o': prefix = optarg; break;
		default: return 2;
		}
	}
	if (!prefix || !local.sin_port || !remote.sin_port || !traffic.rate || seconds <= 0) {
		fprintf(stderr, "usage: traffic --local IP:PORT --remote IP:PORT --rate FRAMES/S "
				"--seconds S --out PREFIX\n");
		return 2;
	}
	traffic.sent_max = (uint64_t)(seconds * (double)traffic.rate);
	traffic.paths = calloc(PATHS_MAX, sizeof(*traffic.paths));
	traffic.path_used = calloc(PATHS_MAX, sizeof(*traffic.path_used));
	assert(traffic.paths && traffic.path_used);
	struct sigaction action = {.sa_handler = on_signal};
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	traffic.sent_file = open_output(prefix, ".sent");
	traffic.received_file = open_output(prefix, ".received");
	traffic.paths_file = open_output(prefix, ".paths");
	open_socket(&traffic, &local, &remote);
	/* What is sent before the other end listens would count as lost. */
	puts("ready");
	fflush(stdout);
	(void)getchar();
	open_timer(&traffic);
	run(&traffic);
	if (fclose(traffic.sent_file) || fclose(traffic.received_file) ||
	    fclose(traffic.paths_file))
		die("writing");
	printf("{\"sent\": %" PRIu64 ", \"received\": %" PRIu64 ", \"foreign\": %" PRIu64
	       ", \"refused\": %" PRIu64 ", \"errors\": %" PRIu64 "}\n",
	       traffic.sent, traffic.received, traffic.foreign, traffic.refused, traffic.errors);
	free(traffic.paths);
	free(traffic.path_used);
	return 0;
}
