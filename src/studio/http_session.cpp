// The request read within its limits, and the answer written, at once or event by event.
#include "studio/http_session.hpp"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

namespace foretoken {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::chrono::milliseconds kPulse{100};

std::string text_of(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

// What a browser is told about everything that comes from here.
constexpr std::pair<const char*, const char*> kHeaders[] = {{"X-Content-Type-Options", "nosniff"},
                                                            {"Cache-Control", "no-store"},
                                                            {"Referrer-Policy", "no-referrer"},
                                                            {"Cross-Origin-Resource-Policy", "same-origin"},
                                                            {"Cross-Origin-Opener-Policy", "same-origin"},
                                                            {"X-Frame-Options", "DENY"}};

StudioReply refusal(const Refusal& refused) {
  return {refused.status, "text/plain; charset=utf-8", refused.reason + "\n"};
}

std::string event_text(std::string_view name, const Json& data) {
  return fmt::format("event: {}\ndata: {}\n\n", name, to_text(data, 0));
}

}  // namespace

HttpSession::HttpSession(Socket socket, const Gate& gate, const HttpLimits& limits, const Answer& answer, Closed closed)
    : socket_(std::move(socket)),
      gate_(gate),
      limits_(limits),
      answer_(answer),
      closed_(std::move(closed)),
      deadline_(socket_.get_executor()),
      pulse_(socket_.get_executor()) {}

void HttpSession::start() {
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(limits_.header_bytes));
  parser_->body_limit(limits_.body_bytes);
  set_deadline(limits_.request);
  http::async_read_header(socket_, buffer_, *parser_,
                          [self = shared_from_this()](error_code error, std::size_t) { self->on_header(error); });
}

void HttpSession::set_deadline(std::chrono::milliseconds time) {
  const unsigned number = ++deadlines_;
  deadline_.expires_after(time);
  deadline_.async_wait([self = shared_from_this(), number](error_code error) {
    if (!error && number == self->deadlines_) self->close();
  });
}

void HttpSession::close() {
  if (!open_) return;
  open_ = false;
  gone_.store(true);
  error_code ignored;
  socket_.close(ignored);
  deadline_.cancel();
  pulse_.cancel();
  closed_(this);
}

void HttpSession::refuse(error_code error) {
  if (error == http::error::body_limit)
    send(refusal({413, fmt::format("a body of more than {} bytes", limits_.body_bytes)}));
  else if (error == http::error::header_limit || error == http::error::buffer_overflow)
    send(refusal({431, "a header that is too long"}));
  else if (error.category() == http::make_error_code(http::error::bad_method).category() &&
           error != http::error::end_of_stream && error != http::error::partial_message)
    send(refusal({400, "this is no HTTP request"}));
  else
    close();
}

void HttpSession::on_header(error_code error) {
  if (!open_) return;
  if (error) return refuse(error);
  const auto& m = parser_->get();
  RequestHead head{text_of(m.method_string()),      text_of(m.target()),
                   text_of(m[http::field::host]),   text_of(m[http::field::origin]),
                   text_of(m["X-Foretoken-Token"]), text_of(m[http::field::content_type])};
  // Two of them: whoever is in between may read another than we do.
  if (m.count(http::field::host) != 1) head.host.clear();
  if (const std::optional<Refusal> refused = why_refused(head, gate_)) return send(refusal(*refused));
  http::async_read(socket_, buffer_, *parser_,
                   [self = shared_from_this()](error_code failed, std::size_t) { self->on_body(failed); });
}

void HttpSession::on_body(error_code error) {
  if (!open_) return;
  if (error) return refuse(error);
  reading_ = false;
  deadline_.cancel();
  ++deadlines_;
  auto& m = parser_->get();
  const StudioRequest request{text_of(m.method_string()), path_of_target(text_of(m.target())), std::move(m.body())};
  watch();
  answer_(request, shared_from_this());
}

