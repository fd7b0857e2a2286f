#pragma once

#include <functional>
#include <memory>
#include <span>

#include "store/store.h"

namespace target_eye {

// While any copy of it lives, the answers to the requests of one commit wait, but for no longer
// than TargetRegistry::Options::answer_patience. A listener that makes changes visible keeps it
// until they are, or lets it go at once if that would take too long: the commit is durable either
// way. Whoever lets go of the last copy sends the answers, on its thread.
using AnswerHold = std::shared_ptr<void>;

// Hears of every change, in revision order, after it is durable, whether it was made here or on
// another machine. One call at a time. A listener must not block: slow work belongs to a thread of
// its own.
class ChangeListener {
 public:
  virtual ~ChangeListener() = default;

  // Everything, in place of all that was known: at the start, and again when the store's feed broke
  // or was other than what was told.
  virtual void OnSnapshot(const Snapshot& snapshot) = 0;

  // What one commit changed; `revision` is above all that came before. `hold` is null where no
  // answer waits: the change was made elsewhere.
  virtual void OnChanges(Revision revision, std::span<const Change> changes, AnswerHold hold) = 0;
};

}  // namespace target_eye
