#include "http/response_stream.h"

#include <algorithm>
#include <cstring>

#include "http/net/answer_budget.h"

namespace target_eye {

std::pair<std::shared_ptr<ResponseStream>, StreamReader> ResponseStream::Make() {
  // Not make_shared: the constructor is private.
  std::shared_ptr<ResponseStream> stream(new ResponseStream);
  StreamReader reader(stream);
  return {std::move(stream), std::move(reader)};
}

ResponseStream::~ResponseStream() { DropQueue(); }

bool ResponseStream::Hold(const Bytes& bytes) { return budget_ == nullptr || budget_->Hold(bytes); }

void ResponseStream::DropQueue() {
  if (budget_ != nullptr) {
    for (const Bytes& bytes : queue_) budget_->Release(bytes);
  }
  queue_.clear();
  read_ = unsent_ = 0;
}

bool ResponseStream::Send(Bytes bytes) {
  Lock lock(mutex_);
  if (state_ != State::kOpen) return false;
  if (bytes->empty()) return true;
  if (unsent_ + bytes->size() > kMostUnsentBytes || !Hold(bytes)) {
    BeOver(std::move(lock), State::kBroken);
    return false;
  }
  unsent_ += bytes->size();
  queue_.push_back(std::move(bytes));
  Wake(std::move(lock));
  return true;
}

void ResponseStream::End() { BeOver(Lock(mutex_), State::kEnded); }

bool ResponseStream::is_over() const {
  const Lock lock(mutex_);
  return state_ != State::kOpen;
}

void ResponseStream::OnOver(std::move_only_function<void()> tell) {
  {
    const Lock lock(mutex_);
    if (state_ == State::kOpen) {
      tell_ = std::move(tell);
      return;
    }
  }
  tell();
}

void ResponseStream::Wake(Lock lock) {
  if (!wake_ || !std::exchange(reader_waits_, false)) return;
  const std::function<void()> wake = wake_;
  lock.unlock();
  wake();
}

void ResponseStream::BeOver(Lock lock, State state) {
  if (state_ != State::kOpen) return;
  state_ = state;
  // A part of what it missed would be taken for all of it.
  if (state == State::kBroken) DropQueue();
  auto tell = std::exchange(tell_, nullptr);
  Wake(std::move(lock));
  if (tell) tell();
}

StreamReader& StreamReader::operator=(StreamReader&& other) noexcept {
  if (this == &other) return *this;
  Close();
  stream_ = std::move(other.stream_);
  return *this;
}

void StreamReader::Attach(AnswerBudget& budget, std::function<void()> wake) {
  ResponseStream& stream = *stream_;
  ResponseStream::Lock lock(stream.mutex_);
  stream.wake_ = std::move(wake);
  const std::deque<ResponseStream::Bytes> early = std::exchange(stream.queue_, {});
  stream.budget_ = &budget;
  for (const ResponseStream::Bytes& bytes : early) {
    if (!stream.Hold(bytes)) return stream.BeOver(std::move(lock), State::kBroken);
    stream.queue_.push_back(bytes);
  }
}

StreamReader::Piece StreamReader::Read(std::span<char> room) {
  ResponseStream& stream = *stream_;
  const ResponseStream::Lock lock(stream.mutex_);
  Piece piece;
  while (!stream.queue_.empty() && piece.bytes < room.size()) {
    const ResponseStream::Bytes& first = stream.queue_.front();
    const std::size_t size = std::min(first->size() - stream.read_, room.size() - piece.bytes);
    std::memcpy(room.data() + piece.bytes, first->data() + stream.read_, size);
    piece.bytes += size;
    stream.read_ += size;
    stream.unsent_ -= size;
    if (stream.read_ < first->size()) break;
    if (stream.budget_ != nullptr) stream.budget_->Release(first);
    stream.queue_.pop_front();
    stream.read_ = 0;
  }
  stream.reader_waits_ = piece.bytes < room.size();
  if (stream.queue_.empty()) piece.state = stream.state_;
  return piece;
}

void StreamReader::Close() {
  const std::shared_ptr<ResponseStream> stream = std::exchange(stream_, nullptr);
  if (!stream) return;
  ResponseStream::Lock lock(stream->mutex_);
  stream->wake_ = nullptr;
  stream->DropQueue();
  stream->BeOver(std::move(lock), State::kEnded);
}

}  // namespace target_eye
