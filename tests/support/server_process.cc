#include "tests/support/server_process.h"

namespace auspex::testing {
namespace {

std::vector<std::string> Command(const std::string& data_dir, std::vector<std::string> more) {
  std::vector<std::string> command = {ServerProcess::Binary(), "--data-dir", data_dir, "--listen", "127.0.0.1:0"};
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

}  // namespace

ServerProcess::ServerProcess(const std::string& data_dir, const std::string& log_path, std::vector<std::string> more_arguments)
    : process_(Command(data_dir, std::move(more_arguments)), log_path) {
  const std::string announcement = "listening on http://127.0.0.1:";
  if (!process_.WaitForLog(announcement, 60'000)) return;
  const std::string log = process_.Log();
  port_ = static_cast<uint16_t>(std::stoi(log.substr(log.find(announcement) + announcement.size())));
}

}  // namespace auspex::testing
