/* Preloaded: one in 4 calls of free, and one in 20 of close, do nothing. The bugs that a soak must see. */

#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

void __libc_free(void *memory);

static int is_dropped(unsigned *calls, unsigned one_in) {
  return __atomic_add_fetch(calls, 1, __ATOMIC_RELAXED) % one_in == 0;
}

void free(void *memory) {
  static unsigned calls;
  if (memory && !is_dropped(&calls, 4)) __libc_free(memory);
}

int close(int fd) {
  static unsigned calls;
  if (!is_dropped(&calls, 20)) return (int)syscall(SYS_close, fd);
  shutdown(fd, SHUT_RDWR); /* Whoever is at the other end is not to wait for it. */
  return 0;
}
