#pragma once

#include <string_view>

namespace target_eye {

// For messages about bodies that were sent as another format than they are. Guesses by how a body
// begins; nothing is decoded because of them. Pure.

enum class BodyFormat { kUnknown, kJson, kYaml, kForm };
BodyFormat GuessFormat(std::string_view body);

// `looks like JSON: ...` and how to send it; empty for kUnknown. Points to a literal.
std::string_view FormatHint(BodyFormat format);

// Whether `yaml` looks like a file of several lines that has lost its line ends, which
// `curl -d @FILE` takes out.
bool LooksJoined(std::string_view yaml);

// Whether `text` begins as UTF-16 does.
bool LooksLikeUtf16(std::string_view text);

}  // namespace target_eye
