#include "quiet_logger.h"

#include <utility>

namespace auspex::storage {

QuietLogger::QuietLogger(std::shared_ptr<rocksdb::Logger> target)
    : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL), target_(std::move(target)) {}

QuietLogger::~QuietLogger() { Close().PermitUncheckedError(); }

void QuietLogger::LogHeader(const char* /*format*/, va_list /*arguments*/) {}

void QuietLogger::Logv(const char* format, va_list arguments) { target_->Logv(format, arguments); }

void QuietLogger::Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) {
  if (level < rocksdb::InfoLogLevel::WARN_LEVEL || level == rocksdb::InfoLogLevel::HEADER_LEVEL) return;
  target_->Logv(level, format, arguments);
}

size_t QuietLogger::GetLogFileSize() const { return target_->GetLogFileSize(); }

void QuietLogger::Flush() { target_->Flush(); }

rocksdb::Status QuietLogger::CloseImpl() { return target_->Close(); }

}  // namespace auspex::storage
