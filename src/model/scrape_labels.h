#pragma once

#include <string_view>

#include "model/error.h"
#include "model/labels.h"

namespace target_eye {

// Whether Prometheus can use the labels by which a group tells it how to scrape: the values of
// `__scrape_interval__` and `__scrape_timeout__` must be durations above 0 as Prometheus writes
// them (`30s`, `1m30s`, `1h`; from years to milliseconds, each unit once, in that order, below some
// 292 years), the timeout must not be longer than the interval if both are there, and `__scheme__`
// must be http or https. One wrong value makes `promtool check config` fail for all who share the
// file. kInvalid names the label and what is expected.
//
// Only what differs from `before` (null if there was no group) is judged: a group that has a wrong
// value already can be changed elsewhere, and can be freed of it. Pure.
Expected<void> CheckScrapeLabels(const Labels* before, const Labels& after);

}  // namespace target_eye
