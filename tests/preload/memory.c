/*
 * One bit of locked memory that changes by itself. memtester flushes its output between what it
 * writes and what it reads back: then the bit flips, and each test of it must notice.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>

static volatile unsigned char *cell;

int mlock(const void *start, size_t size)
{
    int (*really)(const void *, size_t) = dlsym(RTLD_NEXT, "mlock");
    cell = (volatile unsigned char *)start + size / 4;
    return really(start, size);
}

int fflush(FILE *stream)
{
    int (*really)(FILE *) = dlsym(RTLD_NEXT, "fflush");
    if (cell != NULL)
        *cell ^= 4;
    return really(stream);
}
