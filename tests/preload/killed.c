/* A worker of stress-ng that the kernel kills as it computes, as one does that is out of memory. */
#include <signal.h>

double drand48(void)
{
    raise(SIGKILL);
    return 0;
}
