// A decoder with a planted bug, which fuzz/run.sh must find: it reads behind the end of an escape
// that is cut off. No part of the program.

#include <vector>

#include "fuzz_check.h"

namespace target_eye {
namespace {

// On the heap, and no larger than the input: reading one byte too many is always seen, and always
// named a heap-buffer-overflow. A std::string would hold a short input in itself.
int Decode(const std::vector<char>& text) {
  int sum = 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '%' && text[i - 1] == '=') sum += text.data()[i + 1];
  }
  return sum;
}

}  // namespace
}  // namespace target_eye

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  volatile int sum = target_eye::Decode(std::vector<char>(data, data + size));
  static_cast<void>(sum);
  return 0;
}
