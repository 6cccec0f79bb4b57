// One connection: one request, one answer, then it is closed. All but the Exchange's functions run on the server's
// thread.
#pragma once

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>

#include "studio/exchange.hpp"
#include "studio/guard.hpp"
#include "studio/http_limits.hpp"

namespace foretoken {

class HttpSession final : public Exchange, public std::enable_shared_from_this<HttpSession> {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  using Answer = std::function<void(const StudioRequest&, ExchangePointer)>;
  using Closed = std::function<void(HttpSession*)>;
  HttpSession(Socket socket, const Gate& gate, const HttpLimits& limits, const Answer& answer, Closed closed);

  void start();
  void close();
  // The request is not complete, or answered: whoever comes next may have its place.
  [[nodiscard]] bool yields_its_place() const { return reading_ || replied_; }

  void reply(StudioReply reply) override;
  void event(std::string_view name, const Json& data) override;
  void progress(const Json& data) override;
  void end() override;
  [[nodiscard]] const std::atomic<bool>& gone() const override { return gone_; }

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using Response = boost::beast::http::response<boost::beast::http::string_body>;

  void on_header(boost::system::error_code error);
  void on_body(boost::system::error_code error);
  void refuse(boost::system::error_code error);
  void send(StudioReply reply);
  void begin_stream();
  void push(std::string text);
  void write_next();
  void tick();
  void flush_progress();
  void finish();
  void watch();
  void set_deadline(std::chrono::milliseconds time);

  Socket socket_;
  const Gate& gate_;
  const HttpLimits& limits_;
  const Answer& answer_;
  Closed closed_;
  boost::asio::steady_timer deadline_, pulse_;
  unsigned deadlines_ = 0;  // set so far: a wait that is over for another one is not meant
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::optional<Response> response_;
  std::array<char, 4096> rest_{};  // what comes after the request, read to see the other side close
  std::deque<std::string> outbox_;
  std::mutex mutex_;
  std::string latest_progress_;  // under the mutex
  std::atomic<bool> gone_{false};
  bool reading_ = true, streaming_ = false, writing_ = false, ended_ = false, replied_ = false, open_ = true;
  int quiet_ticks_ = 0;
};

}  // namespace foretoken
