/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_hop_cost.c - what a hop costs: processor time a frame, and the round trip, through 1, 2 and
 * 4 hops that forward inside the kernel; beside the same wired by tc mirred, and by veth pairs from
 * umbox to umbox.  Run by scripts/bench.d/hop_cost. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "testbed.h"

enum {
	ROUNDS = 120,
	BATCHES = 16,     /* a round, of each way */
	BATCH = 200,      /* frames */
	TRIPS = 20,       /* a round */
	SECONDS_MAX = 40, /* however busy the machine is */
	LENGTHS = 3,
	HOPS = 4,
};
static const unsigned lengths[LENGTHS] = {1, 2, HOPS};

enum wiring { WIRING_STEERED, WIRING_TC, WIRING_DIRECT, WIRING_COUNT };
static const char *const wiring_names[] = {"kalki", "tc mirred", "direct veth"};

/* A way from a device's end to the network's. */
struct way {
	int from, to;
	double batches_ns[ROUNDS * BATCHES]; /* processor time of a frame, each */
	unsigned batches;
	double cpu_ns;
	double trip_us[2]; /* best of the rounds: median, 99th percentile */
};

struct bench {
	struct way ways[WIRING_COUNT][LENGTHS];
	struct link *link;
	struct nft *nft;
	struct device_identity device;
};

static void need(int result, const struct error *err)
{
	if (result >= 0)
		return;
	fprintf(stderr, "bench_hop_cost: %s\n", err->text);
	exit(1);
}

static void forward(int netns)
{
	bed_run(netns, "nft -f - <<EOF\n"
		       "table netdev forward {\n"
		       "chain in { type filter hook ingress device in priority 0; policy drop; "
		       "fwd to out; }\n"
		       "chain out { type filter hook ingress device out priority 0; policy drop; "
		       "fwd to in; }\n"
		       "}\nEOF\n");
}

static void open_steered(struct bench *bench)
{
	struct error err = {0};
	struct data_plane plane = {.namespace = "bench",
				   .ports = {{.name = "port0"}},
				   .port_count = 1,
				   .network_port = "up0"};
	struct bed_umbox umbox;
	int devices = bed_namespace(), network = bed_namespace();
	bed_pair(-1, "port0", devices, "d0");
	bed_pair(-1, "up0", network, "n0");
	need(link_open(&bench->link, "bench", &plane, &err), &err);
	need(nft_open(&bench->nft, bench->link, NULL, &err), &err);
	bench->device = (struct device_identity){.number = 1, .mac = bed_mac(1), .port = "port0"};
	need(ip_parse(&bench->device.ips[bench->device.ip_count++], "10.9.0.1", &err), &err);
	need(link_add_slot(bench->link, &bench->device, &err), &err);
	need(nft_enrol(bench->nft, &bench->device, &err), &err);
	for (uint32_t id = 1; id <= HOPS; id++)
		bed_umbox_open(&umbox, bench->link, bench->nft, id, 0);
	for (unsigned i = 0; i < LENGTHS; i++) {
		bench->ways[WIRING_STEERED][i].from = bed_packet_socket(devices, "d0");
		bench->ways[WIRING_STEERED][i].to = bed_packet_socket(network, "n0");
	}
}

/* The chain of the device has as many hops as are measured next. */
static void route(struct bench *bench, unsigned hops)
{
	struct error err = {0};
	const struct path path = {.state = PATH_WHOLE, .ids = {1, 2, 3, 4}, .count = hops};
	need(nft_route(bench->nft, 1, &path, true, &err), &err);
}

static void mirror(int netns, const char *from, const char *to)
{
	bed_run(netns,
		"tc qdisc replace dev %s ingress; tc filter add dev %s parent ffff: protocol all "
		"u32 match u32 0 0 action mirred egress redirect dev %s",
		from, from, to);
}

static void join(int netns, const char *one, const char *other)
{
	mirror(netns, one, other);
	mirror(netns, other, one);
}

static void open_tc(struct way *way, unsigned hops)
{
	int plane = bed_namespace(), devices = bed_namespace(), network = bed_namespace();
	char last[LINK_NAME_BYTES] = "port0";
	bed_pair(plane, "port0", devices, "d0");
	bed_pair(plane, "up0", network, "n0");
	for (unsigned i = 0; i < hops; i++) {
		char in[LINK_NAME_BYTES], out[LINK_NAME_BYTES];
		int umbox = bed_namespace();
		leg_name(in, i + 1, LEG_IN);
		leg_name(out, i + 1, LEG_OUT);
		bed_pair(plane, in, umbox, "in");
		bed_pair(plane, out, umbox, "out");
		forward(umbox);
		join(plane, last, in);
		TEXT_COPY(last, out);
	}
	join(plane, last, "up0");
	way->from = bed_packet_socket(devices, "d0");
	way->to = bed_packet_socket(network, "n0");
}

