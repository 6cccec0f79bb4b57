// Who is let in, and who is not.
#include "studio/guard.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace foretoken {
namespace {

const Gate kGate{"secret", 8080};

RequestHead post() {
  return {"POST", "/estimate", "127.0.0.1:8080", "http://127.0.0.1:8080", "secret", "application/json"};
}
RequestHead get() {
  return {"GET", "/?token=secret", "localhost:8080", "", "", ""};
}
int status_of(const RequestHead& head) {
  const auto refused = why_refused(head, kGate);
  return refused ? refused->status : 200;
}
int changed(RequestHead head, const std::function<void(RequestHead&)>& change) {
  change(head);
  return status_of(head);
}

TEST(Guard, LetsThePageInAndWhatItAsks) {
  EXPECT_EQ(status_of(get()), 200);
  EXPECT_EQ(status_of(post()), 200);
  for (const char* path : {"/simulate", "/export", "/report?x=1"})
    EXPECT_EQ(changed(post(), [&](RequestHead& h) { h.target = path; }), 200) << path;
}

TEST(Guard, WantsTheTokenAsAHeaderOfWhatThePageAsks) {
  for (const char* token : {"", "Secret", "secret ", "secre", "secretsecret"})
    EXPECT_EQ(changed(post(), [&](RequestHead& h) { h.token = token; }), 403) << token;
  // Another page could make a form or a picture ask with it in the address.
  EXPECT_EQ(changed(post(), [](RequestHead& h) { h.token.clear(), h.target = "/estimate?token=secret"; }), 403);
  for (const char* target : {"/", "/?token=", "/?token=secretx", "/?xtoken=secret", "/?x=token=secret"})
    EXPECT_EQ(changed(get(), [&](RequestHead& h) { h.target = target; }), 403) << target;
  EXPECT_EQ(changed(get(), [](RequestHead& h) { h.target = "/?a=b&token=secret"; }), 200);
}

TEST(Guard, RefusesOtherNamesOfThisMachine) {
  for (const char* host : {"", "evil.example", "evil.example:8080", "127.0.0.1", "127.0.0.1:80", "127.0.0.1:8080.evil",
                           "127.0.0.1.evil:8080", "0.0.0.0:8080", "[::1]:8080"}) {
    EXPECT_EQ(changed(post(), [&](RequestHead& h) { h.host = host; }), 403) << host;
    EXPECT_EQ(changed(get(), [&](RequestHead& h) { h.host = host; }), 403) << host;
  }
}

TEST(Guard, RefusesOtherPages) {
  for (const char* origin : {"", "null", "http://evil.example", "https://127.0.0.1:8080", "http://127.0.0.1:8081",
                             "http://127.0.0.1:8080.evil.example"})
    EXPECT_EQ(changed(post(), [&](RequestHead& h) { h.origin = origin; }), 403) << origin;
  for (const char* type : {"", "text/plain", "application/x-www-form-urlencoded"})
    EXPECT_EQ(changed(post(), [&](RequestHead& h) { h.content_type = type; }), 415) << type;
}

TEST(Guard, HasNoFiles) {
  for (const char* target : {"/etc/passwd", "/../../etc/passwd", "/%2e%2e/etc/passwd", "//", "/favicon.ico",
                             "/estimate/", "http://127.0.0.1:8080/estimate", "*"})
    EXPECT_EQ(changed(post(), [&](RequestHead& h) { h.target = target; }), 404) << target;
  EXPECT_EQ(changed(post(), [](RequestHead& h) { h.target = "/"; }), 405);
  EXPECT_EQ(changed(get(), [](RequestHead& h) { h.target = "/simulate?token=secret"; }), 405);
  EXPECT_EQ(changed(post(), [](RequestHead& h) { h.method = "DELETE"; }), 405);
}

}  // namespace
}  // namespace foretoken
