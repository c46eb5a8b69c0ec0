/* One bit of locked memory changes by itself, again and again, while memtester works on it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

static volatile unsigned char *cell;

static void *flip(void *unused)
{
    for (;;) {
        *cell ^= 4;
        usleep(200);
    }
    return unused;
}

int mlock(const void *start, size_t size)
{
    int (*really)(const void *, size_t) = dlsym(RTLD_NEXT, "mlock");
    int result = really(start, size);
    if (result == 0 && cell == NULL) {
        pthread_t thread;
        cell = (volatile unsigned char *)start + size / 2 + 4096;
        pthread_create(&thread, NULL, flip, NULL);
    }
    return result;
}