// Nothing more is wanted from the other side, but that it is there.
void HttpSession::watch() {
  socket_.async_read_some(asio::buffer(rest_), [self = shared_from_this()](error_code error, std::size_t) {
    if (!self->open_) return;
    if (error)
      self->close();
    else
      self->watch();
  });
}

void HttpSession::reply(StudioReply reply) {
  asio::post(socket_.get_executor(), [self = shared_from_this(), reply = std::move(reply)]() mutable {
    if (!self->open_ || self->replied_) return;
    if (!self->streaming_) return self->send(std::move(reply));
    // Too late for a status.
    self->push("event: failed\ndata: " + reply.body + "\n\n");
    self->ended_ = true;
    self->write_next();
  });
}

void HttpSession::send(StudioReply reply) {
  if (reading_) watch();
  reading_ = false;
  replied_ = true;
  response_.emplace();
  response_->version(11);
  response_->result(static_cast<unsigned>(reply.status));
  response_->set(http::field::content_type, reply.type);
  response_->set(http::field::connection, "close");
  for (const auto& [name, value] : kHeaders) response_->set(name, value);
  if (!reply.policy.empty()) response_->set("Content-Security-Policy", reply.policy);
  response_->body() = std::move(reply.body);
  response_->prepare_payload();
  set_deadline(limits_.write);
  http::async_write(socket_, *response_, [self = shared_from_this()](error_code error, std::size_t) {
    if (!self->open_) return;
    if (error)
      self->close();
    else
      self->finish();
  });
}

// The last byte is sent. Closing at once could take it back, where the other side still sends.
void HttpSession::finish() {
  error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  set_deadline(limits_.linger);
}

void HttpSession::event(std::string_view name, const Json& data) {
  asio::post(socket_.get_executor(), [self = shared_from_this(), text = event_text(name, data)]() mutable {
    if (!self->open_ || self->replied_ || self->ended_) return;
    self->begin_stream();
    self->flush_progress();
    self->push(std::move(text));
  });
}

void HttpSession::progress(const Json& data) {
  if (gone_.load()) return;
  std::string text = event_text("progress", data);
  const std::lock_guard lock(mutex_);
  latest_progress_ = std::move(text);
}

void HttpSession::end() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    if (!self->open_ || self->replied_) return;
    self->begin_stream();
    self->ended_ = true;
    self->write_next();
  });
}

void HttpSession::begin_stream() {
  if (streaming_) return;
  streaming_ = true;
  std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n";
  for (const auto& [name, value] : kHeaders) head += fmt::format("{}: {}\r\n", name, value);
  push(head + "\r\n");
  tick();
}

void HttpSession::push(std::string text) {
  quiet_ticks_ = 0;
  outbox_.push_back(std::move(text));
  write_next();
}

void HttpSession::write_next() {
  if (writing_ || !open_) return;
  if (outbox_.empty()) {
    if (ended_) finish();
    return;
  }
  writing_ = true;
  set_deadline(limits_.write);
  asio::async_write(socket_, asio::buffer(outbox_.front()), [self = shared_from_this()](error_code error, std::size_t) {
    if (!self->open_) return;
    if (error) return self->close();
    self->writing_ = false;
    self->outbox_.pop_front();
    self->deadline_.cancel();
    ++self->deadlines_;
    self->write_next();
  });
}

void HttpSession::flush_progress() {
  std::string text;
  {
    const std::lock_guard lock(mutex_);
    text.swap(latest_progress_);
  }
  if (!text.empty()) push(std::move(text));
}

// Now and then: how far it is, when the last word of it is sent; and a sign of life, which also finds out whether
// anybody is there.
void HttpSession::tick() {
  if (!open_ || ended_) return;
  if (outbox_.empty()) flush_progress();
  if (outbox_.empty() && ++quiet_ticks_ * kPulse >= limits_.heartbeat) push(": still here\n\n");
  pulse_.expires_after(kPulse);
  pulse_.async_wait([self = shared_from_this()](error_code error) {
    if (!error) self->tick();
  });
}

}  // namespace foretoken
