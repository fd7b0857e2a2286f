/* Preloaded: a file is renamed by writing it over the old one, half and then the rest. The bug that a reader must see. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int renameat(int from_directory, const char *from, int to_directory, const char *to) {
  const int in = openat(from_directory, from, O_RDONLY);
  const int out = openat(to_directory, to, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  struct stat status;
  fstat(in, &status);
  const size_t size = (size_t)status.st_size, half = size / 2;
  char *bytes = malloc(size);
  const int whole = read(in, bytes, size) == (ssize_t)size && write(out, bytes, half) == (ssize_t)half &&
                    usleep(3000) == 0 && write(out, bytes + half, size - half) == (ssize_t)(size - half);
  free(bytes);
  close(in);
  close(out);
  unlinkat(from_directory, from, 0);
  return whole ? 0 : -1;
}
