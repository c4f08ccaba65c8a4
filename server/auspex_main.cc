#include <cinttypes>
#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>

#include "auspex/database.h"

// `auspex verify|backup|restore`: what is done with a database directory while no server has it open.
namespace auspex::server {
namespace {

int Fail(const Status& status) {
  std::fprintf(stderr, "auspex: %s\n", status.message().c_str());
  return 1;
}

int Verify(const std::string& directory, bool quiet) {
  VerifyOptions options;
  options.path = directory;
  int percent = -1;
  std::string part;
  if (!quiet) {
    options.progress = [&](const VerifyProgress& progress) {
      const int now = progress.total == 0 ? 100 : static_cast<int>(progress.done * 100 / progress.total);
      if (now == percent && part == progress.part) return;
      percent = now;
      part = progress.part;
      std::fprintf(stderr, "%s: %d %%\n", part.c_str(), percent);
    };
  }
  const auto report = auspex::Database::Verify(options);
  if (!report.ok()) return Fail(report.status());
  for (const VerifyReport::Finding& finding : report->findings)
    std::printf("%s: %s\n", finding.where.c_str(), finding.what.c_str());
  std::printf("%s: %" PRIu64 " files, %" PRIu64 " series, %" PRIu64 " blocks, %" PRIu64 " samples, %" PRIu64
              " journal records, %" PRIu64 " records: ",
              directory.c_str(), report->files_count, report->series_count, report->blocks_count, report->samples_count,
              report->journal_records_count, report->records_count);
  if (report->ok()) {
    std::printf("sound\n");
    return 0;
  }
  std::printf("%" PRIu64 " findings\n", report->findings_count);
  return 2;
}

int Backup(const std::string& directory, const std::string& target) {
  Options options;
  options.path = directory;
  // A mistyped name must not become a new database.
  options.read_only = true;
  if (const auto there = Database::Open(options); !there.ok()) return Fail(there.status());
  options.read_only = false;
  const auto database = Database::Open(options);
  if (!database.ok()) {
    if (database.status().code() == StatusCode::kFailedPrecondition) {
      std::fprintf(stderr, "auspex: ask the server that has it open: POST /api/v1/admin/tsdb/snapshot\n");
    }
    return Fail(database.status());
  }
  if (const Status made = (*database)->Backup(target); !made.ok()) return Fail(made);
  if (const Status closed = (*database)->Close(); !closed.ok()) return Fail(closed);
  std::printf("%s: copied to %s\n", directory.c_str(), target.c_str());
  return 0;
}

int Restore(const std::string& backup, const std::string& directory) {
  if (const Status made = Database::Restore(backup, directory); !made.ok()) return Fail(made);
  std::printf("%s: restored to %s\n", backup.c_str(), directory.c_str());
  return 0;
}

int Run(int argc, char** argv) {
  CLI::App app("auspex: care for database directories", "auspex");
  app.set_version_flag("--version", std::string("auspex ") + AUSPEX_VERSION);
  app.require_subcommand(1);
  std::string from;
  std::string to;
  bool quiet = false;
  CLI::App* verify = app.add_subcommand("verify", "Read everything in a directory and name what is damaged; changes nothing");
  verify->add_option("DIR", from, "A database or backup directory that no server has open")->required();
  verify->add_flag("--quiet", quiet, "No progress on stderr");
  CLI::App* backup = app.add_subcommand("backup", "Copy a database directory that no server has open");
  backup->add_option("DIR", from, "The database directory")->required();
  backup->add_option("TARGET", to, "The directory to make; must not exist")->required();
  CLI::App* restore = app.add_subcommand("restore", "Make a database directory from a backup");
  restore->add_option("BACKUP", from, "The backup")->required();
  restore->add_option("DIR", to, "The database directory to make; missing or empty")->required();
  CLI11_PARSE(app, argc, argv);
  if (verify->parsed()) return Verify(from, quiet);
  return backup->parsed() ? Backup(from, to) : Restore(from, to);
}

}  // namespace
}  // namespace auspex::server

int main(int argc, char** argv) { return auspex::server::Run(argc, argv); }
