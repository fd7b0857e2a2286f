#include <algorithm>
#include <string>
#include <vector>

#include "fuzz_check.h"
#include "http/wire/chunk_decoder.h"
#include "http/wire/framing_gate.h"
#include "http/wire/request_parser.h"
#include "http/wire/request_plan.h"

namespace target_eye {
namespace {

constexpr std::size_t kBodyLimitBytes = 1000;

// What a connection's bytes are taken for: each request's line and body, and how it ends.
struct Reading {
  std::vector<std::string> requests;
  int refused = 0;  // The status, 0 for a connection that was not refused.

  friend bool operator==(const Reading&, const Reading&) = default;
};

const RequestPolicy& Policy() {
  static const RequestPolicy kPolicy = [] {
    RequestPolicy policy;
    policy.body_limit_bytes = kBodyLimitBytes;
    return policy;
  }();
  return kPolicy;
}

std::optional<Refusal> ReadHead(std::string_view bytes, RequestHead& head, RequestPlan& plan) {
  if (auto refusal = CheckHeadBytes(bytes)) return refusal;
  if (auto refusal = ParseRequestHead(bytes, head)) return refusal;
  auto planned = PlanRequest(head, Policy());
  if (!planned) return planned.error();
  plan = *std::move(planned);
  return std::nullopt;
}

// Written anew from what it was taken for, a request is taken for the same.
void RequireRoundTrip(const RequestHead& head, const RequestPlan& plan) {
  std::string text = std::string(head.method) + " " + std::string(head.target) +
                     (head.version == 10 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
  for (const RequestField& field : head.fields) {
    text += std::string(field.name) + ": " + std::string(field.value) + "\r\n";
  }
  text += "\r\n";
  RequestHead again;
  RequestPlan plan_again;
  Require(!ReadHead(text, again, plan_again), "an accepted header is accepted again");
  Require(plan_again.path == plan.path && plan_again.query == plan.query, "to the same path");
  Require(plan_again.content_length == plan.content_length && plan_again.chunked == plan.chunked &&
              plan_again.keep_alive == plan.keep_alive,
          "with the same framing");
}

// Reads as a session does.
Reading Read(std::string_view all, Pieces pieces) {
  const HeadLimits limits{.header_bytes = 2000, .target_bytes = 500, .fields = 20};
  Reading reading;
  const auto refuse = [&](const Refusal& refusal) {
    Require(refusal.status >= 400 && refusal.status < 600, "a refusal has an error's status");
    RequireGoodError({ErrorCode::kInvalid, refusal.message});
    reading.refused = refusal.status;
    return reading;
  };
  std::size_t begin = 0;
  std::size_t end = 0;
  const auto more = [&] {
    if (end == all.size()) return false;
    end = std::min(all.size(), end + pieces.Next());
    return true;
  };
  while (begin < all.size()) {
    HeadScanner scanner(limits);
    std::size_t head_bytes = 0;
    while (head_bytes == 0) {
      if (begin < end) {
        const auto scanned = scanner.Scan(all.substr(begin, end - begin));
        if (!scanned) return refuse(scanned.error());
        head_bytes = *scanned;
      }
      if (head_bytes == 0 && !more()) return reading;
    }
    RequestHead head;
    RequestPlan plan;
    if (const auto refusal = ReadHead(all.substr(begin, head_bytes), head, plan)) {
      return refuse(*refusal);
    }
    RequireRoundTrip(head, plan);
    begin += head_bytes;
    std::string body;
    if (plan.chunked) {
      ChunkDecoder chunks;
      while (!chunks.done()) {
        begin += chunks.Decode(all.substr(begin, end - begin), kBodyLimitBytes, body);
        if (chunks.refusal()) return refuse(*chunks.refusal());
        if (!chunks.done() && !more()) return reading;
      }
    } else {
      Require(plan.content_length <= kBodyLimitBytes, "a body is within its limit");
      while (end - begin < plan.content_length) {
        if (!more()) return reading;
      }
      body = all.substr(begin, static_cast<std::size_t>(plan.content_length));
      begin += body.size();
    }
    Require(body.size() <= kBodyLimitBytes, "a body is within its limit");
    reading.requests.push_back(std::string(head.method) + " " + std::string(head.target) + " " +
                               body);
    if (!plan.keep_alive) return reading;
  }
  return reading;
}

void Run(std::string_view bytes) {
  const Reading whole = Read(bytes, Pieces(bytes.size() + 1));
  for (const Pieces& pieces : {Pieces(1), Pieces(2), Pieces::ChosenBy(bytes)}) {
    Require(Read(bytes, pieces) == whole, "bytes mean the same in whatever pieces they come");
  }
}

}  // namespace
}  // namespace target_eye

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target_eye::Run(target_eye::AsText(data, size));
  return 0;
}
