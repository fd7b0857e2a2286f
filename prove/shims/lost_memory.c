/* Preloaded: memory that nobody can reach any more. The bug that LeakSanitizer must see. */
#include <stdlib.h>

__attribute__((constructor)) static void lose(void) {
  void *volatile lost = malloc(1000);
  lost = NULL;
  (void)lost;
}
