/* SPDX-License-Identifier: GPL-2.0-or-later */
/* codec/docker_json.c - to be written. */

extern int codec_docker_json_empty;
