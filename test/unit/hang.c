/* SPDX-License-Identifier: MIT */
#include <unistd.h>

/* A program that starts and then does nothing, whatever it is told. */
int main(void)
{
	for (;;)
		pause();
}
