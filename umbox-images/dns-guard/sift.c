/* SPDX-License-Identifier: Apache-2.0 */
/* sift.c - what a DNS message means; see sift.h. */
#include "sift.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "umbox_dns.h"

enum {
	HEADER_BYTES = 12,
	QUESTION_BYTES_MAX =
		512, /* the longest with its options and padding (RFC 8467) is shorter */
	ENTROPY_MILLIBITS = 3500, /* of a letter */
	KEY_BYTES = 64,
};

/* The end of a name, where it differs. */
struct name_key {
	char kind;
	char name[KEY_BYTES - 1];
};

struct sift {
	struct sift_settings settings;
	sift_tell_fn *tell;
	void *user;
	struct umbox_tally *questions;           /* one key */
	struct umbox_tally *told;                /* struct name_key: pauses of alerts */
	struct umbox_spread *subdomains, *coded; /* struct name_key -> hash of the rest */
	struct sift_counts counts;
};

struct sift *sift_new(const struct sift_settings *settings, sift_tell_fn *tell, void *user)
{
	struct sift *sift = calloc(1, sizeof(*sift));
	if (!sift)
		abort();
	struct umbox_spread_limits limits = {
		.many = settings->subdomains,
		.slow_many = settings->slow_subdomains,
		.interval_us = settings->interval_us,
		.slow_interval_us = settings->slow_interval_us,
		.alert_pause_us = settings->alert_pause_us,
	};
	sift->settings = *settings;
	sift->tell = tell;
	sift->user = user;
	sift->questions = umbox_tally_new(1, sizeof(uint8_t), settings->questions,
					  settings->interval_us, settings->alert_pause_us);
	sift->told = umbox_tally_new(SIFT_BASES_MAX, sizeof(struct name_key), 1,
				     settings->interval_us, settings->alert_pause_us);
	sift->subdomains = umbox_spread_new(SIFT_BASES_MAX, sizeof(struct name_key),
					    sizeof(uint64_t), &limits);
	limits.many = settings->coded;
	limits.slow_many = settings->slow_coded;
	sift->coded = umbox_spread_new(SIFT_BASES_MAX, sizeof(struct name_key), sizeof(uint64_t),
				       &limits);
	return sift;
}

void sift_free(struct sift *sift)
{
	if (!sift)
		return;
	umbox_tally_free(sift->questions);
	umbox_tally_free(sift->told);
	umbox_spread_free(sift->subdomains);
	umbox_spread_free(sift->coded);
	free(sift);
}

const struct sift_counts *sift_counts(const struct sift *sift)
{
	return &sift->counts;
}

/* --- alerts --- */

static struct name_key key_of(char kind, const char *name)
{
	struct name_key key = {.kind = kind};
	size_t length = strlen(name);
	if (length > sizeof(key.name))
		name += length - sizeof(key.name);
	memcpy(key.name, name, strnlen(name, sizeof(key.name)));
	return key;
}

__attribute__((format(printf, 5, 6))) static void say(struct sift *sift,
						      const struct sift_ends *ends,
						      const char *type, uint32_t count,
						      const char *format, ...)
{
	char detail[384];
	va_list list;
	va_start(list, format);
	vsnprintf(detail, sizeof(detail), format, list);
	va_end(list);
	sift->tell(&(struct umbox_alert){.type = type,
					 .severity = UMBOX_HIGH,
					 .source = ends->device,
					 .target = ends->server,
					 .target_port = ends->server_port,
					 .count = count,
					 .detail = detail},
		   sift->user);
}

static void say_name(struct sift *sift, const struct sift_ends *ends, const char *type,
		     const char *what, const char *name)
{
	struct name_key key = key_of(type[4], name);
	struct umbox_tally_result result;
	umbox_tally_add(sift->told, &key, ends->now_us, &result);
	if (result.tell)
		say(sift, ends, type, result.count, "%s%s", what, name);
}

bool sift_odd(struct sift *sift)
{
	sift->counts.odd++;
	return !sift->settings.drop;
}

/* --- lists --- */

static bool is_in(const struct sift_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (umbox_dns_is(names->name[i], name))
			return true;
	return false;
}

/* An alias is judged by the names that are denied only: whose it is, the one who was asked says. */
static bool is_denied(struct sift *sift, const struct sift_ends *ends, const char *name, bool alias)
{
	const struct sift_settings *settings = &sift->settings;
	if (!is_in(&settings->deny, name) &&
	    (alias || !settings->allow.count || is_in(&settings->allow, name)))
		return false;
	sift->counts.denied++;
	say_name(sift, ends, "dns-denied", alias ? "an alias of " : "asked for ", name);
	return true;
}

