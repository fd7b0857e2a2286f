#include "config/config_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "config/config_entry.h"
#include "config/ini_file.h"
#include "config/toml_file.h"
#include "model/utf8.h"

namespace target_eye {
namespace {

std::unexpected<Error> At(std::string_view name, const ConfigSyntaxError& error) {
  return Invalid(fmt::format("{}:{}: {}", name, error.line, error.message));
}

// `"..."` with no such quote inside: INI has no quotes, so that this was meant to be TOML.
bool LooksQuoted(std::string_view value) {
  return value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
         value.find(value.front(), 1) == value.size() - 1;
}

int LineOfFirstBadByte(std::string_view text) {
  int line = 1;
  while (!text.empty()) {
    const std::size_t bytes = Utf8CodePointBytes(text);
    if (bytes == 0 || text.front() == '\0') break;
    if (text.front() == '\n') ++line;
    text.remove_prefix(bytes);
  }
  return line;
}

}  // namespace

Expected<std::vector<ConfigEntry>> ParseConfigFile(std::string_view text, std::string_view name) {
  if (text.size() > kConfigFileLimitBytes) {
    return Invalid(
        fmt::format("{}: the config file is larger than {} bytes", name, kConfigFileLimitBytes));
  }
  if (!IsValidUtf8(text) || text.find('\0') != std::string_view::npos) {
    return At(name, {LineOfFirstBadByte(text), "expected UTF-8 text"});
  }
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";  // Some editors write it.
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());

  ConfigEntries toml = ParseToml(text);
  if (toml) return std::move(*toml);
  if (name.ends_with(".toml")) return At(name, toml.error());
  ConfigEntries ini = ParseIni(text);
  if (!ini) return At(name, ini.error().line >= toml.error().line ? ini.error() : toml.error());
  const auto quoted = std::ranges::find_if(
      *ini, [](const ConfigEntry& entry) { return LooksQuoted(entry.value.items.front()); });
  if (quoted != ini->end()) {
    return At(name,
              {quoted->line,
               fmt::format("{}: a value in quotes, but the file is not TOML (line {}: {}); mend "
                           "that line, or remove the quotes, which INI does not have",
                           Quote(quoted->key), toml.error().line, toml.error().message)});
  }
  return std::move(*ini);
}

Expected<std::vector<ConfigEntry>> ReadConfigFile(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"),
                                                             &std::fclose);
  std::string text(kConfigFileLimitBytes + 1, '\0');
  if (file != nullptr) text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (file == nullptr || std::ferror(file.get()) != 0) {
    return Invalid(
        fmt::format("{}: the config file cannot be read: {}", path, std::strerror(errno)));
  }
  return ParseConfigFile(text, path);
}

}  // namespace target_eye
