/*
 * Memory of which a half cannot be read: the kernel sends whoever touches that a SIGBUS, as it does
 * where a module has lost a page (here, it is of a file that ends before).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#define OF_THE_TEST (8 << 20)

void *mmap64(void *place, size_t size, int access, int flags, int file, off64_t offset)
{
    void *(*really)(void *, size_t, int, int, int, off64_t) = dlsym(RTLD_NEXT, "mmap64");
    if (size == OF_THE_TEST && (flags & MAP_ANONYMOUS)) {
        file = memfd_create("half of it", 0);
        if (ftruncate(file, size / 2) != 0)
            return MAP_FAILED;
        flags &= ~MAP_ANONYMOUS;
    }
    return really(place, size, access, flags, file, offset);
}

void *mmap(void *place, size_t size, int access, int flags, int file, off_t offset)
{
    return mmap64(place, size, access, flags, file, offset);
}
