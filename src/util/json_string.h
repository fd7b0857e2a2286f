#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace target_eye {

// Appends `text`, which is valid UTF-8, as a JSON string (RFC 8259 section 7), with its quotes.
void AppendJsonString(std::string& out, std::string_view text);

// How many bytes AppendJsonString appends for `text`, without doing it.
std::size_t JsonStringBytes(std::string_view text);

// The text of `json`, which is what AppendJsonString has written, and nothing else.
std::string JsonStringText(std::string_view json);

}  // namespace target_eye
