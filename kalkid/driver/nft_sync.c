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

/* Which path is prepared the kernel does not say. */
static void forget_before(struct nft *nft, struct nft_device *before)
{
	struct nft_device *device, *next;
	HASH_ITER(hh, before, device, next) {
		struct nft_device *now = nft_device_find(nft, device->number);
		if (now)
			now->prepared = device->prepared;
		HASH_DEL(before, device);
		steering_done(&device->held);
		free(device);
	}
}

/* All of it, or what was known before stays: whoever takes the ways in away must know all of them.
 */
static int read_elements(struct nft *nft, struct steering_changes *foreign, struct error *err)
{
	struct nft_device *before = take(nft->devices);
	int r = 0;
	for (unsigned set = 0; r == 0 && set < STEERING_SET_COUNT; set++)
		r = read_set(nft, set, foreign, err);
	if (r < 0 && before) {
		while (nft->devices)
			nft_device_forget(nft, nft->devices);
		nft->devices = before;
		return r;
	}
	forget_before(nft, before);
	nft->doubtful = r < 0;
	return r;
}

int nft_sync_elements(struct nft *nft, struct error *err)
{
	struct steering_changes foreign = {0};
	int r = read_elements(nft, &foreign, err);
	if (r == 0)
		r = delete_foreign(nft, &foreign, err);
	bool strange = foreign.count;
	steering_changes_done(&foreign);
	return r < 0 ? r : strange;
}

/* Rules */

/* The rules of the table as bytes.  Base chains come and go with interfaces: all of a kind must
 * read the same, so the first of each kind stands for them. */
struct rule_reader {
	struct buffer bytes; /* of the regular chains */
	struct buffer base[NFT_BASE_COUNT];
	char chain[NFT_NAME_BYTES]; /* the base chain being read, its kind, and its bytes */
	enum nft_base kind;
	struct buffer one;
	unsigned count, base_count;
	bool uneven;
};

static void end_chain(struct rule_reader *reader)
{
	struct buffer *first = &reader->base[reader->kind];
	if (reader->one.length && !first->length)
		buffer_add(first, reader->one.bytes, reader->one.length);
	else if (reader->one.length)
		reader->uneven |= first->length != reader->one.length ||
				  memcmp(first->bytes, reader->one.bytes, first->length) != 0;
	reader->one.length = 0;
	reader->chain[0] = '\0';
}

static void on_rule(void *data, const struct nlmsghdr *message)
{
	struct rule_reader *reader = data;
	const char *chain;
	const void *expressions;
	size_t bytes;
	enum nft_base kind;
	if (!nft_parse_rule(message, &chain, &expressions, &bytes))
		return;
	if (!text_equal(chain, reader->chain))
		end_chain(reader);
	if (nft_base_of(chain, &kind)) {
		TEXT_COPY(reader->chain, chain);
		reader->kind = kind;
		reader->base_count++;
		buffer_add(&reader->one, expressions, bytes);
		return;
	}
	reader->count++;
	buffer_add(&reader->bytes, chain, strlen(chain) + 1);
	buffer_add(&reader->bytes, expressions, bytes);
}

static void reader_reset(void *data)
{
	struct rule_reader *reader = data;
	buffer_done(&reader->bytes);
	buffer_done(&reader->one);
	for (unsigned base = 0; base < NFT_BASE_COUNT; base++)
		buffer_done(&reader->base[base]);
	*reader = (struct rule_reader){0};
}

/* False when it differs from what was noted before; what was not noted is, now. */
static bool note_digest(char noted[static DIGEST_TEXT_BYTES], const struct buffer *bytes)
{
	char digest[DIGEST_TEXT_BYTES];
	if (!bytes->length)
		return true;
	digest_text(digest, bytes->bytes, bytes->length);
	if (noted[0])
		return text_equal(noted, digest);
	text_copy(noted, DIGEST_TEXT_BYTES, digest);
	return true;
}

static bool rules_as_noted(struct nft *nft, const struct rule_reader *reader)
{
	unsigned base_rules = 0;
	struct nft_chain *chain, *next;
	HASH_ITER(hh, nft->chains, chain, next)
		base_rules += nft_base_rules(chain->base);
	bool same = !reader->uneven && reader->count == nft_ruleset_rules() &&
		    reader->base_count == base_rules &&
		    note_digest(nft->rules_digest, &reader->bytes);
	for (unsigned base = 0; same && base < NFT_BASE_COUNT; base++)
		same = note_digest(nft->base_digest[base], &reader->base[base]);
	return same;
}

/* 1 when the rules are as they were written, 0 when they were altered. */
static int check_rules(struct nft *nft, struct error *err)
{
	_Alignas(struct nlmsghdr) char question[NFT_QUESTION_BYTES];
	struct rule_reader reader = {0};
	int r = netlink_ask(&nft->netlink, nft_ask_rules(question), on_rule, reader_reset, &reader,
			    err);
	end_chain(&reader);
	if (r == 0)
		r = rules_as_noted(nft, &reader);
	reader_reset(&reader);
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
	char comment[NFT_TABLE_COMMENT_BYTES];
	int r = netlink_ask(&nft->netlink, nft_ask_table(question), on_table, NULL, &view, err);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = adopt(nft, &view, err);
	if (r == 0)
		r = nft_sync_hooks(nft, err);
	if (r < 0)
		return r;
	nft_ruleset_comment(comment);
	return text_equal(view.comment, comment) ? check_rules(nft, err) : 0;
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

static int write_table(struct nft *nft, bool exists, uint32_t flags, struct error *err)
{
	nft_begin(nft);
	if (exists)
		nft_batch_delete_table(&nft->batch);
	nft_ruleset_write(&nft->batch, flags);
	write_elements(nft);
	nft_write_given(nft);
	nft_write_hooks(nft);
	int r = nft_commit(nft, err);
	return r < 0 ? r : nft_sync_hooks(nft, err);
}

int nft_replace_table(struct nft *nft, struct error *err)
{
	_Alignas(struct nlmsghdr) char question[NFT_QUESTION_BYTES];
	struct nft_table_view view = {0};
	int r = netlink_ask(&nft->netlink, nft_ask_table(question), on_table, NULL, &view, NULL);
	bool exists = r == 0;
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
	nft->doubtful = false;
	nft->rules_digest[0] = '\0';
	memset(nft->base_digest, 0, sizeof(nft->base_digest));
	memset(nft->drops_before, 0, sizeof(nft->drops_before));
	r = check_rules(nft, err);
	return r < 0 ? r : 0;
}