/* --- tunnels --- */

/* Where the last `count` labels begin. */
static size_t last_labels(const char *name, unsigned count)
{
	for (size_t at = strlen(name); at-- > 0;)
		if (name[at] == '.' && --count == 0)
			return at + 1;
	return 0;
}

/* As "co.uk": a country's code, and a short label before it. */
static bool may_be_suffix(const char *name, size_t two)
{
	size_t length = strlen(name + two), last = strlen(name + last_labels(name, 1));
	return last == 2 && length > 3 && length - 3 <= 3;
}

size_t sift_base(const char *name)
{
	size_t two = last_labels(name, 2);
	return may_be_suffix(name, two) ? last_labels(name, 3) : two;
}

/* In thousandths, by squaring (n >= 1). */
static uint32_t log2_milli(uint32_t n)
{
	uint32_t whole = 31 - (uint32_t)__builtin_clz(n), milli = whole * 1000, part = 500;
	uint64_t rest = ((uint64_t)n << 16) >>
			whole; /* between 1 and 2, 16 bits behind the point */
	for (; part; part /= 2) {
		rest = rest * rest >> 16;
		if (rest >= 2 << 16) {
			rest >>= 1;
			milli += part;
		}
	}
	return milli;
}

/* Of a letter, in thousandths of a bit (Shannon). */
static uint32_t entropy_milli(const char *label, size_t length)
{
	uint8_t counts[256] = {0};
	uint64_t sum = 0;
	for (size_t i = 0; i < length; i++)
		counts[(uint8_t)label[i]]++;
	for (int i = 0; i < 256; i++)
		if (counts[i])
			sum += counts[i] * (uint64_t)log2_milli(counts[i]);
	return length ? log2_milli((uint32_t)length) - (uint32_t)(sum / length) : 0;
}

bool sift_is_coded(const struct sift_settings *settings, const char *prefix, size_t length)
{
	if (length >= settings->prefix_bytes)
		return true;
	for (size_t at = 0; at < length;) {
		size_t label = 0;
		while (at + label < length && prefix[at + label] != '.')
			label++;
		if (label >= settings->label_bytes &&
		    entropy_milli(prefix + at, label) >= ENTROPY_MILLIBITS)
			return true;
		at += label + 1;
	}
	return false;
}

/* FNV-1a.  Who makes names that fall together counts for less, and says less. */
static uint64_t hash_of(const char *text, size_t length)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* What stands below a domain that begins at `base`, from `from` on. */
static bool is_tunnel_below(struct sift *sift, const struct sift_ends *ends, const char *name,
			    size_t from, size_t base)
{
	struct name_key key = key_of('t', name + base);
	size_t length = base - 1 - from;
	uint64_t hash = hash_of(name + from, length);
	struct umbox_spread_result many, coded = {.over = false};
	umbox_spread_add(sift->subdomains, &key, &hash, ends->now_us, &many);
	if (sift_is_coded(&sift->settings, name + from, length))
		umbox_spread_add(sift->coded, &key, &hash, ends->now_us, &coded);
	if (!many.over && !coded.over)
		return false;
	if (coded.tell)
		say(sift, ends, "dns-tunnel", coded.count,
		    "%" PRIu32 " names that look like data below %s", coded.count, name + base);
	else if (many.tell && !coded.over)
		say(sift, ends, "dns-tunnel", many.count, "%" PRIu32 " different names below %s",
		    many.count, name + base);
	return true;
}

/* What may be a suffix as "co.uk" may be somebody's domain as well: the labels right below it are
 * looked at too. */
static bool is_tunnel(struct sift *sift, const struct sift_ends *ends, const char *name)
{
	size_t base = sift_base(name), two = last_labels(name, 2);
	bool bad = false;
	if (umbox_dns_is("*.arpa", name))
		return false;
	if (base)
		bad = is_tunnel_below(sift, ends, name, 0, base);
	if (two != base)
		bad |= is_tunnel_below(sift, ends, name, base, two);
	sift->counts.tunnelled += bad;
	return bad;
}

/* --- questions --- */

