#include "config/meant_setting.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "config/settings.h"
#include "config/settings_table.h"
#include "util/ascii.h"

namespace target_eye {
namespace {

// A name that no setting has a longer one like; more is not compared.
constexpr std::size_t kMaxNameBytes = 64;

// What Prometheus's programs and others call it, where that is like none of its names here.
constexpr std::pair<std::string_view, std::string_view> kOtherNames[] = {
    {"storagetsdbpath", "state_directory"},
    {"datadir", "state_directory"},
    {"directory", "file_sd_directory"},
    {"dir", "file_sd_directory"},
    {"filesddir", "file_sd_directory"},
    {"filesddirhost", "file_sd_directory"},
    {"output", "file_sd_directory"},
    {"listen", "bind"},
    {"listenaddress", "bind"},
    {"address", "bind"},
    {"host", "bind"},
    {"port", "bind"},
    {"websystemdsocket", "bind"},
    {"webcorsorigin", "allowed_origins"},
    {"cors", "allowed_origins"},
    {"webtelemetrypath", "root_path"},
    {"prefix", "root_path"},
    {"baseurl", "external_url"},
    {"tlscert", "certfile"},
    {"tlscertfile", "certfile"},
    {"cert", "certfile"},
    {"sslcertfile", "certfile"},
    {"tlskey", "keyfile"},
    {"tlskeyfile", "keyfile"},
    {"key", "keyfile"},
    {"sslkeyfile", "keyfile"},
    {"clientca", "ca_certs"},
    {"tlsclientca", "ca_certs"},
    {"webconfig", "web_config_file"},
    {"verbosity", "loglevel"},
    {"pidfile", "pid_path"},
    {"maxbodysize", "body_limit"},
    {"selector", "publish_selector"},
    {"timeout", "read_timeout"},
};

// Without case and without what stands between the words of a name.
std::string Plain(std::string_view name) {
  std::string plain = LowerCase(Trim(name));
  std::erase_if(plain, [](char c) { return c == '-' || c == '_' || c == '.' || c == ' '; });
  return plain;
}

// How many letters to take out, put in, change or swap with the next one make `a` out of `b`.
std::size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last;
  std::vector<std::size_t> last(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::vector<std::size_t> row(b.size() + 1);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    before_last = std::exchange(last, std::move(row));
  }
  return last.back();
}

// A slip in a short name makes another name of it.
std::size_t MostSlips(std::size_t name_bytes) { return name_bytes < 5 ? 1 : name_bytes / 5 + 1; }

std::vector<std::string> NamesOf(const Setting& setting) {
  std::vector<std::string> names = {Plain(setting.name)};
  if (!setting.other_flag.empty()) names.push_back(Plain(setting.other_flag));
  return names;
}

const Setting* Named(std::string_view name) {
  const auto all = Settings();
  const auto found = std::ranges::find(all, name, &Setting::name);
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

const Setting* MeantSetting(std::string_view name) {
  if (name.size() > kMaxNameBytes) return nullptr;
  const std::string plain = Plain(name);
  if (plain.size() < 3) return nullptr;
  for (const auto& [other, meant] : kOtherNames) {
    if (other == plain) return Named(meant);
  }
  const Setting* nearest = nullptr;
  std::size_t least = MostSlips(plain.size()) + 1;
  for (const Setting& setting : Settings()) {
    if (!Works(setting)) continue;
    for (const std::string& known : NamesOf(setting)) {
      const std::size_t distance = Distance(plain, known);
      if (distance < least) {
        least = distance;
        nearest = &setting;
      }
    }
  }
  return nearest;
}

}  // namespace target_eye
