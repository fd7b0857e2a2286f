#pragma once

#include <optional>
#include <string>

#include "registry/change_listener.h"

namespace target_eye {

// Makes the registry's state visible to Prometheus. It is fed as a ChangeListener.
//
// Stale beats partial: what is visible is always exactly one revision's state, and where a
// publication fails the one before it stays, and it is tried again.
class Publisher : public ChangeListener {
 public:
  struct Status {
    // The revision that is visible; nothing before the first publication.
    std::optional<Revision> published;
    // What the last try failed with; empty when it succeeded.
    std::string failure;
    // What somebody else did to what is visible, so that Prometheus may not be able to read it as
    // it was published; empty where nothing is known.
    std::string damage;
  };

  // Safe to call from any thread.
  virtual Status status() const = 0;

  // Publishes what it still holds back, then stops for good. No call may follow.
  virtual void Stop() = 0;
};

}  // namespace target_eye
