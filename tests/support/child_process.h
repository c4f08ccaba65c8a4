#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace auspex::testing {

/// A program under test: started with its stderr in a file, killed at the end if it still runs.
class ChildProcess {
 public:
  /// `log_path` gets what it writes to stdout and stderr.
  ChildProcess(const std::vector<std::string>& command, std::string log_path);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  void Signal(int signal) const;
  /// The exit code, 128 + signal when a signal ended it; none when it still runs after `timeout_ms`.
  std::optional<int> Wait(int timeout_ms);
  bool running() { return !Wait(0).has_value(); }
  pid_t pid() const { return pid_; }
  std::string Log() const;
  /// Waits until the log has `text`. False when it did not come, or the program ended before.
  bool WaitForLog(const std::string& text, int timeout_ms);

 private:
  std::string log_path_;
  pid_t pid_ = -1;
  std::optional<int> exit_code_;
};

/// A TCP port on 127.0.0.1 that nobody listened on a moment ago.
uint16_t FreePort();

}  // namespace auspex::testing
