/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/kalkictl.c - the command line of kalkid. */
int main(void)
{
	return 2;
}
