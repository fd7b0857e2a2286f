#pragma once

#include <map>
#include <string>
#include <string_view>

#include "model/error.h"

namespace target_eye {

// Label names to values. Sorted by name, so that whatever is rendered from them is in a stable
// order.
using Labels = std::map<std::string, std::string, std::less<>>;

// The two labels that every group has, by default with its application and environment as values.
inline constexpr std::string_view kJobLabel = "job";
inline constexpr std::string_view kEnvLabel = "env";

// Whether the whole of `name` is a label name by the Prometheus data model,
// `[a-zA-Z_][a-zA-Z0-9_]*`; kInvalid if not. Names that begin with `__` are allowed: Prometheus
// takes `__scheme__`, `__metrics_path__`, `__param_*` and `__scrape_interval__` from a target's
// labels.
Expected<void> CheckLabelName(std::string_view name);

// Whether `value` is valid UTF-8 and not empty (to Prometheus an empty value is no label).
// kInvalid, if not, names `name`.
Expected<void> CheckLabelValue(std::string_view name, std::string_view value);

}  // namespace target_eye
