#pragma once

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "util/ascii.h"

namespace target_eye {

// For tests: an entry of tests/http_vectors.txt, which says what its lines mean.
struct HttpVector {
  std::string name;  // In letters and digits, as a test may be called.
  std::string sent;
  std::vector<int> statuses;  // Of the last answer, one of them.
  int answers = 0;
  bool close = false;

  bool IsRefused() const { return answers == 1 && close && statuses.front() >= 400; }
};

inline std::string UnescapeVector(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      bytes += text[i];
      continue;
    }
    switch (const char letter = text[++i]) {
      case 'r':
        bytes += '\r';
        break;
      case 'n':
        bytes += '\n';
        break;
      case 't':
        bytes += '\t';
        break;
      case '0':
        bytes += '\0';
        break;
      case 'x':
        bytes += static_cast<char>(HexValue(text[i + 1]) << 4 | HexValue(text[i + 2]));
        i += 2;
        break;
      case '(': {  // (TEXT*TIMES)
        const std::size_t end = text.find(')', i);
        const std::size_t star = text.rfind('*', end);
        const std::string repeated = UnescapeVector(text.substr(i + 1, star - i - 1));
        const int times = std::stoi(std::string(text.substr(star + 1, end - star - 1)));
        for (int n = 0; n < times; ++n) bytes += repeated;
        i = end;
        break;
      }
      default:
        bytes += letter;
    }
  }
  return bytes;
}

inline std::string UnescapeVectorLine(std::string_view text) {
  const bool ends = !text.ends_with('\\') || text.ends_with("\\\\");
  if (!ends) text.remove_suffix(1);
  return UnescapeVector(text) + (ends ? "\r\n" : "");
}

inline std::string TestNameOf(std::string_view title) {
  std::string name;
  bool begins_word = true;
  for (const char c : title.substr(0, title.find(" ("))) {
    if (IsAlpha(c) || IsDigit(c)) {
      name += begins_word && c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    begins_word = c == ' ';
  }
  return name;
}

inline void ReadExpectedAnswer(std::string_view text, HttpVector& vector) {
  ++vector.answers;
  vector.close = text.contains(" close");
  vector.statuses.clear();
  std::istringstream statuses{std::string(text.substr(0, text.find(' ')))};
  for (std::string status; std::getline(statuses, status, '|');) {
    vector.statuses.push_back(std::stoi(status));
  }
}

inline std::vector<HttpVector> ReadHttpVectors(const std::string& path) {
  std::vector<HttpVector> vectors;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::string_view text =
        std::string_view(line).substr(std::min<std::size_t>(line.size(), 2));
    if (line.starts_with("== ")) {
      vectors.emplace_back().name = TestNameOf(std::string_view(line).substr(3));
    } else if (line.starts_with('>')) {
      vectors.back().sent += UnescapeVectorLine(text);
    } else if (line.starts_with('<')) {
      ReadExpectedAnswer(text, vectors.back());
    }
  }
  return vectors;
}

}  // namespace target_eye
