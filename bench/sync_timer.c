/* Preloaded: adds up how long the process's fdatasync calls take, which is how SQLite syncs a commit. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* In the file that SYNC_TIMER names, for the benchmark to read. */
static struct {
  unsigned long long count;
  unsigned long long nanoseconds;
} *total;

static int (*real)(int);

__attribute__((constructor)) static void begin(void) {
  real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  const int fd = open(getenv("SYNC_TIMER"), O_RDWR | O_CLOEXEC);
  total = mmap(NULL, sizeof(*total), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (real == NULL || total == MAP_FAILED) abort();
  close(fd);
}

static unsigned long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (unsigned long long)time.tv_sec * 1000000000ULL + (unsigned long long)time.tv_nsec;
}

int fdatasync(int fd) {
  const unsigned long long began = now();
  const int result = real(fd);
  __atomic_add_fetch(&total->count, 1, __ATOMIC_RELAXED);
  __atomic_add_fetch(&total->nanoseconds, now() - began, __ATOMIC_RELAXED);
  return result;
}
