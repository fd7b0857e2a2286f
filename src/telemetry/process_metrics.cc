#include "telemetry/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>

namespace target_eye {
namespace {

// /proc/self/stat from its third field on; the second, the name, may hold spaces and parentheses.
std::vector<double> StatFields() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream rest(line.substr(name_end + 1));
  std::string state;
  rest >> state;
  std::vector<double> fields = {0};
  fields.insert(fields.end(), std::istream_iterator<double>(rest), std::istream_iterator<double>());
  return fields;
}

// By its number in proc(5), which counts from one.
std::optional<double> Field(const std::vector<double>& stat, std::size_t number) {
  if (number - 3 >= stat.size()) return std::nullopt;
  return stat[number - 3];
}

std::optional<double> BootTimeSeconds() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  }
  return std::nullopt;
}

std::optional<double> OpenFileDescriptors() {
  std::error_code error;
  std::filesystem::directory_iterator entries("/proc/self/fd", error);
  if (error) return std::nullopt;
  double count = 0;
  for (; entries != std::filesystem::directory_iterator(); entries.increment(error)) ++count;
  return count - 1;  // Without the one that this listing holds.
}

prometheus::MetricFamily Family(std::string name, std::string help, prometheus::MetricType type,
                                double value) {
  prometheus::ClientMetric metric;
  (type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  return {.name = std::move(name), .help = std::move(help), .type = type, .metric = {metric}};
}

}  // namespace

std::vector<prometheus::MetricFamily> ProcessMetrics::Collect() const {
  using prometheus::MetricType;
  std::vector<prometheus::MetricFamily> families;
  const auto add = [&families](const char* name, const char* help, MetricType type,
                               std::optional<double> value) {
    if (value) families.push_back(Family(name, help, type, *value));
  };

  const std::vector<double> stat = StatFields();
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  std::optional<double> cpu_seconds;
  if (const auto user = Field(stat, 14), system = Field(stat, 15); user && system) {
    cpu_seconds = (*user + *system) / ticks;
  }
  std::optional<double> start_time;
  if (const auto boot = BootTimeSeconds(), start = Field(stat, 22); boot && start) {
    start_time = *boot + *start / ticks;
  }
  std::optional<double> resident_bytes = Field(stat, 24);
  if (resident_bytes) *resident_bytes *= static_cast<double>(sysconf(_SC_PAGESIZE));
  std::optional<double> most_fds;
  if (rlimit limit{}; getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    most_fds = static_cast<double>(limit.rlim_cur);
  }

  add("process_cpu_seconds_total", "Processor time that was used, user and system, in seconds.",
      MetricType::Counter, cpu_seconds);
  add("process_resident_memory_bytes", "Memory that is resident, in bytes.", MetricType::Gauge,
      resident_bytes);
  add("process_virtual_memory_bytes", "Address space that is mapped, in bytes.", MetricType::Gauge,
      Field(stat, 23));
  add("process_start_time_seconds", "When the process started, in seconds since the Unix epoch.",
      MetricType::Gauge, start_time);
  add("process_open_fds", "File descriptors that are open.", MetricType::Gauge,
      OpenFileDescriptors());
  add("process_max_fds", "File descriptors that may be open at once.", MetricType::Gauge, most_fds);
  add("process_threads", "Threads of the process.", MetricType::Gauge, Field(stat, 20));
  return families;
}

}  // namespace target_eye
