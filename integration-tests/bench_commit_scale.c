/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_commit_scale.c - how long a transition takes to be in the kernel, with 1 to 4000 devices
 * enrolled. Run by scripts/bench.d/commit_scale. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "driver/nft_inner.h"
#include "testbed.h"

enum { SWAPS = 1000, ROUNDS = 5, PAUSE_US = 200, FIRST_INTERFACE = 1000000 };
static const double goal = 1.3;

struct bench {
	struct link *link;
	struct nft *nft;
	struct device_identity device;
	struct path paths[2];
	unsigned enrolled;
};

static void need(int result, const struct error *err)
{
	if (result >= 0)
		return;
	fprintf(stderr, "bench_commit_scale: %s\n", err->text);
	exit(1);
}

static void open_bench(struct bench *bench, struct bed_umbox umboxes[4])
{
	struct error err = {0};
	struct data_plane plane = {
		.namespace = "bench", .ports = {{.name = "port0"}}, .port_count = 1};
	int devices = bed_namespace();
	bed_pair(-1, "port0", devices, "d0");
	need(link_open(&bench->link, "bench", &plane, &err), &err);
	need(nft_open(&bench->nft, bench->link, NULL, &err), &err);
	bench->device = (struct device_identity){.number = 1, .mac = bed_mac(1), .port = "port0"};
	need(link_add_slot(bench->link, &bench->device, &err), &err);
	need(nft_enrol(bench->nft, &bench->device, &err), &err);
	for (uint32_t i = 0; i < 4; i++) {
		bed_umbox_open(&umboxes[i], bench->link, bench->nft, i + 1, 0);
		bench->paths[i / 2].ids[i % 2] = i + 1;
	}
	for (unsigned i = 0; i < 2; i++) {
		bench->paths[i].state = PATH_WHOLE;
		bench->paths[i].count = 2;
		need(nft_route(bench->nft, 1, &bench->paths[i], false, &err), &err);
	}
	bench->enrolled = 1;
}

/* Devices that exist in the maps only: with an address and a chain of two hops each. */
static void enrol_until(struct bench *bench, unsigned count)
{
	struct error err = {0};
	while (bench->enrolled < count) {
		uint32_t number = ++bench->enrolled, interface = FIRST_INTERFACE + number * 8;
		struct steering_place place = {interface, interface + 1, bed_mac(number)};
		struct steering_legs path = {.count = 2};
		struct steering_changes changes = {0};
		struct device_identity device = {.mac = place.mac, .ip_count = 1};
		struct nft_device *held = nft_device_make(bench->nft, number);
		device.ips[0] = (struct ip){4, {10, 0, (uint8_t)(number >> 8), (uint8_t)number}};
		for (uint32_t hop = 0; hop < 2; hop++)
			for (uint32_t side = 0; side < LEG_SIDE_COUNT; side++)
				path.leg[hop][side] = interface + 2 + hop * 2 + side;
		steering_enrol(&changes, &held->held, &device, &place);
		steering_route(&changes, &held->held, &place, &path, false, NULL);
		nft_begin(bench->nft);
		for (unsigned i = 0; i < changes.count; i++)
			nft_batch_element(&bench->nft->batch, &changes.list[i], number);
		need(nft_commit(bench->nft, &err), &err);
		steering_apply(&held->held, &changes);
		steering_changes_done(&changes);
	}
}

static double now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

struct figures {
	double p50, p99;
};

/* The best of some rounds: what others do on the machine only ever adds. */
static struct figures measure(struct bench *bench)
{
	static double times[SWAPS];
	struct figures best = {0};
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < SWAPS; i++) {
			struct error err = {0};
			double start = now_us();
			need(nft_route(bench->nft, 1, &bench->paths[i & 1], false, &err), &err);
			times[i] = now_us() - start;
			nanosleep(&(struct timespec){0, PAUSE_US * 1000}, NULL);
		}
		qsort(times, SWAPS, sizeof(times[0]), compare);
		struct figures figures = {times[SWAPS / 2], times[SWAPS * 99 / 100]};
		if (!round || figures.p50 < best.p50)
			best = figures;
	}
	return best;
}

int main(void)
{
	static const unsigned counts[] = {1, 100, 1000, 4000};
	struct bench bench = {0};
	struct bed_umbox umboxes[4];
	double floor = 0;
	bed_enter();
	open_bench(&bench, umboxes);
	measure(&bench); /* warm */
	for (unsigned i = 0; i < ARRAY_SIZE(counts); i++) {
		enrol_until(&bench, counts[i]);
		struct figures figures = measure(&bench);
		if (!i)
			floor = figures.p50;
		printf("{\"name\": \"commit_scale_%u\", \"unit\": \"us\", \"p50\": %.1f, "
		       "\"p99\": %.1f, \"floor\": %.1f, \"ratio\": %.2f, "
		       "\"goal\": \"<= 1.3x of 1 device\", \"met\": %s, \"what\": \"transition "
		       "between two chains of 2 hops, %u devices enrolled: worked out, "
		       "committed, acknowledged; one every %d us, best of %d rounds of %d; "
		       "table %s\"}\n",
		       counts[i], figures.p50, figures.p99, floor, figures.p50 / floor,
		       figures.p50 <= goal * floor ? "true" : "false", counts[i], PAUSE_US, ROUNDS,
		       SWAPS, nft_notice_fd(bench.nft) < 0 ? "owned" : "watched");
		fflush(stdout);
	}
	return 0;
}
