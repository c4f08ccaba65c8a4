#include "query_queue.h"

#include <utility>

#include <boost/asio/defer.hpp>
#include <boost/asio/post.hpp>

namespace auspex::server {

namespace asio = boost::asio;

bool QueryQueue::Submit(Work work) {
  bool on_io = false;
  {
    const std::lock_guard lock(mu_);
    if (running_ == limit_) {
      if (waiting_.size() >= max_waiting_) return false;
      waiting_.push_back(std::move(work));
      return true;
    }
    ++running_;
    on_io = running_inline_ < inline_limit_;
    if (on_io) ++running_inline_;
  }
  if (on_io) {
    // Behind what the calling thread does now, most likely on that thread.
    asio::defer(io_, [this, work = std::move(work)] { RunInline(work); });
  } else {
    asio::post(pool_, [this, work = std::move(work)]() mutable { Run(std::move(work)); });
  }
  return true;
}

void QueryQueue::Join() {
  {
    std::unique_lock lock(mu_);
    idle_.wait(lock, [this] { return running_ == 0; });
  }
  pool_.join();
}

QueryQueue::Work QueryQueue::Next() {
  const std::lock_guard lock(mu_);
  if (waiting_.empty()) {
    if (--running_ == 0) idle_.notify_all();
    return nullptr;
  }
  Work next = std::move(waiting_.front());
  waiting_.pop_front();
  return next;
}

void QueryQueue::RunInline(const Work& work) {
  work();
  {
    const std::lock_guard lock(mu_);
    --running_inline_;
  }
  if (Work next = Next()) {
    asio::post(pool_, [this, next = std::move(next)]() mutable { Run(std::move(next)); });
  }
}

void QueryQueue::Run(Work work) {
  while (work) {
    work();
    work = Next();
  }
}

}  // namespace auspex::server
