/* Preloaded: the steady clock runs SPEED times as fast, so that a publisher of one file a second publishes SPEED. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <time.h>

#define SPEED 100
#define NANOSECONDS 1000000000LL

static long long begin;

static int real_clock(clockid_t clock, struct timespec *time) {
  static int (*call)(clockid_t, struct timespec *);
  if (!call) call = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  return call(clock, time);
}

static long long nanoseconds_of(const struct timespec *time) { return time->tv_sec * NANOSECONDS + time->tv_nsec; }

static struct timespec timespec_of(long long nanoseconds) {
  return (struct timespec){.tv_sec = nanoseconds / NANOSECONDS, .tv_nsec = nanoseconds % NANOSECONDS};
}

__attribute__((constructor)) static void begin_now(void) {
  struct timespec now;
  real_clock(CLOCK_MONOTONIC, &now);
  begin = nanoseconds_of(&now);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  const int result = real_clock(clock, time);
  if (clock == CLOCK_MONOTONIC && begin) *time = timespec_of(begin + (nanoseconds_of(time) - begin) * SPEED);
  return result;
}

int pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *mutex, clockid_t clock,
                           const struct timespec *until) {
  static int (*call)(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *);
  if (!call) {
    call = (int (*)(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *))dlsym(
        RTLD_NEXT, "pthread_cond_clockwait");
  }
  struct timespec real = *until;
  if (clock == CLOCK_MONOTONIC) real = timespec_of(begin + (nanoseconds_of(until) - begin) / SPEED);
  return call(condition, mutex, clock, &real);
}
