#pragma once

#include <memory>

#include <rocksdb/env.h>

namespace auspex::storage {

/// Passes RocksDB's warnings and errors on to `target`. The rest of what it would log (its options at every open, a page for
/// each flush) takes more room than a small database.
class QuietLogger final : public rocksdb::Logger {
 public:
  explicit QuietLogger(std::shared_ptr<rocksdb::Logger> target);
  ~QuietLogger() override;

  using rocksdb::Logger::Logv;
  void LogHeader(const char* format, va_list arguments) override;
  void Logv(const char* format, va_list arguments) override;
  void Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) override;
  size_t GetLogFileSize() const override;
  void Flush() override;

 protected:
  rocksdb::Status CloseImpl() override;

 private:
  const std::shared_ptr<rocksdb::Logger> target_;
};

}  // namespace auspex::storage
