#pragma once

#include <optional>
#include <string>

#include "registry/change_listener.h"

namespace target_eye {

// Makes the registry's state visible to Prometheus. It is fed as a ChangeListener.
//
// Stale beats partial: what is visible is always the state of exactly one revision. If a
// publication fails, the one before it stays, and it is tried again.
class Publisher : public ChangeListener {
 public:
  struct Status {
    // The revision that is visible; nothing before the first publication.
    std::optional<Revision> published;
    // What the last try failed with; empty if it succeeded.
    std::string failure;
    // What somebody else did to what was published, so that Prometheus may not be able to read it;
    // empty if nothing is known.
    std::string damage;
  };

  // Safe to call from any thread.
  virtual Status status() const = 0;

  // Publishes what it still holds back, then stops for good. No call may follow. False if it does
  // not come to an end, because a file system hangs: a thread still uses what the publisher was
  // given, so that the process has to end without destroying that.
  virtual bool Stop() = 0;
};

}  // namespace target_eye
