#include "publish/http_sd/http_sd_publisher.h"

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <iterator>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "publish/http_sd/list_cache.h"
#include "util/sha256.h"
#include "util/thread.h"

namespace target_eye {
namespace {

constexpr std::string_view kPublisherName = "http_sd";

// Changes that may lie there until somebody asks: what was removed takes room here, too.
constexpr std::size_t kMaxPending = 4096;

// The same for views of the same groups in the same form, and for no others. What may be seen is of
// any size, and a hash of it is not.
std::string KeyOf(const HttpSdPublisher::View& view) {
  std::string key = view.meta_labels ? "meta " : "";
  if (view.visible) {
    const Sha256Digest digest = Sha256(view.visible->text());
    key.append(digest.begin(), digest.end());
  }
  return key + '\n' + view.selector.text();
}

}  // namespace

class HttpSdPublisher::Impl {
 public:
  Impl(const HttpSdOptions& options, Metrics& metrics, const Clock& clock)
      : metrics_(metrics),
        clock_(clock),
        waiting_limit_(options.waiting_lists),
        cache_(options.kept_lists, options.kept_bytes) {}

  void Get(const View& view, Done done) {
    std::string key = KeyOf(view);
    std::optional<Expected<SdList>> now;
    {
      const std::lock_guard lock(mutex_);
      now = GetKept(view, key);
      if (!now) now = Enqueue(view, std::move(key), done);
    }
    if (now) {
      done(*std::move(now));
    } else {
      wake_.notify_one();
    }
  }

  void OnSnapshot(const Snapshot& snapshot) {
    {
      const std::lock_guard lock(mutex_);
      pending_ = {};
      pending_.snapshot = snapshot.groups;
      NoteState(snapshot.revision);
    }
    if (!thread_.joinable()) thread_ = StartThread("http_sd", [this] { Run(); });
    wake_.notify_one();
  }

  void OnChanges(Revision revision, std::span<const Change> changes) {
    bool are_many = false;
    {
      const std::lock_guard lock(mutex_);
      for (const Change& change : changes) {
        pending_.changes.insert_or_assign(change.key, change.after);
      }
      NoteState(revision);
      are_many = AreManyPending();
    }
    if (are_many) wake_.notify_one();
  }

  Status GetStatus() const {
    const std::lock_guard lock(mutex_);
    if (version_ == 0) return {};
    return {.published = revision_, .failure = "", .damage = ""};
  }

  void Stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
    for (Waiting& waiting : std::exchange(waiting_, {})) {
      for (Waiter& waiter : waiting.waiters) waiter.done(std::unexpected(Stopping()));
    }
  }

 private:
  using Guard = std::unique_lock<std::mutex>;

  // What the thread's groups do not show yet; of each group only the latest.
  struct Pending {
    std::optional<std::vector<StoredGroupPtr>> snapshot;  // Comes before `changes`.
    std::unordered_map<GroupKey, StoredGroupPtr, GroupKeyHash, GroupKeyEqual> changes;
  };
  struct Waiter {
    std::uint64_t version = 0;  // A list of this one or a later one will do.
    bool gzip = false;
    Done done;
  };
  // Those who wait for one list.
  struct Waiting {
    std::string key;
    View view;
    std::vector<Waiter> waiters;
  };

  static Error Stopping() { return {ErrorCode::kUnavailable, "the service is stopping"}; }

  // Whoever asks sees it from now on. Under the lock.
  void NoteState(Revision revision) {
    revision_ = revision;
    ++version_;
    metrics_.SetPublishedRevision(kPublisherName, revision);
  }

  bool AreManyPending() const {
    return pending_.snapshot || pending_.changes.size() >= kMaxPending;
  }

  // Nothing if it is to be rendered first. Under the lock.
  std::optional<Expected<SdList>> GetKept(const View& view, const std::string& key) {
    if (stopping_) return std::unexpected(Stopping());
    if (version_ == 0) {
      return MakeError(ErrorCode::kUnavailable, "the state is not loaded yet; try again");
    }
    const ListCache::Entry* const entry = cache_.Find(key);
    if (entry == nullptr || entry->version != version_) return std::nullopt;
    const SdList& list = view.gzip ? entry->gzip : entry->plain;
    if (!list.bytes) return std::nullopt;
    return list;
  }

  // Takes `done`, or returns why not. Under the lock.
  std::optional<Expected<SdList>> Enqueue(const View& view, std::string key, Done& done) {
    auto waiting = std::ranges::find(waiting_, key, &Waiting::key);
    if (waiting == waiting_.end()) {
      if (waiting_.size() >= waiting_limit_) {
        return MakeError(ErrorCode::kOverloaded,
                         "too many different lists are asked for at once; try again");
      }
      waiting_.push_back({std::move(key), view, {}});
      waiting = std::prev(waiting_.end());
    }
    waiting->waiters.push_back({version_, view.gzip, std::move(done)});
    return std::nullopt;
  }

  void Run() {
    Guard lock(mutex_);
    while (true) {
      wake_.wait(lock, [&] { return stopping_ || !waiting_.empty() || AreManyPending(); });
      if (stopping_) return;
      Pending pending = std::exchange(pending_, {});
      if (waiting_.empty()) {
        lock.unlock();
        Apply(pending);
        lock.lock();
      } else {
        RenderFirst(pending, lock);
      }
    }
  }

