/*
 * Somebody ends the job of fio that reads all of the file back (SIGTERM to that process alone, as
 * a guard against too little memory does): it stops, and calls that a success.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#define OF_THE_CHECK (1 << 20)

ssize_t pread64(int fd, void *data, size_t size, off64_t offset)
{
    static int reads;
    ssize_t (*really)(int, void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pread64");
    if (size == OF_THE_CHECK && ++reads == 2)
        kill(getpid(), SIGTERM);
    return really(fd, data, size, offset);
}