static bool is_too_often(struct sift *sift, const struct sift_ends *ends)
{
	struct umbox_tally_result result;
	umbox_tally_add(sift->questions, &(uint8_t){0}, ends->now_us, &result);
	if (result.tell)
		say(sift, ends, "dns-rate", result.count,
		    "%" PRIu32 " questions within %" PRId64 " s", result.count,
		    sift->settings.interval_us / 1000000);
	sift->counts.too_many += result.over;
	return result.over;
}

/* Nothing rides along behind it, nor much within. */
static bool is_whole_question(struct umbox_dns *dns)
{
	struct umbox_dns_record record;
	int more;
	while ((more = umbox_dns_next(dns, &record)) > 0)
		continue;
	return !more && dns->at == dns->length && dns->length <= QUESTION_BYTES_MAX;
}

bool sift_question(struct sift *sift, const struct sift_ends *ends, const uint8_t *bytes,
		   size_t length)
{
	struct umbox_dns dns;
	sift->counts.questions++;
	bool bad = is_too_often(sift, ends);
	if (!umbox_dns_open(&dns, bytes, length))
		return sift_odd(sift) && !bad;
	bad |= is_denied(sift, ends, dns.name, false);
	bad |= is_tunnel(sift, ends, dns.name);
	if (!is_whole_question(&dns))
		return sift_odd(sift) && !bad;
	return !bad || !sift->settings.drop;
}

/* --- answers --- */

/* RFC 6890 and 4193; an IPv4 address within an IPv6 one (RFC 3056, 4291, 6052) is judged as itself.
 */
bool sift_is_private(const struct umbox_ip *ip)
{
	static const char *const texts[] = {
		"10.0.0.0/8",     "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
		"192.168.0.0/16", "::1",           "fc00::/7",    "fe80::/10",      "fec0::/10",
	};
	static const struct {
		const char *text;
		size_t at;
	} wrapped[] = {
		{"::/96", 12}, {"::ffff:0:0/96", 12}, {"64:ff9b::/96", 12}, {"2002::/16", 2}};
	struct umbox_prefix prefix;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (umbox_prefix_parse(&prefix, texts[i]) && umbox_prefix_has(&prefix, ip))
			return true;
	for (size_t i = 0; i < sizeof(wrapped) / sizeof(*wrapped); i++)
		if (umbox_prefix_parse(&prefix, wrapped[i].text) && umbox_prefix_has(&prefix, ip)) {
			struct umbox_ip inner = {.family = 4};
			memcpy(inner.octet, ip->octet + wrapped[i].at, 4);
			return sift_is_private(&inner);
		}
	return false;
}

static bool is_public_name(const struct sift *sift, const char *name)
{
	return strchr(name, '.') && !is_in(&sift->settings.local, name);
}

static void say_rebinding(struct sift *sift, const struct sift_ends *ends, const char *name,
			  const struct umbox_ip *ip)
{
	char address[UMBOX_IP_TEXT_BYTES], what[UMBOX_IP_TEXT_BYTES + 16];
	sift->counts.rebound++;
	umbox_ip_print(address, ip);
	snprintf(what, sizeof(what), "%s as address of ", address);
	say_name(sift, ends, "dns-rebinding", what, name);
}

/* True when the record must not come through. */
static bool is_bad_record(struct sift *sift, const struct sift_ends *ends, const char *name,
			  struct umbox_dns_record *record)
{
	struct umbox_ip ip;
	if (record->target[0] && is_denied(sift, ends, record->target, true))
		return true;
	if (!sift->settings.rebinding || !is_public_name(sift, name))
		return false;
	while (umbox_dns_address(record, &ip))
		if (sift_is_private(&ip)) {
			say_rebinding(sift, ends, name, &ip);
			return true;
		}
	return false;
}

/* Refusals may come without the question. */
static bool is_bare(const uint8_t *bytes, size_t length)
{
	static const uint8_t none[8];
	return length >= HEADER_BYTES && !memcmp(bytes + 4, none, sizeof(none));
}

bool sift_answer(struct sift *sift, const struct sift_ends *ends, const uint8_t *bytes,
		 size_t length)
{
	struct umbox_dns dns;
	struct umbox_dns_record record;
	bool bad = false;
	int more;
	if (!umbox_dns_open(&dns, bytes, length))
		return is_bare(bytes, length) || sift_odd(sift);
	while ((more = umbox_dns_next(&dns, &record)) > 0 && !bad)
		bad = is_bad_record(sift, ends, dns.name, &record);
	if (more < 0 && !bad)
		return sift_odd(sift);
	return !bad || !sift->settings.drop;
}
