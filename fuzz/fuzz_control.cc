// A decoder with a planted bug, which fuzz/run.sh must find: it reads behind the end of an escape
// that is cut off. No part of the program.

#include "fuzz_check.h"

namespace target_eye {
namespace {

int Decode(const std::string& text) {
  int sum = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i > 0 && text[i - 1] == '=') sum += text.data()[i + 17];
  }
  return sum;
}

}  // namespace
}  // namespace target_eye

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  volatile int sum = target_eye::Decode(std::string(target_eye::AsText(data, size)));
  static_cast<void>(sum);
  return 0;
}