static void open_direct(struct way *way, unsigned hops)
{
	int first = bed_namespace(), before = first, network = bed_namespace();
	for (unsigned i = 0; i < hops; i++) {
		int umbox = bed_namespace();
		bed_pair(before, i ? "out" : "d0", umbox, "in");
		if (i)
			forward(before);
		before = umbox;
	}
	bed_pair(before, "out", network, "n0");
	forward(before);
	way->from = bed_packet_socket(first, "d0");
	way->to = bed_packet_socket(network, "n0");
}

static void make_frame(struct bed_frame *frame, bool up)
{
	struct bed_udp udp = {.from = bed_mac(up ? 1 : 0x99),
			      .to = bed_mac(up ? 0x99 : 1),
			      .from_ip = up ? "10.9.0.1" : "10.9.0.2",
			      .to_ip = up ? "10.9.0.2" : "10.9.0.1",
			      .from_port = 9,
			      .to_port = 9,
			      .tag = 0x6b616c6b};
	bed_frame_udp(frame, &udp);
}

static double clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static unsigned drain(int socket)
{
	char bytes[2048];
	unsigned count = 0;
	while (recv(socket, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		count++;
	return count;
}

/* Nobody else's work between the frames: in real time, for some milliseconds at a time. */
static void in_real_time(bool wanted)
{
	const struct sched_param priority = {.sched_priority = wanted};
	sched_setscheduler(0, wanted ? SCHED_FIFO : SCHED_OTHER, &priority);
}

/* The whole way of a frame is worked off in the thread that sends it: its processor time is all
 * there is. The time of receiving is not counted: sockets are emptied between. */
static void send_batches(struct way *way)
{
	struct bed_frame frame;
	unsigned arrived = 0;
	make_frame(&frame, true);
	drain(way->to);
	for (unsigned batch = 0; batch < BATCHES; batch++) {
		in_real_time(true);
		double start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		for (unsigned i = 0; i < BATCH; i++)
			bed_send(way->from, &frame);
		double spent = clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
		in_real_time(false);
		way->batches_ns[way->batches++] = spent / BATCH;
		arrived += drain(way->to);
	}
	nanosleep(&(struct timespec){0, 2 * 1000 * 1000}, NULL);
	arrived += drain(way->to);
	if (arrived != BATCHES * BATCH) {
		fprintf(stderr, "bench_hop_cost: %u of %u frames arrived\n", arrived,
			BATCHES * BATCH);
		exit(1);
	}
}

struct echo {
	int socket;
	atomic_bool stop;
};

static void *echo_frames(void *data)
{
	struct echo *echo = data;
	struct bed_frame back;
	char bytes[2048];
	make_frame(&back, false);
	while (!echo->stop)
		if (recv(echo->socket, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
			bed_send(echo->socket, &back);
	return NULL;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Both ends look for the frame without sleeping: the way itself, not the wake-ups. */
static void round_trip(const struct way *way, double ret_us[2])
{
	static double times[TRIPS];
	struct echo echo = {.socket = way->to};
	struct bed_frame frame;
	pthread_t thread;
	char bytes[2048];
	make_frame(&frame, true);
	drain(way->to);
	drain(way->from);
	pthread_create(&thread, NULL, echo_frames, &echo);
	for (unsigned i = 0; i < TRIPS; i++) {
		double start = clock_ns(CLOCK_MONOTONIC);
		bed_send(way->from, &frame);
		while (recv(way->from, bytes, sizeof(bytes), MSG_DONTWAIT) <= 0)
			if (clock_ns(CLOCK_MONOTONIC) - start > 1e9) {
				fprintf(stderr, "bench_hop_cost: a frame did not come back\n");
				exit(1);
			}
		times[i] = (clock_ns(CLOCK_MONOTONIC) - start) / 1e3;
	}
	echo.stop = true;
	pthread_join(thread, NULL);
	qsort(times, TRIPS, sizeof(times[0]), compare);
	ret_us[0] = times[TRIPS / 2];
	ret_us[1] = times[TRIPS * 99 / 100];
}

/* Rounds alternate between the ways, so that the same moments are there for each. */
static void measure(struct bench *bench)
{
	double start = clock_ns(CLOCK_MONOTONIC);
	for (unsigned round = 0; round < ROUNDS; round++) {
		if (clock_ns(CLOCK_MONOTONIC) - start > SECONDS_MAX * 1e9)
			break;
		if (round % 20 == 0)
			fprintf(stderr, "   round %u of %d\n", round + 1, ROUNDS);
		for (unsigned length = 0; length < LENGTHS; length++) {
			route(bench, lengths[length]);
			for (unsigned wiring = 0; wiring < WIRING_COUNT; wiring++) {
				struct way *way = &bench->ways[wiring][length];
				double trip_us[2];
				send_batches(way);
				round_trip(way, trip_us);
				if (!round || trip_us[0] < way->trip_us[0])
					memcpy(way->trip_us, trip_us, sizeof(trip_us));
			}
		}
	}
}

/* A tenth of the batches was faster: what others do on the machine only ever adds, and the first
 * ones of a round find cold caches. */
static void sum_up(struct bench *bench)
{
	for (unsigned wiring = 0; wiring < WIRING_COUNT; wiring++)
		for (unsigned length = 0; length < LENGTHS; length++) {
			struct way *way = &bench->ways[wiring][length];
			qsort(way->batches_ns, way->batches, sizeof(way->batches_ns[0]), compare);
			way->cpu_ns = way->batches_ns[way->batches / 10];
		}
}

/* What one more hop costs: the slope from the shortest chain to the longest. */
static double cpu_a_hop(const struct way ways[LENGTHS])
{
	return (ways[LENGTHS - 1].cpu_ns - ways[0].cpu_ns) / (lengths[LENGTHS - 1] - lengths[0]);
}

static double trip_a_hop(const struct way ways[LENGTHS])
{
	return (ways[LENGTHS - 1].trip_us[0] - ways[0].trip_us[0]) /
	       (lengths[LENGTHS - 1] - lengths[0]);
}

static void print_results(const struct bench *bench)
{
	double steered = cpu_a_hop(bench->ways[WIRING_STEERED]);
	double tc = cpu_a_hop(bench->ways[WIRING_TC]);
	double direct = cpu_a_hop(bench->ways[WIRING_DIRECT]);
	for (unsigned wiring = 0; wiring < WIRING_COUNT; wiring++)
		for (unsigned i = 0; i < LENGTHS; i++) {
			const struct way *way = &bench->ways[wiring][i];
			fprintf(stderr,
				"   %-12s %u hops: %5.0f ns a frame, round trip %5.1f us (p99 "
				"%.1f)\n",
				wiring_names[wiring], lengths[i], way->cpu_ns, way->trip_us[0],
				way->trip_us[1]);
		}
	printf("{\"name\": \"hop_cost\", \"unit\": \"ns/frame/hop\", \"value\": %.0f, "
	       "\"floor\": %.0f, \"ratio\": %.2f, \"goal\": \"<= 2.2x of the floor\", \"met\": %s, "
	       "\"what\": \"processor time of a frame for one more hop, in-kernel forwarders, 1 to "
	       "%d hops; floor: veth pairs from umbox to umbox\"}\n",
	       steered, direct, steered / direct, steered <= 2.2 * direct ? "true" : "false", HOPS);
	printf("{\"name\": \"hop_cost_tc\", \"unit\": \"ns/frame/hop\", \"value\": %.0f, "
	       "\"floor\": %.0f, \"ratio\": %.2f, \"goal\": \">= 0.9 (floor / value)\", \"met\": %s, "
	       "\"what\": \"the same; floor: the same namespaces wired by tc mirred\"}\n",
	       steered, tc, tc / steered, tc / steered >= 0.9 ? "true" : "false");
	for (unsigned i = 0; i < LENGTHS; i++) {
		const struct way *way = &bench->ways[WIRING_STEERED][i];
		const struct way *bare = &bench->ways[WIRING_DIRECT][i];
		printf("{\"name\": \"hop_trip_%u\", \"unit\": \"us\", \"p50\": %.1f, \"p99\": %.1f, "
		       "\"floor\": %.1f, \"ratio\": %.2f, \"what\": \"round trip through %u hops, "
		       "both ends spinning; %.2f us a hop, tc %.2f; floor: direct veth\"}\n",
		       lengths[i], way->trip_us[0], way->trip_us[1], bare->trip_us[0],
		       way->trip_us[0] / bare->trip_us[0], lengths[i],
		       trip_a_hop(bench->ways[WIRING_STEERED]), trip_a_hop(bench->ways[WIRING_TC]));
	}
}

int main(void)
{
	static struct bench bench;
	bed_enter();
	open_steered(&bench);
	for (unsigned i = 0; i < LENGTHS; i++) {
		open_tc(&bench.ways[WIRING_TC][i], lengths[i]);
		open_direct(&bench.ways[WIRING_DIRECT][i], lengths[i]);
	}
	measure(&bench);
	sum_up(&bench);
	print_results(&bench);
	return 0;
}
