/* Preloaded before libfiu's hooks of malloc, calloc and realloc: exactly the Nth allocation of the process fails.
 * libfiu alone fails the next one, or each with a probability, and does not know aligned_alloc, which Asio uses. */

#include <errno.h>
#include <fcntl.h>
#include <fiu-control.h>
#include <fiu.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* In the file that FAILING_ALLOCATION names, shared with who injects. */
static struct {
  long nth;  /* 0: nothing is counted, nothing fails. */
  long seen; /* Allocations since it was set. */
} *plan;

static int is_nth(const char *name, int *number, void **info, unsigned int *flags) {
  (void)name, (void)number, (void)info, (void)flags;
  const long nth = __atomic_load_n(&plan->nth, __ATOMIC_SEQ_CST);
  return nth != 0 && __atomic_add_fetch(&plan->seen, 1, __ATOMIC_SEQ_CST) == nth;
}

__attribute__((constructor)) static void enable(void) {
  const int fd = open(getenv("FAILING_ALLOCATION"), O_RDWR | O_CLOEXEC);
  plan = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (plan == MAP_FAILED) abort();
  close(fd);
  fiu_init(0);
  fiu_enable_external("aligned_alloc", 1, NULL, 0, is_nth);
  fiu_enable_external("libc/mm/malloc", 1, NULL, 0, is_nth);
  fiu_enable_external("libc/mm/calloc", 1, NULL, 0, is_nth);
  fiu_enable_external("libc/mm/realloc", 1, NULL, 0, is_nth);
}

void *__libc_memalign(size_t alignment, size_t size);

void *aligned_alloc(size_t alignment, size_t size) {
  if (fiu_fail("aligned_alloc")) {
    errno = ENOMEM;
    return NULL;
  }
  return __libc_memalign(alignment, size);
}
