#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/child_process.h"
#include "tests/support/http_client.h"

namespace auspex::testing {

/// The built auspexd on a port of its own.
class ServerProcess {
 public:
  /// Starts it and waits until it is ready; see started().
  ServerProcess(const std::string& data_dir, const std::string& log_path, std::vector<std::string> more_arguments = {});

  bool started() const { return port_ != 0; }
  uint16_t port() const { return port_; }
  HttpClient client() const { return HttpClient(port_); }
  ChildProcess& process() { return process_; }
  std::string Log() const { return process_.Log(); }

  static std::string Binary() { return std::string(AUSPEX_BINARY_DIR) + "/bin/auspexd"; }

 private:
  ChildProcess process_;
  uint16_t port_ = 0;
};

}  // namespace auspex::testing
