#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "fuzz_check.h"
#include "http/wire/chunk_decoder.h"

namespace target_eye {
namespace {

constexpr std::size_t kBodyLimitBytes = 1000;

// What bytes are taken for.
struct Reading {
  std::size_t taken = 0;  // Of the bytes.
  std::string body;
  bool done = false;
  int refused = 0;  // The status, 0 where the bytes were not refused.

  friend bool operator==(const Reading&, const Reading&) = default;
};

Reading Read(std::string_view bytes, Pieces pieces) {
  Reading reading;
  ChunkDecoder decoder;
  for (std::size_t end = 0; end < bytes.size() && !decoder.done() && !decoder.refusal();) {
    const std::size_t begin = end;
    end = std::min(bytes.size(), begin + pieces.Next());
    const std::size_t taken =
        decoder.Decode(bytes.substr(begin, end - begin), kBodyLimitBytes, reading.body);
    Require(taken <= end - begin, "no more is taken than there is");
    Require(taken == end - begin || decoder.done() || decoder.refusal(),
            "all is taken but at the end");
    reading.taken += taken;
  }
  Require(reading.body.size() <= kBodyLimitBytes, "a body is within its limit");
  Require(!decoder.done() || !decoder.refusal(), "what is refused is not done");
  reading.done = decoder.done();
  if (const auto& refusal = decoder.refusal()) {
    Require(refusal->status == 400 || refusal->status == 413, "a refusal says why");
    RequireGoodError({ErrorCode::kInvalid, refusal->message});
    // Nobody looks at what came before it, which depends on the pieces.
    Reading refused;
    refused.refused = refusal->status;
    return refused;
  }
  return reading;
}

std::string Chunks(std::string_view body, Pieces pieces) {
  std::string chunks;
  while (!body.empty()) {
    const std::string_view chunk = body.substr(0, pieces.Next());
    chunks += fmt::format("{:x}\r\n{}\r\n", chunk.size(), chunk);
    body.remove_prefix(chunk.size());
  }
  return chunks + "0\r\n\r\n";
}

void Run(std::string_view bytes) {
  const Reading whole = Read(bytes, Pieces(bytes.size() + 1));
  for (const Pieces& pieces : {Pieces(1), Pieces(2), Pieces::ChosenBy(bytes)}) {
    Require(Read(bytes, pieces) == whole, "bytes mean the same in whatever pieces they come");
  }
  // As a body of their own, and what was made of them, they come through chunks unchanged.
  for (const std::string_view body :
       {std::string_view(whole.body), bytes.substr(0, kBodyLimitBytes)}) {
    const std::string chunks = Chunks(body, Pieces::ChosenBy(bytes));
    const Reading again = Read(chunks + "GET / HTTP/1.1", Pieces::ChosenBy(bytes));
    Require(again.done && again.body == body, "a body in chunks is that body");
    Require(again.taken == chunks.size(), "what follows is left to the next request");
  }
}

}  // namespace
}  // namespace target_eye

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target_eye::Run(target_eye::AsText(data, size));
  return 0;
}
