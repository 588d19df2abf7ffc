/* SPDX-License-Identifier: Apache-2.0 */
/* kernel.c - chains, sets and counters of in-kernel mode; see umbox_kernel.h. */
#include "kernel.h"

#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

/* --- messages */

size_t kernel_begin(struct netlink_batch *batch, uint16_t type, uint16_t flags)
{
	struct nfgenmsg header = {.nfgen_family = NFPROTO_NETDEV, .version = NFNETLINK_V0};
	return netlink_begin(batch, NFNL_SUBSYS_NFTABLES << 8 | type, flags, &header,
			     sizeof(header));
}

static void put_bracket(struct netlink_batch *batch, uint16_t type)
{
	struct nfgenmsg header = {.version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES)};
	netlink_end(batch, netlink_begin(batch, type, 0, &header, sizeof(header)));
}

void kernel_start_batch(struct netlink_batch *batch)
{
	netlink_clear(batch);
	put_bracket(batch, NFNL_MSG_BATCH_BEGIN);
}

int kernel_commit(struct umbox_kernel *kernel, struct netlink_batch *batch, uint32_t *ret_message)
{
	netlink_await(batch);
	put_bracket(batch, NFNL_MSG_BATCH_END);
	return netlink_ask(kernel->fd, batch, sizeof(struct nfgenmsg), NULL, NULL, ret_message);
}

/* --- the table */

