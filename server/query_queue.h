#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

namespace auspex::server {

/// Runs queries, so many at a time, in the order in which they came. Some may run on the threads that move bytes, which spares
/// a short query the way to another thread and back: two wake-ups, each of which can cost more than the query. Thread-safe.
class QueryQueue {
 public:
  using Work = std::function<void()>;
  /// inline_limit: queries on threads of `io` at a time; at least one of those must be left over.
  QueryQueue(boost::asio::io_context& io, size_t limit, size_t inline_limit, size_t max_waiting)
      : io_(io), pool_(limit), limit_(limit), inline_limit_(inline_limit), max_waiting_(max_waiting) {}

  /// False: max_waiting wait already, and `work` will not be run.
  bool Submit(Work work);
  /// Waits for everything that was submitted. `io` must be running.
  void Join();

 private:
  void RunInline(const Work& work);
  void Run(Work work);
  /// The query that takes the place of one that has ended; null, and the place given back, when none waits.
  Work Next();

  boost::asio::io_context& io_;
  boost::asio::thread_pool pool_;
  const size_t limit_;
  const size_t inline_limit_;
  const size_t max_waiting_;
  std::mutex mu_;
  std::condition_variable idle_;
  size_t running_ = 0;         // guarded by mu_
  size_t running_inline_ = 0;  // guarded by mu_; of those
  std::deque<Work> waiting_;   // guarded by mu_
};

}  // namespace auspex::server
