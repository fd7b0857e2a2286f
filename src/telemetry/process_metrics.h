#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <vector>

namespace target_eye {

// The conventional process_* families of this process, read from /proc/self at each collection. A
// value that the kernel does not report is left out. Safe to call from any thread.
class ProcessMetrics : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override;
};

}  // namespace target_eye
