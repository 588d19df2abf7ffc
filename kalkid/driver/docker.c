/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver/docker.c - to be written. */

extern int driver_docker_empty;