struct umbox_kernel *umbox_kernel_new(struct umbox *umbox)
{
	struct umbox_kernel *kernel = calloc(1, sizeof(*kernel));
	if (!kernel)
		abort();
	kernel->umbox = umbox;
	kernel->fd = kernel->told_fd = -1;
	for (int i = 0; i < UMBOX_LEG_COUNT; i++)
		kernel->sources[i].fd = -1;
	kernel_start_batch(&kernel->names);
	kernel_start_batch(&kernel->rules);
	size_t message = kernel_begin(&kernel->names, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	netlink_put_text(&kernel->names, NFTA_TABLE_NAME, KERNEL_TABLE);
	netlink_put_be32(&kernel->names, NFTA_TABLE_FLAGS, NFT_TABLE_F_OWNER);
	netlink_end(&kernel->names, message);
	/* The legs' own chains come first: umbox_chain_of finds them by their place. */
	for (enum umbox_leg from = UMBOX_IN; from < UMBOX_LEG_COUNT; from++)
		umbox_chain_new(&(struct umbox_chain){.kernel = kernel, .from = from});
	umbox->kernel = kernel;
	umbox->sources = kernel->sources;
	return kernel;
}

void kernel_free(struct umbox_kernel *kernel)
{
	if (!kernel)
		return;
	if (kernel->fd >= 0)
		close(kernel->fd);
	if (kernel->told_fd >= 0)
		close(kernel->told_fd);
	for (int i = 0; i < UMBOX_LEG_COUNT; i++)
		umbox_leg_close(&kernel->sources[i]);
	netlink_free(&kernel->names);
	netlink_free(&kernel->rules);
	netlink_free(&kernel->request);
	free(kernel);
}

struct umbox_chain *umbox_chain_of(struct umbox_kernel *kernel, enum umbox_leg from)
{
	return &kernel->chains[from];
}

static void put_hook(struct netlink_batch *batch, const char *leg)
{
	size_t hook = netlink_open(batch, NFTA_CHAIN_HOOK);
	netlink_put_be32(batch, NFTA_HOOK_HOOKNUM, NF_NETDEV_INGRESS);
	netlink_put_be32(batch, NFTA_HOOK_PRIORITY, 0);
	netlink_put_text(batch, NFTA_HOOK_DEV, leg);
	netlink_close(batch, hook);
	netlink_put_be32(batch, NFTA_CHAIN_POLICY, NF_DROP);
	netlink_put_text(batch, NFTA_CHAIN_TYPE, "filter");
}

void kernel_write_chain(struct netlink_batch *batch, const char *chain, const char *device)
{
	size_t message = kernel_begin(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	netlink_put_text(batch, NFTA_CHAIN_TABLE, KERNEL_TABLE);
	netlink_put_text(batch, NFTA_CHAIN_NAME, chain);
	if (device)
		put_hook(batch, device);
	netlink_end(batch, message);
}

struct umbox_chain *umbox_chain_new(struct umbox_chain *like)
{
	static const char *const legs[UMBOX_LEG_COUNT] = {"in", "out"};
	struct umbox_kernel *kernel = like->kernel;
	unsigned number = kernel->chain_count++;
	assert(number < KERNEL_CHAINS_MAX);
	struct umbox_chain *chain = &kernel->chains[number];
	*chain = (struct umbox_chain){.kernel = kernel, .from = like->from};
	bool first = number < UMBOX_LEG_COUNT;
	if (first)
		snprintf(chain->name, sizeof(chain->name), "%s", legs[like->from]);
	else
		snprintf(chain->name, sizeof(chain->name), "%s-%u", legs[like->from], number);
	kernel_write_chain(&kernel->names, chain->name, first ? legs[like->from] : NULL);
	return chain;
}

/* --- counters */

/* What the rules pass and drop counts as if the kit had. */
static uint64_t *sum_of(struct umbox *umbox, const char *name)
{
	if (!strcmp(name, KERNEL_PASSED))
		return &umbox->passed;
	if (!strcmp(name, KERNEL_DROPPED))
		return &umbox->dropped;
	if (!strcmp(name, KERNEL_WOULD_DROP))
		return &umbox->would_drop;
	return umbox_counter(umbox, name);
}

struct kernel_counter *kernel_counter(struct umbox_kernel *kernel, const char *name)
{
	for (unsigned i = 0; i < kernel->counter_count; i++)
		if (!strcmp(kernel->counters[i].name, name))
			return &kernel->counters[i];
	unsigned number = kernel->counter_count++;
	assert(number < UMBOX_COUNTED_MAX);
	struct kernel_counter *counter = &kernel->counters[number];
	counter->name = name;
	counter->sum = sum_of(kernel->umbox, name);
	struct netlink_batch *batch = &kernel->names;
	size_t message = kernel_begin(batch, NFT_MSG_NEWOBJ, NLM_F_CREATE);
	netlink_put_text(batch, NFTA_OBJ_TABLE, KERNEL_TABLE);
	netlink_put_text(batch, NFTA_OBJ_NAME, name);
	netlink_put_be32(batch, NFTA_OBJ_TYPE, NFT_OBJECT_COUNTER);
	netlink_close(batch, netlink_open(batch, NFTA_OBJ_DATA));
	netlink_end(batch, message);
	return counter;
}

static void take_counter(const struct netlink_answer *answer, void *user)
{
	struct umbox_kernel *kernel = user;
	size_t bytes, data_bytes;
	const char *name = netlink_find(answer->attributes, answer->bytes, NFTA_OBJ_NAME, 1,
					&bytes);
	const void *data = netlink_find(answer->attributes, answer->bytes, NFTA_OBJ_DATA, 0,
					&data_bytes);
	const uint64_t *packets =
		data ? netlink_find(data, data_bytes, NFTA_COUNTER_PACKETS, 8, NULL) : NULL;
	uint64_t number;
	if (!name || name[bytes - 1] || !packets)
		return;
	memcpy(&number, packets, sizeof(number));
	for (unsigned i = 0; i < kernel->counter_count; i++) {
		struct kernel_counter *counter = &kernel->counters[i];
		if (strcmp(counter->name, name) != 0)
			continue;
		*counter->sum += be64toh(number) - counter->packets;
		counter->packets = be64toh(number);
	}
}

void kernel_read_counters(struct umbox_kernel *kernel)
{
	struct netlink_batch *batch = &kernel->request;
	if (!kernel->stood)
		return;
	netlink_clear(batch);
	size_t message = kernel_begin(batch, NFT_MSG_GETOBJ, NLM_F_DUMP);
	netlink_put_text(batch, NFTA_OBJ_TABLE, KERNEL_TABLE);
	netlink_put_be32(batch, NFTA_OBJ_TYPE, NFT_OBJECT_COUNTER);
	netlink_end(batch, message);
	/* What cannot be read now stays as it was, and is read with the next heartbeat. */
	(void)netlink_ask(kernel->fd, batch, sizeof(struct nfgenmsg), take_counter, kernel, NULL);
}

uint64_t kernel_count_of(const struct umbox_kernel *kernel, const char *name)
{
	for (unsigned i = 0; name && i < kernel->counter_count; i++)
		if (!strcmp(kernel->counters[i].name, name))
			return kernel->counters[i].packets;
	return 0;
}

/* --- sets */

struct umbox_set *umbox_set_new(struct umbox_kernel *kernel, const struct umbox_set_shape *shape)
{
	struct netlink_batch *batch = &kernel->names;
	unsigned number = kernel->set_count++;
	assert(number < KERNEL_SETS_MAX && shape->key_bytes <= UMBOX_KEY_BYTES);
	struct umbox_set *set = &kernel->sets[number];
	*set = (struct umbox_set){.kernel = kernel, .shape = *shape};
	snprintf(set->name, sizeof(set->name), "set-%u", number);
	size_t message = kernel_begin(batch, NFT_MSG_NEWSET, NLM_F_CREATE);
	netlink_put_text(batch, NFTA_SET_TABLE, KERNEL_TABLE);
	netlink_put_text(batch, NFTA_SET_NAME, set->name);
	netlink_put_be32(batch, NFTA_SET_ID, number + 1);
	netlink_put_be32(batch, NFTA_SET_FLAGS,
			 shape->prefixes ? NFT_SET_INTERVAL : NFT_SET_EVAL | NFT_SET_TIMEOUT);
	netlink_put_be32(batch, NFTA_SET_KEY_LEN, shape->key_bytes);
	size_t about = netlink_open(batch, NFTA_SET_DESC);
	/* A prefix is two elements, its beginning and its end. */
	netlink_put_be32(batch, NFTA_SET_DESC_SIZE, shape->capacity * (shape->prefixes ? 2 : 1));
	netlink_close(batch, about);
	netlink_end(batch, message);
	return set;
}

static void put_key(struct netlink_batch *batch, const struct umbox_set *set, const void *key)
{
	size_t value = netlink_open(batch, NFTA_SET_ELEM_KEY);
	netlink_put(batch, NFTA_DATA_VALUE, key, set->shape.key_bytes);
	netlink_close(batch, value);
}

struct element {
	size_t message, list, element;
};

static struct element open_element(struct netlink_batch *batch, const struct umbox_set *set,
				   uint16_t type, uint16_t flags)
{
	struct element at = {.message = kernel_begin(batch, type, flags)};
	netlink_put_text(batch, NFTA_SET_ELEM_LIST_TABLE, KERNEL_TABLE);
	netlink_put_text(batch, NFTA_SET_ELEM_LIST_SET, set->name);
	at.list = netlink_open(batch, NFTA_SET_ELEM_LIST_ELEMENTS);
	at.element = netlink_open(batch, NFTA_LIST_ELEM);
	return at;
}

static void close_element(struct netlink_batch *batch, struct element at)
{
	netlink_close(batch, at.element);
	netlink_close(batch, at.list);
	netlink_end(batch, at.message);
}

/* Before the start it waits with the other names. */
static struct netlink_batch *batch_of(struct umbox_kernel *kernel)
{
	if (!kernel->stood)
		return &kernel->names;
	kernel_start_batch(&kernel->request);
	return &kernel->request;
}

bool umbox_set_add(struct umbox_set *set, const void *key, uint32_t seconds)
{
	struct netlink_batch *batch = batch_of(set->kernel);
	struct element at = open_element(batch, set, NFT_MSG_NEWSETELEM, NLM_F_CREATE);
	put_key(batch, set, key);
	if (seconds)
		netlink_put_be64(batch, NFTA_SET_ELEM_TIMEOUT, seconds * 1000ull);
	close_element(batch, at);
	return !set->kernel->stood || kernel_commit(set->kernel, batch, NULL) == 0;
}

bool umbox_set_remove(struct umbox_set *set, const void *key)
{
	struct netlink_batch *batch = &set->kernel->request;
	kernel_start_batch(batch);
	struct element at = open_element(batch, set, NFT_MSG_DELSETELEM, 0);
	put_key(batch, set, key);
	close_element(batch, at);
	return kernel_commit(set->kernel, batch, NULL) == 0;
}

/* The address behind the prefix's last one; false when there is none. */
static bool find_end(const struct umbox_prefix *prefix, uint8_t *ret_end)
{
	int bytes = prefix->ip.family == 4 ? 4 : 16;
	memcpy(ret_end, prefix->ip.octet, (size_t)bytes);
	if (!prefix->bits)
		return false;
	unsigned step = 1u << (7 - (prefix->bits - 1) % 8);
	for (int i = (prefix->bits - 1) / 8; i >= 0; i--, step = 1) {
		unsigned sum = ret_end[i] + step;
		ret_end[i] = (uint8_t)sum;
		if (sum < 256)
			return true;
	}
	return false;
}

bool umbox_set_add_prefix(struct umbox_set *set, const struct umbox_prefix *prefix)
{
	struct netlink_batch *batch = &set->kernel->names;
	uint8_t end[16];
	if (set->kernel->stood || !set->shape.prefixes ||
	    set->shape.key_bytes != (prefix->ip.family == 4 ? 4 : 16))
		return false;
	struct element at = open_element(batch, set, NFT_MSG_NEWSETELEM, NLM_F_CREATE);
	put_key(batch, set, prefix->ip.octet);
	close_element(batch, at);
	if (!find_end(prefix, end))
		return true;
	at = open_element(batch, set, NFT_MSG_NEWSETELEM, NLM_F_CREATE);
	netlink_put_be32(batch, NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
	put_key(batch, set, end);
	close_element(batch, at);
	return true;
}

static void take_expiration(const struct netlink_answer *answer, void *user)
{
	int64_t *left_ms = user;
	uint64_t number;
	size_t bytes, element_bytes;
	const void *list = netlink_find(answer->attributes, answer->bytes,
					NFTA_SET_ELEM_LIST_ELEMENTS, 0, &bytes);
	const void *element = list ? netlink_find(list, bytes, NFTA_LIST_ELEM, 0, &element_bytes)
				   : NULL;
	const void *left = element ? netlink_find(element, element_bytes, NFTA_SET_ELEM_EXPIRATION,
						  8, NULL)
				   : NULL;
	if (!left)
		return;
	memcpy(&number, left, sizeof(number));
	*left_ms = (int64_t)be64toh(number);
}

int64_t umbox_set_noted_us(struct umbox_set *set, const void *key, uint32_t seconds, int64_t now_us)
{
	struct netlink_batch *batch = &set->kernel->request;
	int64_t left_ms = -1;
	netlink_clear(batch);
	struct element at = open_element(batch, set, NFT_MSG_GETSETELEM, NLM_F_ACK);
	put_key(batch, set, key);
	close_element(batch, at);
	if (netlink_ask(set->kernel->fd, batch, sizeof(struct nfgenmsg), take_expiration, &left_ms,
			NULL) < 0 ||
	    left_ms < 0)
		return INT64_MIN;
	return now_us - (seconds * 1000ll - left_ms) * 1000;
}
