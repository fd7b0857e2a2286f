#include "http/net/lingering.h"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <utility>

namespace target_eye {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::steady_clock;

constexpr std::size_t kReadBytes = 64 << 10;
// So that one client that sends much does not keep the others of its thread waiting.
constexpr int kReadsAtOnce = 8;

}  // namespace

Lingering::Lingering(std::shared_ptr<IoThread> thread, ConnectionSlot slot)
    : thread_(std::move(thread)), slot_(std::move(slot)), transport_(thread_->io()) {}

void Lingering::Start(Transport transport) {
  self_ = shared_from_this();
  thread_->Add(*this);
  transport_ = std::move(transport);
  const SteadyTime now = steady_clock::now();
  deadline_ = now + kTotal;
  pause_deadline_ = now + kPause;
  if (thread_->context().stopping.load(std::memory_order_relaxed)) Drain();
  Drop();
}

void Lingering::Drop() {
  // What is read into it is never looked at.
  thread_local std::array<char, kReadBytes> room;
  for (int i = 0; i < kReadsAtOnce; ++i) {
    error_code error;
    const std::size_t bytes = transport_.Read(asio::buffer(room), error);
    if (error == asio::error::would_block) break;
    dropped_bytes_ += bytes;
    if (error || dropped_bytes_ > kBytes) return Close();
    if (dropped_bytes_ < progress_at_) continue;
    progress_at_ = dropped_bytes_ + kProgressBytes;
    pause_deadline_ = steady_clock::now() + kPause;
  }
  transport_.WaitReadable([self = std::static_pointer_cast<Lingering>(self_)](error_code error) {
    if (self->self_ == nullptr) return;
    if (error) return self->Close();
    self->Drop();
  });
}

void Lingering::CheckDeadline(SteadyTime now) {
  if (now >= std::min(deadline_, pause_deadline_)) Close();
}

void Lingering::Drain() {
  deadline_ = std::min(deadline_, SteadyTime(steady_clock::now() + kTotalAtStop));
}

std::size_t Lingering::Cut() {
  Close();
  return 0;
}

void Lingering::Close() {
  if (self_ == nullptr) return;
  unlink();
  transport_.Close();
  slot_.Release();
  self_.reset();  // May be the last that held this object.
}

}  // namespace target_eye
