// Two threads write one variable without a lock. The bug that ThreadSanitizer must see.
#include <thread>

int main() {
  int count = 0;
  std::thread other([&count] { ++count; });
  ++count;
  other.join();
  return 0;
}
