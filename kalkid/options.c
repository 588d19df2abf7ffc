/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options.c - see options.h. */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"

enum { EXIT_USAGE = 2 };

static void print_help(void)
{
	printf("kalkid " KALKI_VERSION " - protects devices by chains of umboxes\n"
	       "\n"
	       "usage: kalkid [--root DIR] [--log-level LEVEL]\n"
	       "       kalkid --check      read every file, say what is wrong with them, start nothing\n"
	       "       kalkid --early      take the ports and let nothing pass, before the network is up\n"
	       "       kalkid --teardown   remove every chain, rule and link; give the ports back\n"
	       "\n"
	       "  --root DIR         put DIR before /etc/kalki, /var/lib/kalki and /run/kalki\n"
	       "  --log-level LEVEL  error, warning, info (default) or debug\n"
	       "  --version, --help\n"
	       "\n"
	       "Each flag has a twin in the environment: KALKI_ROOT, KALKI_LOG_LEVEL.\n"
	       "SIGHUP reads the files again; SIGTERM stops and leaves every chain in force.\n");
}

static bool set_log_level(const char *name)
{
	static const char *const NAMES[LOG_LEVEL_COUNT] = {"error", "warning", "info", "debug"};
	for (unsigned i = 0; i < LOG_LEVEL_COUNT; i++)
		if (text_equal(name, NAMES[i])) {
			log_set_level((enum log_level)i);
			return true;
		}
	fprintf(stderr, "kalkid: no log level is called '%s' (error, warning, info, debug)\n",
		name);
	return false;
}

bool options_read(struct options *ret, int argc, char **argv, int *ret_code)
{
	static const struct option FLAGS[] = {
		{"root", required_argument, NULL, 'r'},
		{"check", no_argument, NULL, 'c'},
		{"early", no_argument, NULL, 'e'},
		{"teardown", no_argument, NULL, 't'},
		{"log-level", required_argument, NULL, 'l'},
		{"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	const char *root = getenv("KALKI_ROOT"), *level = getenv("KALKI_LOG_LEVEL");
	int flag;
	*ret = (struct options){.root = root ? root : ""};
	*ret_code = EXIT_SUCCESS;
	while ((flag = getopt_long(argc, argv, "h", FLAGS, NULL)) != -1) {
		switch (flag) {
		case 'r': ret->root = optarg; break;
		case 'c': ret->check = true; break;
		case 'e': ret->early = true; break;
		case 't': ret->teardown = true; break;
		case 'l': level = optarg; break;
		case 'v': printf("kalkid " KALKI_VERSION "\n"); return false;
		case 'h': print_help(); return false;
		default:
			fprintf(stderr, "kalkid --help lists the flags\n");
			*ret_code = EXIT_USAGE;
			return false;
		}
	}
	*ret_code = EXIT_USAGE;
	if (optind < argc) {
		fprintf(stderr, "kalkid: '%s' is too much; kalkid --help lists the flags\n",
			argv[optind]);
		return false;
	}
	return !level || set_log_level(level);
}
