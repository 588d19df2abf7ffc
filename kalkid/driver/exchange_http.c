/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/exchange_http.c - exchanges over HTTP(S): no redirect is followed, no proxy asked, and a
 * certificate has to be good unless the type's file says otherwise. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sodium.h>

#include "base/mem.h"
#include "driver/exchange_inner.h"

enum { STATUS_OK = 200, STATUS_REDIRECT = 300 };

/* A buffer that has held a credential. */
static void wipe(struct buffer *buffer)
{
	if (buffer->bytes)
		sodium_memzero(buffer->bytes, buffer->room);
	buffer_done(buffer);
}
#define cleanup_wipe __attribute__((cleanup(wipe)))

static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
	struct exchange_job *job = data;
	job->too_long = job->answer.length + size * count > EXCHANGE_ANSWER_BYTES_MAX;
	if (job->cancelled || job->too_long)
		return 0;
	buffer_add(&job->answer, bytes, size * count);
	return size * count;
}

/* What the answer's end means. */
static int result_of(const struct exchange_job *job, CURLcode code, struct error *err)
{
	long status = 0;
	if (job->too_long && !job->cancelled)
		return error_set(err, -EMSGSIZE, "%s: the answer is longer than %d bytes",
				 job->where, EXCHANGE_ANSWER_BYTES_MAX);
	int r = transfer_result(&job->transfer, code, job->where, err);
	if (r < 0)
		return r;
	curl_easy_getinfo(job->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < STATUS_OK || status >= STATUS_REDIRECT)
		return error_set(err, -EPROTO, "%s: the answer has status %ld", job->where, status);
	return 0;
}

static void on_done(struct transfer *transfer, CURLcode code)
{
	struct exchange_job *job = container_of(transfer, struct exchange_job, transfer);
	struct error err = {0};
	int result = result_of(job, code, &err);
	exchange_job_over(job, result, &err);
}

static void add_header(struct exchange_job *job, const char *line)
{
	job->headers = curl_slist_append(job->headers, line);
	assert(job->headers);
}

static bool has_header(const struct exchange *exchange, const char *name)
{
	for (unsigned i = 0; i < exchange->header_count; i++)
		if (strcasecmp(exchange->header_names[i], name) == 0)
			return true;
	return false;
}

static int set_headers(struct exchange_job *job, const struct exchange *exchange,
		       const struct device_identity *device, const char *credential,
		       struct error *err)
{
	for (unsigned i = 0; i < exchange->header_count; i++) {
		cleanup_wipe struct buffer line = {0};
		buffer_print(&line, "%s: ", exchange->header_names[i]);
		int r = exchange_fill(&line, exchange->header_values[i], EXCHANGE_IN_TEXT, device,
				      credential, err);
		if (r < 0)
			return r;
		add_header(job, line.bytes);
	}
	return 0;
}

static int set_body(struct exchange_job *job, const struct exchange *exchange,
		    const struct device_identity *device, const char *credential, struct error *err)
{
	CURL *easy = job->transfer.easy;
	cleanup_wipe struct buffer body = {0};
	if (!text_equal(exchange->method, "GET")) {
		const char *text = exchange->body ? exchange->body : "";
		int r = exchange_fill(&body, text, EXCHANGE_IN_TEXT, device, credential, err);
		if (r < 0)
			return r;
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, exchange->method);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)body.length);
		curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body.bytes);
		add_header(job, "Expect:");
		if (!has_header(exchange, "content-type"))
			add_header(job, text[0] == '<'   ? "Content-Type: text/xml; charset=utf-8"
					: text[0] == '{' ? "Content-Type: application/json"
							 : "Content-Type: text/plain");
	}
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, job->headers);
	return 0;
}

static int set_login(CURL *easy, const struct exchange *exchange, const char *credential,
		     struct error *err)
{
	static const long ways[EXCHANGE_LOGIN_COUNT] = {
		[EXCHANGE_LOGIN_BASIC] = (long)CURLAUTH_BASIC,
		[EXCHANGE_LOGIN_DIGEST] = (long)CURLAUTH_DIGEST,
		[EXCHANGE_LOGIN_BEARER] = (long)CURLAUTH_BEARER,
	};
	if (!credential || exchange->credential_in_text)
		return 0;
	bool bearer = exchange->login == EXCHANGE_LOGIN_BEARER;
	if (strpbrk(credential, "\r\n") || (!bearer && !strchr(credential, ':')))
		return error_set(err, -EINVAL, "credential '%s': %s is wanted in one line",
				 exchange->credential, bearer ? "a token" : "user:password");
	curl_easy_setopt(easy, CURLOPT_HTTPAUTH, ways[exchange->login]);
	curl_easy_setopt(easy, bearer ? CURLOPT_XOAUTH2_BEARER : CURLOPT_USERPWD, credential);
	return 0;
}

static int set_tls(const struct exchange_job *job, const struct exchange *exchange,
		   struct error *err)
{
	CURL *easy = job->transfer.easy;
	const char *secrets = job->exchanges->secrets;
	if (!exchange->verify) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (exchange->pin)
		curl_easy_setopt(easy, CURLOPT_PINNEDPUBLICKEY, exchange->pin);
	if (!exchange->ca[0])
		return 0;
	cleanup_free char *file = mem_printf("%s/%s", secrets, exchange->ca);
	curl_easy_setopt(easy, CURLOPT_CAINFO, file);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	return secret_check(secrets, exchange->ca, err);
}

static int set_url(struct exchange_job *job, const struct exchange *exchange,
		   const struct device_identity *device, const char *credential, struct error *err)
{
	CURL *easy = job->transfer.easy;
	cleanup_wipe struct buffer url = {0};
	int r = exchange_fill(&url, exchange->url, EXCHANGE_IN_URL, device, credential, err);
	if (r < 0)
		return r;
	curl_easy_setopt(easy, CURLOPT_URL, url.bytes);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)job->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)job->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, job);
	const char *from = exchange_from_for(&job->exchanges->from, url.bytes);
	if (from) {
		cleanup_free char *interface = mem_printf("host!%s", from);
		curl_easy_setopt(easy, CURLOPT_INTERFACE, interface);
	}
	return 0;
}

static int prepare(struct exchange_job *job, const struct exchange *exchange,
		   const struct device_identity *device, struct error *err)
{
	cleanup_secret struct secret secret = {0};
	const char *secrets = job->exchanges->secrets;
	char name[SECRET_NAME_BYTES];
	int r = 0;
	job->transfer.easy = curl_easy_init();
	assert(job->transfer.easy);
	job->transfer.done = on_done;
	if (exchange->credential[0]) {
		secret_find(name, secrets, exchange->credential, device->name);
		r = secret_read(&secret, secrets, name, err);
	}
	if (r == 0)
		r = set_url(job, exchange, device, secret.bytes, err);
	if (r == 0)
		r = set_tls(job, exchange, err);
	if (r == 0)
		r = set_login(job->transfer.easy, exchange, secret.bytes, err);
	if (r == 0)
		r = set_headers(job, exchange, device, secret.bytes, err);
	if (r == 0)
		r = set_body(job, exchange, device, secret.bytes, err);
	return r;
}

static void start(struct exchange_job *job)
{
	transfer_start(job->exchanges->transfers, &job->transfer);
}

static void cancel(struct exchange_job *job)
{
	transfer_cancel(&job->transfer);
}

static void done(struct exchange_job *job)
{
	curl_easy_cleanup(job->transfer.easy);
	curl_slist_free_all(job->headers);
}

const struct exchange_way EXCHANGE_WAY_HTTP = {prepare, start, cancel, done};
