// One request that is being answered.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "serving/http/message.h"

namespace sd35::serving {

// What a stream sends next.
struct StreamPart {
  std::string bytes;  // empty: nothing for now
  bool last = false;
};

// Asked for the next part whenever the one before has left, on the thread of the network: a client that reads
// slowly makes nobody keep more than one. Returns quickly.
using StreamSource = std::function<StreamPart()>;

// Usable from any thread. Answered once, by respond() or stream(); further calls do nothing. One that nobody
// answers before the last pointer to it goes is answered with 500.
class Exchange {
 public:
  explicit Exchange(Request request) : request_(std::move(request)) {}
  virtual ~Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  const Request& request() const { return request_; }

  virtual void respond(Response response) = 0;
  // Answers with `head` and what `source` gives; a comment line of server-sent events whenever there is
  // nothing for a while. The function that it returns says, from any thread, that there may be more.
  virtual std::function<void()> stream(Response head, StreamSource source) = 0;
  // Calls `callback`, on the thread of the network, if the client goes away before the answer is complete:
  // closes its connection, or its sending half.
  virtual void on_disconnect(std::function<void()> callback) = 0;

 private:
  Request request_;
};

}  // namespace sd35::serving
