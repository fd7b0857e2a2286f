#pragma once

#include <functional>
#include <span>
#include <string>
#include <system_error>

#include "util/atomic_file.h"

namespace target_eye {

// Called for a file that is there and holds something else, just before it is replaced; an error
// leaves it as it is, and is that of the whole.
using BeforeReplacing = std::function<std::error_code(const std::string& name)>;

// ReplaceFilesAt for files that others may have written: `before` may keep them.
ReplacedFiles ReplaceFilesAt(int directory, int staging, std::span<const FileText> files,
                             std::error_code& error, const BeforeReplacing& before);

}  // namespace target_eye
