/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/nft_sync.c - what the kernel holds, and the table brought back as it should be. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "driver/nft_inner.h"

struct nft_device *nft_device_find(const struct nft *nft, uint32_t number)
{
	struct nft_device *device;
	HASH_FIND(hh, nft->devices, &number, sizeof(number), device);
	return device;
}

struct nft_device *nft_device_make(struct nft *nft, uint32_t number)
{
	struct nft_device *device = nft_device_find(nft, number);
	if (device)
		return device;
	device = mem_alloc(sizeof(*device));
	device->number = number;
	HASH_ADD(hh, nft->devices, number, sizeof(device->number), device);
	return device;
}

void nft_device_forget(struct nft *nft, struct nft_device *device)
{
	HASH_DEL(nft->devices, device);
	steering_done(&device->held);
	free(device);
}

/* Elements */

struct element_reader {
	struct nft *nft;
	enum steering_set set;
	struct steering_changes foreign; /* deletions of what nobody here wrote */
};

static void on_element(void *data, const struct steering_element *element, uint32_t device)
{
	struct element_reader *reader = data;
	if (device) {
		steering_add(&nft_device_make(reader->nft, device)->held, element);
		return;
	}
	const struct steering deletion = {(struct steering_element *)element, 1, 1};
	steering_unenrol(&reader->foreign, &deletion);
}

static void on_elements(void *data, const struct nlmsghdr *message)
{
	struct element_reader *reader = data;
	/* What cannot be read is none that this program writes; the rules miss it likewise. */
	(void)nft_parse_elements(message, reader->set, on_element, reader);
}

static void forget_set(struct nft *nft, enum steering_set set)
{
	struct nft_device *device, *next;
	HASH_ITER(hh, nft->devices, device, next) {
		struct steering *held = &device->held;
		for (unsigned i = 0; i < held->count;)
			if (held->elements[i].set == set)
				held->elements[i] = held->elements[--held->count];
			else
				i++;
	}
}

static void on_restart(void *data)
{
	struct element_reader *reader = data;
	forget_set(reader->nft, reader->set);
	reader->foreign.count = 0;
}

static int read_set(struct nft *nft, enum steering_set set, struct steering_changes *foreign,
		    struct error *err)
{
	_Alignas(struct nlmsghdr) char question[NFT_QUESTION_BYTES];
	struct element_reader reader = {.nft = nft, .set = set};
	forget_set(nft, set);
	int r = netlink_ask(&nft->netlink, nft_ask_elements(question, steering_set_info(set)->name),
			    on_elements, on_restart, &reader, err);
	for (unsigned i = 0; i < reader.foreign.count; i++) {
		struct steering one = {&reader.foreign.list[i].element, 1, 1};
		steering_unenrol(foreign, &one);
	}
	steering_changes_done(&reader.foreign);
	return r;
}

static int delete_foreign(struct nft *nft, const struct steering_changes *foreign,
			  struct error *err)
{
	if (!foreign->count)
		return 0;
	nft_begin(nft);
	for (unsigned i = 0; i < foreign->count; i++)
		nft_batch_element(&nft->batch, &foreign->list[i], 0);
	return nft_commit(nft, err);
}

int nft_sync_elements(struct nft *nft, struct error *err)
{
	struct steering_changes foreign = {0};
	int r = 0;
	for (unsigned set = 0; r == 0 && set < STEERING_SET_COUNT; set++)
		r = read_set(nft, set, &foreign, err);
	if (r == 0)
		r = delete_foreign(nft, &foreign, err);
	bool strange = foreign.count;
	steering_changes_done(&foreign);
	if (r < 0)
		return r;
	struct nft_device *device, *next;
	HASH_ITER(hh, nft->devices, device, next)
		if (!device->held.count)
			nft_device_forget(nft, device);
	return strange;
}

/* Rules */

struct rule_reader {
	struct buffer bytes;
	unsigned count, base_chains; /* rules of base chains are as many as these */
};

static void on_rule(void *data, const struct nlmsghdr *message)
{
	struct rule_reader *reader = data;
	const char *chain;
	const void *expressions;
	size_t bytes;
	if (!nft_parse_rule(message, &chain, &expressions, &bytes))
		return;
	/* Base chains come and go with interfaces; their only rule is a goto. */
	bool base = false;
	for (unsigned i = 0; i < NFT_BASE_COUNT; i++)
		base |= text_starts(chain, nft_base_name(i)) &&
			chain[strlen(nft_base_name(i))] == '_';
	if (base) {
		reader->base_chains++;
		return;
	}
	reader->count++;
	buffer_add(&reader->bytes, chain, strlen(chain) + 1);
	buffer_add(&reader->bytes, expressions, bytes);
}

static void on_rules_restart(void *data)
{
	struct rule_reader *reader = data;
	reader->bytes.length = 0;
	reader->count = reader->base_chains = 0;
}

static int read_rules(struct nft *nft, char digest[static DIGEST_TEXT_BYTES], unsigned *ret_count,
		      unsigned *ret_base_rules, struct error *err)
{
	_Alignas(struct nlmsghdr) char question[NFT_QUESTION_BYTES];
	struct rule_reader reader = {0};
	int r = netlink_ask(&nft->netlink, nft_ask_rules(question), on_rule, on_rules_restart,
			    &reader, err);
	if (r == 0) {
		digest_text(digest, reader.bytes.bytes, reader.bytes.length);
		*ret_count = reader.count;
		*ret_base_rules = reader.base_chains;
	}
	buffer_done(&reader.bytes);
	return r;
}

/* The table */

static void on_table(void *data, const struct nlmsghdr *message)
{
	struct nft_table_view *view = data, found;
	if (nft_parse_table(message, &found))
		*view = found;
}

