#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "auspex/database.h"
#include "http_server.h"
#include "origin_guard.h"

namespace auspex::server {

/// What the command line says.
struct Config {
  Options database;
  HttpServerOptions http;
  OriginOptions origins;
  std::vector<std::string> rule_files;
  std::string backup_dir;
  std::string log_level = "info";
  std::map<std::string, std::string> flags;  ///< every option with its value, for /api/v1/status/flags
};

/// What to do instead of serving: print `text` and exit with `code`.
struct EarlyExit {
  std::string text;
  int code = 0;
};

/// Reads the command line. Errors and --help come back as an EarlyExit, and then `config` is not complete.
std::optional<EarlyExit> ParseCommandLine(int argc, const char* const* argv, Config& config);

/// "512MiB", "2GB", "1073741824" to bytes. Errors: InvalidArgument.
Result<uint64_t> ParseBytes(std::string_view text);
/// "127.0.0.1:9292", "[::1]:0", ":9292", "localhost:80". Errors: InvalidArgument.
Status ParseListenAddress(std::string_view text, std::string& host, uint16_t& port);

}  // namespace auspex::server
