/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial/engine.c - see engine.h. */
#include "trial/engine.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { ANSWER_BYTES_MAX = 16 * 1024 * 1024, PATIENCE_S = 120, WORDS_BYTES = 512 };

static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
	struct buffer *answer = data;
	if (answer->length + size * count > ANSWER_BYTES_MAX)
		return 0;
	buffer_add(answer, bytes, size * count);
	return size * count;
}

static int result_of(long status, const struct buffer *answer, struct error *err)
{
	char words[WORDS_BYTES];
	if ((status >= 200 && status < 300) || status == 304)
		return 0;
	docker_error_words(words, sizeof(words), answer->bytes, answer->length);
	return error_set(err, status == 404 ? -ENOENT : -EIO, "docker: %s", words);
}

static int ask(const char *socket, const char *method, const char *path, const char *body,
	       struct buffer *ret, struct error *err)
{
	cleanup_free char *url = mem_printf("http://docker%s", path);
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	CURL *easy = curl_easy_init();
	long status = 0;
	curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, socket);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)PATIENCE_S);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, ret);
	if (body)
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
	CURLcode code = curl_easy_perform(easy);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(easy);
	curl_slist_free_all(headers);
	if (code != CURLE_OK)
		return error_set(err, -ENOTCONN, "docker: no answer at %s: %s", socket,
				 curl_easy_strerror(code));
	return result_of(status, ret, err);
}

static const char *bytes_of(const struct buffer *answer)
{
	return answer->bytes ? answer->bytes : "";
}

int engine_image(const char *socket, const char *reference, struct umbox_image *ret,
		 struct error *err)
{
	cleanup_free char *path = mem_printf("/images/%s/json", reference);
	cleanup_buffer struct buffer answer = {0};
	int result = ask(socket, "GET", path, NULL, &answer, err);
	return result < 0 ? result : umbox_image_read(ret, bytes_of(&answer), answer.length, err);
}

static int create(const char *socket, const struct container_order *order,
		  char id[static CONTAINER_ID_BYTES], struct error *err)
{
	char name[CONTAINER_NAME_BYTES];
	docker_container_name(name, order->marks->instance, order->marks->umbox);
	cleanup_free char *path = mem_printf("/containers/create?name=%s", name);
	cleanup_free char *body = docker_create_body(order);
	cleanup_buffer struct buffer answer = {0};
	int result = ask(socket, "POST", path, body, &answer, err);
	return result < 0 ? result : docker_read_created(id, bytes_of(&answer), answer.length, err);
}

static int start(const char *socket, const char *id, struct error *err)
{
	cleanup_free char *path = mem_printf("/containers/%s/start", id);
	cleanup_buffer struct buffer answer = {0};
	return ask(socket, "POST", path, "", &answer, err);
}

int engine_inspect(const char *socket, const char *id, struct container *ret, struct error *err)
{
	cleanup_free char *path = mem_printf("/containers/%s/json", id);
	cleanup_buffer struct buffer answer = {0};
	int result = ask(socket, "GET", path, NULL, &answer, err);
	return result < 0 ? result
			  : docker_read_container(ret, bytes_of(&answer), answer.length, err);
}

int engine_launch(const char *socket, const struct container_order *order, struct container *ret,
		  struct error *err)
{
	char id[CONTAINER_ID_BYTES];
	struct container_order plain = *order;
	int result = create(socket, order, id, err);
	if (result < 0 && err && strstr(err->text, "log driver")) {
		plain.without_log = true;
		result = create(socket, &plain, id, err);
	}
	if (result < 0)
		return result;
	result = start(socket, id, err);
	if (result == 0)
		result = engine_inspect(socket, id, ret, err);
	if (result < 0 && engine_remove(socket, id, NULL) < 0)
		error_prefix(err, "container %.12s stays behind: ", id);
	return result;
}

int engine_remove(const char *socket, const char *id, struct error *err)
{
	cleanup_free char *path = mem_printf("/containers/%s?force=true&v=true", id);
	cleanup_buffer struct buffer answer = {0};
	int result = ask(socket, "DELETE", path, NULL, &answer, err);
	return result == -ENOENT ? 0 : result;
}

char *engine_last_words(const char *socket, const char *id)
{
	cleanup_free char *path = mem_printf("/containers/%s/logs?stdout=true&stderr=true&tail=20",
					     id);
	cleanup_buffer struct buffer answer = {0};
	if (ask(socket, "GET", path, NULL, &answer, NULL) < 0)
		return mem_copy_text("");
	cleanup_free char *text = docker_log_text(bytes_of(&answer), answer.length, WORDS_BYTES);
	size_t length = strlen(text);
	while (length && text[length - 1] == '\n')
		text[--length] = '\0';
	const char *newline = strrchr(text, '\n');
	return mem_copy_text(newline ? newline + 1 : text);
}