/* A table whose owner ended waits for the next one. */
static int adopt(struct nft *nft, const struct nft_table_view *view, struct error *err)
{
	const uint32_t both = NFT_TABLE_OWNER | NFT_TABLE_PERSIST;
	if (view->flags & NFT_TABLE_OWNER) {
		nft->owner = view->owner == nft->netlink.port;
		return nft->owner ? 0
				  : error_set(err, -EPERM,
					      "table %s belongs to another process: is another "
					      "kalkid running?",
					      NFT_TABLE);
	}
	nft->owner = false;
	if (!(view->flags & NFT_TABLE_PERSIST) || nft->options.without_owner)
		return 0;
	nft_begin(nft);
	nft_batch_new_table(&nft->batch, both, view->comment);
	int r = nft_commit(nft, err);
	nft->owner = r == 0;
	return r;
}

int nft_check_table(struct nft *nft, struct error *err)
{
	_Alignas(struct nlmsghdr) char question[NFT_QUESTION_BYTES];
	struct nft_table_view view = {0};
	char comment[NFT_TABLE_COMMENT_BYTES], digest[DIGEST_TEXT_BYTES];
	unsigned rules = 0, base_rules = 0;
	int r = netlink_ask(&nft->netlink, nft_ask_table(question), on_table, NULL, &view, err);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = adopt(nft, &view, err);
	if (r == 0)
		r = nft_sync_hooks(nft, err);
	if (r == 0)
		r = read_rules(nft, digest, &rules, &base_rules, err);
	if (r < 0)
		return r;
	nft_ruleset_comment(comment);
	if (!text_equal(view.comment, comment) || rules != nft_ruleset_rules() ||
	    base_rules != HASH_COUNT(nft->chains) ||
	    (nft->rules_digest[0] && !text_equal(nft->rules_digest, digest)))
		return 0;
	TEXT_COPY(nft->rules_digest, digest);
	return 1;
}

static void write_elements(struct nft *nft)
{
	struct nft_device *device, *next;
	HASH_ITER(hh, nft->devices, device, next)
		for (unsigned i = 0; i < device->held.count; i++)
			nft_batch_element(&nft->batch,
					  &(struct steering_change){true, device->held.elements[i]},
					  device->number);
}

/* Which interfaces stand in the set. */
struct eapol_reader {
	uint32_t interfaces[DEVICE_PORTS_MAX * 4];
	unsigned count;
};

static void on_eapol_key(void *data, uint32_t interface, const struct mac *mac maybe_unused)
{
	struct eapol_reader *reader = data;
	if (reader->count < ARRAY_SIZE(reader->interfaces))
		reader->interfaces[reader->count++] = interface;
}

static void on_eapol(void *data, const struct nlmsghdr *message)
{
	(void)nft_parse_keys(message, STEERING_KEY_INTERFACE, on_eapol_key, data);
}

static void on_eapol_restart(void *data)
{
	((struct eapol_reader *)data)->count = 0;
}

/* Those that stand there and should not are of ports that are gone. */
static void write_eapol(struct nft *nft, const struct eapol_reader *held)
{
	const struct data_plane *plane = link_data_plane(nft->link);
	for (unsigned i = 0; i < plane->port_count; i++) {
		const struct link_view *port = link_find(nft->link, plane->ports[i].name);
		bool there = !port || !plane->ports[i].eapol_up;
		for (unsigned j = 0; !there && j < held->count; j++)
			there = held->interfaces[j] == port->index;
		if (!there)
			nft_batch_interface_element(&nft->batch, NFT_EAPOL_SET, true, port->index);
	}
}

int nft_sync_eapol(struct nft *nft, struct error *err)
{
	_Alignas(struct nlmsghdr) char question[NFT_QUESTION_BYTES];
	struct eapol_reader held = {0};
	int r = netlink_ask(&nft->netlink, nft_ask_elements(question, NFT_EAPOL_SET), on_eapol,
			    on_eapol_restart, &held, err);
	if (r < 0)
		return r;
	nft_begin(nft);
	write_eapol(nft, &held);
	if (!nft->batch.messages)
		return 0;
	r = nft_commit(nft, err);
	return r < 0 ? r : 1;
}

static int write_table(struct nft *nft, bool exists, uint32_t flags, struct error *err)
{
	nft_begin(nft);
	if (exists)
		nft_batch_delete_table(&nft->batch);
	nft_ruleset_write(&nft->batch, flags);
	write_elements(nft);
	write_eapol(nft, &(struct eapol_reader){0});
	nft_write_hooks(nft);
	int r = nft_commit(nft, err);
	return r < 0 ? r : nft_sync_hooks(nft, err);
}

int nft_replace_table(struct nft *nft, struct error *err)
{
	_Alignas(struct nlmsghdr) char question[NFT_QUESTION_BYTES];
	struct nft_table_view view = {0};
	unsigned rules = 0, base_rules = 0;
	int r = netlink_ask(&nft->netlink, nft_ask_table(question), on_table, NULL, &view, NULL);
	bool exists = r == 0;
	nft->rules_digest[0] = '\0';
	memset(nft->drops_before, 0, sizeof(nft->drops_before));

	/* Owner without persist would open the table's hooks when this process ends: both or none.
	 */
	nft->owner = !nft->options.without_owner;
	r = nft->owner ? write_table(nft, exists, NFT_TABLE_OWNER | NFT_TABLE_PERSIST, err)
		       : -EOPNOTSUPP;
	if (r == -EOPNOTSUPP || r == -EINVAL) {
		nft->owner = false;
		r = write_table(nft, exists, 0, err);
	}
	if (r < 0) {
		error_prefix(err, "making table %s: ", NFT_TABLE);
		return r;
	}
	return read_rules(nft, nft->rules_digest, &rules, &base_rules, err);
}
