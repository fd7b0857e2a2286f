#include "publish/http_sd/http_sd_publisher.h"

#include <fmt/format.h>

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
#include "publish/http_sd/list_turns.h"
#include "telemetry/log.h"
#include "util/seldom.h"
#include "util/sha256.h"
#include "util/thread.h"

namespace target_eye {
namespace {

constexpr std::string_view kPublisherName = "http_sd";

// Changes that may lie there until somebody asks: what was removed takes room here, too.
constexpr std::size_t kMaxPending = 4096;

// How often the log may speak of lists that were given up.
constexpr std::chrono::seconds kSecondsALine{60};
constexpr std::size_t kMostOfSelector = 200;

void AppendDigest(char what, std::string_view text, std::string& key) {
  const Sha256Digest digest = Sha256(text);
  key += what;
  key.append(digest.begin(), digest.end());
}

// The same for views of the same groups in the same form, and for no others. What may be seen and
// what is selected are of any size, and a hash is not.
std::string KeyOf(const HttpSdPublisher::View& view) {
  std::string key = view.meta_labels ? "meta" : "plain";
  if (view.visible) AppendDigest('v', view.visible->text(), key);
  if (!view.selector.selects_all()) AppendDigest('s', view.selector.text(), key);
  return key;
}

}  // namespace

class HttpSdPublisher::Impl {
 public:
  Impl(const HttpSdOptions& options, Metrics& metrics, const Clock& clock)
      : metrics_(metrics),
        clock_(clock),
        waiting_limit_(options.waiting_lists),
        selecting_time_(options.selecting_time),
        cache_(options.kept_lists, options.kept_bytes) {}

  void Get(const View& view, Done done) {
    std::string key = KeyOf(view);
    std::vector<Waiter> refused;
    {
      Guard lock(mutex_);
      if (auto now = GetKept(view, key)) {
        lock.unlock();
        return done(*std::move(now));
      }
      refused = Enqueue({std::move(key), view, {}},
                        {.version = version_, .gzip = view.gzip, .done = std::move(done)});
    }
    for (Waiter& waiter : refused) waiter.done(TooMany());
    wake_.notify_one();
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

  static std::unexpected<Error> TooMany() {
    return MakeError(ErrorCode::kOverloaded,
                     "too many different lists are asked for at once; try again");
  }

  // Lets `waiter` wait for `list`. Returns those for whom there is no room now. Under the lock.
  std::vector<Waiter> Enqueue(Waiting list, Waiter waiter) {
    const auto same = std::ranges::find(waiting_, list.key, &Waiting::key);
    if (same != waiting_.end()) {
      same->waiters.push_back(std::move(waiter));
      return {};
    }
    list.waiters.push_back(std::move(waiter));
    std::vector<Waiter> refused;
    if (waiting_.size() >= waiting_limit_) {
      refused = MakeRoomFor(list);
      if (refused.empty()) return std::move(list.waiters);
    }
    waiting_.push_back(std::move(list));
    return refused;
  }

  ListTurns::Rank RankOf(const Waiting& list) const {
    return turns_.RankOf(list.key, list.view.selector.terms(), clock_.Now());
  }

  // Takes out the list whose turn is last, if that of `list` comes before it, and returns those who
  // waited for it. Under the lock.
  std::vector<Waiter> MakeRoomFor(const Waiting& list) {
    auto last = waiting_.end();
    for (auto one = std::next(waiting_.begin(), rendering_ ? 1 : 0); one != waiting_.end(); ++one) {
      if (last == waiting_.end() || RankOf(*one) >= RankOf(*last)) last = one;
    }
    if (last == waiting_.end() || RankOf(*last) <= RankOf(list)) return {};
    std::vector<Waiter> refused = std::move(last->waiters);
    waiting_.erase(last);
    return refused;
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
        const auto rank = [this](const Waiting& one) { return RankOf(one); };
        const auto next = std::ranges::min_element(waiting_, {}, rank);
        std::rotate(waiting_.begin(), next, std::next(next));
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

  // Renders the first one of those that wait. Lets go of the lock while it works; whoever asks
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
    rendering_ = true;
    lock.unlock();

    // Before there are new bytes beside them.
    outdated.reset();
    Apply(pending);
    const auto begin = ThreadCpuTime();
    const bool is_rendered = entry.plain.bytes || Render(view, revision, entry);
    if (is_rendered && wants_gzip && !entry.gzip.bytes) {
      entry.gzip = MakeSdList(Gzip(*entry.plain.bytes));
      entry.gzip.count = entry.plain.count;
    }
    const auto took = ThreadCpuTime() - begin;

    lock.lock();
    rendering_ = false;
    turns_.Charge(entry.key, took, clock_.Now());
    metrics_.SetPublishedRevision(kPublisherName, revision_);
    if (!is_rendered) return GiveUpFirst(lock);
    std::vector<Waiter> served = TakeServed(entry);
    std::vector<ListCache::Entry> dropped = cache_.Put(entry);
    lock.unlock();
    dropped.clear();
    for (Waiter& waiter : served) waiter.done(waiter.gzip ? entry.gzip : entry.plain);
    served.clear();
    lock.lock();
  }

  // False if it took too long.
  bool Render(const View& view, Revision revision, ListCache::Entry& entry) {
    const SteadyTime begin = clock_.Now();
    const auto overdue_at = ThreadCpuTime() + selecting_time_;
    const auto is_overdue = [&] {
      // What the rules of the access file cost is the operator's affair.
      return !view.selector.selects_all() && ThreadCpuTime() >= overdue_at;
    };
    SdCount count;
    auto text = RenderSdListUnless(is_overdue, groups_, view.selector, view.meta_labels,
                                   view.visible.get(), &count);
    if (!text) return false;
    SdList list = MakeSdList(*std::move(text));
    list.count = count;
    metrics_.ObservePublication(kPublisherName, clock_.Now() - begin, revision);
    // A change that does not show in this list leaves its compressed form as it was.
    if (list.etag != entry.plain.etag) entry.gzip = {};
    entry.gzip.count = count;
    entry.plain = std::move(list);
    return true;
  }

  // Refuses all who wait for the first list. Lets go of the lock while it does.
  void GiveUpFirst(Guard& lock) {
    Waiting first = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    if (const auto left_out = given_up_.Take(clock_.Now())) {
      const std::string selector = first.view.selector.text();
      Log(LogLevel::kWarning,
          "a list of /-/sd was given up: to select its groups took too long; whoever asks for it "
          "should use fewer or simpler terms",
          {{"selector", selector.substr(0, kMostOfSelector)}, {"left_out_before", *left_out}});
    }
    for (Waiter& waiter : first.waiters) {
      waiter.done(MakeError(
          ErrorCode::kOverloaded,
          fmt::format("the list was given up: to select its groups took more than {} ms; expected "
                      "fewer or simpler terms",
                      selecting_time_.count())));
    }
    first = {};
    lock.lock();
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
  const std::chrono::milliseconds selecting_time_;
  Seldom given_up_{kSecondsALine};

  mutable std::mutex mutex_;  // Guards all below but the thread.
  std::condition_variable wake_;
  Pending pending_;
  Revision revision_ = 0;
  // Counts the states of the groups: other than the revision, it rises with each snapshot, too. 0:
  // none was told.
  std::uint64_t version_ = 0;
  std::deque<Waiting> waiting_;
  bool rendering_ = false;  // The first one that waits.
  ListTurns turns_;
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

bool HttpSdPublisher::Stop() {
  impl_->Stop();
  return true;
}

}  // namespace target_eye
