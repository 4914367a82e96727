/* SPDX-License-Identifier: MIT */
/* trylock.c: trylock FILE: true if any other program could lock it now (fcntl). */
#include <fcntl.h>

int main(int argc, char **argv)
{
	struct flock l = { .l_type = F_WRLCK };
	int fd = argc > 1 ? open(argv[1], O_RDWR) : -1;

	return fd < 0 || fcntl(fd, F_SETLK, &l);
}