  // Lets go of `pending` here, where no lock is held.
  void Apply(Pending& pending) {
    if (pending.snapshot) {
      groups_.clear();
      for (const StoredGroupPtr& group : *pending.snapshot) Insert(group);
    }
    for (const auto& [key, group] : pending.changes) {
      if (const auto old = groups_.find(GroupKeyView(key)); old != groups_.end()) {
        groups_.erase(old);
      }
      if (group) Insert(group);
    }
    pending = {};
  }

  void Insert(const StoredGroupPtr& group) {
    // Mostly at the end, as a snapshot is in key order.
    if (group->text.targets() > 0) groups_.insert(groups_.end(), group);
  }

  // Renders what those who came first wait for. Lets go of the lock while it works; whoever asks
  // for the same meanwhile joins them.
  void RenderFirst(Pending& pending, Guard& lock) {
    const View view = waiting_.front().view;
    const bool wants_gzip = std::ranges::any_of(waiting_.front().waiters, &Waiter::gzip);
    const std::uint64_t version = version_;
    const Revision revision = revision_;
    ListCache::Entry entry{
        .key = waiting_.front().key, .version = version, .plain = {}, .gzip = {}};
    std::shared_ptr<const std::string> outdated;
    if (ListCache::Entry* const kept = cache_.Find(entry.key)) {
      if (kept->version != version) outdated = std::move(kept->plain.bytes);
      entry = *kept;
      entry.version = version;
    }
    lock.unlock();

    // Before there are new bytes beside them.
    outdated.reset();
    Apply(pending);
    if (!entry.plain.bytes) Render(view, revision, entry);
    if (wants_gzip && !entry.gzip.bytes) {
      entry.gzip = MakeSdList(Gzip(*entry.plain.bytes));
      entry.gzip.count = entry.plain.count;
    }

    lock.lock();
    metrics_.SetPublishedRevision(kPublisherName, revision_);
    std::vector<Waiter> served = TakeServed(entry);
    std::vector<ListCache::Entry> dropped = cache_.Put(entry);
    lock.unlock();
    dropped.clear();
    for (Waiter& waiter : served) waiter.done(waiter.gzip ? entry.gzip : entry.plain);
    served.clear();
    lock.lock();
  }

  void Render(const View& view, Revision revision, ListCache::Entry& entry) {
    const SteadyTime begin = clock_.Now();
    SdCount count;
    SdList list = MakeSdList(
        RenderSdList(groups_, view.selector, view.meta_labels, view.visible.get(), &count));
    list.count = count;
    metrics_.ObservePublication(kPublisherName, clock_.Now() - begin, revision);
    // A change that does not show in this list leaves its compressed form as it was.
    if (list.etag != entry.plain.etag) entry.gzip = {};
    entry.gzip.count = count;
    entry.plain = std::move(list);
  }

  // Takes those off the first ones that wait whom `entry` serves; if others are left, they wait
  // behind everybody else. Under the lock.
  std::vector<Waiter> TakeServed(const ListCache::Entry& entry) {
    Waiting first = std::move(waiting_.front());
    waiting_.pop_front();
    const auto served = std::ranges::partition(first.waiters, [&](const Waiter& waiter) {
      return waiter.version > entry.version || (waiter.gzip && !entry.gzip.bytes);
    });
    std::vector<Waiter> taken(std::move_iterator(served.begin()), std::move_iterator(served.end()));
    first.waiters.erase(served.begin(), served.end());
    if (!first.waiters.empty()) waiting_.push_back(std::move(first));
    return taken;
  }

  // Of the thread alone.
  GroupList groups_;

  Metrics& metrics_;
  const Clock& clock_;
  const std::size_t waiting_limit_;

  mutable std::mutex mutex_;  // Guards all below but the thread.
  std::condition_variable wake_;
  Pending pending_;
  Revision revision_ = 0;
  // Counts the states of the groups: other than the revision, it rises with each snapshot, too. 0:
  // none was told.
  std::uint64_t version_ = 0;
  std::deque<Waiting> waiting_;
  ListCache cache_;
  bool stopping_ = false;

  std::thread thread_;
};

HttpSdPublisher::HttpSdPublisher(const HttpSdOptions& options, Metrics& metrics, const Clock& clock)
    : impl_(std::make_unique<Impl>(options, metrics, clock)) {}

HttpSdPublisher::~HttpSdPublisher() { HttpSdPublisher::Stop(); }

void HttpSdPublisher::Get(const View& view, Done done) { impl_->Get(view, std::move(done)); }

void HttpSdPublisher::OnSnapshot(const Snapshot& snapshot) { impl_->OnSnapshot(snapshot); }

void HttpSdPublisher::OnChanges(Revision revision, std::span<const Change> changes,
                                AnswerHold /*hold*/) {
  impl_->OnChanges(revision, changes);
}

Publisher::Status HttpSdPublisher::status() const { return impl_->GetStatus(); }

void HttpSdPublisher::Stop() { impl_->Stop(); }

}  // namespace target_eye
