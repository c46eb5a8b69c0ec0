/* A processor that computes wrongly: stress-ng knows the sum that these must give. */
double drand48(void)
{
    return 0.25;
}

long lrand48(void)
{
    return 7;
}
