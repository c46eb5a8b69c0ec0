/* A disk that cannot read one of its blocks: every read of fio's that includes it is an EIO. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sys/types.h>

#define BAD (2 << 20)

ssize_t pread64(int fd, void *data, size_t size, off64_t offset)
{
    ssize_t (*really)(int, void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pread64");
    if (size >= 4096 && offset <= BAD && (off64_t)(offset + size) > BAD) {
        errno = EIO;
        return -1;
    }
    return really(fd, data, size, offset);
}
